"""The artifact store in a bucket of a real S3 server, alone and under a whole run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, PluginConflict, StoreError, StoreUnwritable
from dovetail.plugins import build_catalogue
from dovetail.spec import Artifact, Blob
from dovetail.store import ArtifactStore, open_artifact_store


class Bucket:
    """A folder in the bucket that only this test uses."""

    def __init__(self, server: Any) -> None:
        self.server, self.root = server, f"{server.bucket}/{uuid.uuid4().hex}"
        self.url = f"s3://{self.root}"

    def key(self, blob: Blob) -> str:
        return f"{self.root}/blobs/{blob.digest[:2]}/{blob.digest[2:]}"

    def stored(self) -> list[str]:
        return list(self.server.fs.find(self.root))


@pytest.fixture
def bucket(s3_server: Any, storage: Callable[..., Settings]) -> Bucket:
    storage(s3=s3_server.options())
    return Bucket(s3_server)


def test_what_one_machine_stores_another_finds(bucket: Bucket, tmp_path: Path) -> None:
    here = ArtifactStore(bucket.url, cache=tmp_path / "here")
    path = here.temporary(".bin")
    path.write_bytes(os.urandom(20 * 1024 * 1024))
    blobs = [here.add_file(path, "big.bin"), here.add_bytes(b"small", "x"), here.add_bytes(b"", "nothing")]
    there = ArtifactStore(bucket.url, cache=tmp_path / "there")
    for blob in blobs:
        assert there.open_path(blob).read_bytes() == here.open_path(blob).read_bytes()
    assert sorted(bucket.stored()) == sorted(map(bucket.key, blobs)), "an object appears under its own name at once"


@pytest.mark.parametrize("damage", [b"payloaX", b"pay", b"", b"payload and more"])
def test_a_damaged_object_is_never_used(bucket: Bucket, tmp_path: Path, damage: bytes) -> None:
    blob = ArtifactStore(bucket.url, cache=tmp_path / "here").add_bytes(b"payload", "x")
    bucket.server.fs.pipe_file(bucket.key(blob), damage)
    there = ArtifactStore(bucket.url, cache=tmp_path / "there")
    with pytest.raises(ArtifactCorrupt) as caught:
        there.open_path(blob)
    assert caught.value.details["expected"] == blob.digest
    assert not there.has(Artifact("0" * 64, "bytes", "bytes", blob.digest, (blob,)))


def test_a_missing_object_is_told_from_a_failing_storage(bucket: Bucket, tmp_path: Path) -> None:
    blob = ArtifactStore(bucket.url, cache=tmp_path / "here").add_bytes(b"payload", "x")
    bucket.server.fs.rm_file(bucket.key(blob))
    there = ArtifactStore(bucket.url, cache=tmp_path / "there")
    with pytest.raises(ArtifactNotFound, match="is gone"):
        there.open_path(blob)
    with pytest.raises(ArtifactNotFound):
        there.persist(Artifact("0" * 64, "bytes", "bytes", blob.digest, (blob,)))


def test_the_same_bytes_are_uploaded_once_while_they_are_young(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(bucket.url, cache=tmp_path / "here")
    blob = store.add_bytes(b"payload", "x")
    bucket.server.fs.pipe_file(bucket.key(blob), b"payloaX")  # shows whether it is written again
    store.add_bytes(b"payload", "x")
    assert bucket.server.fs.cat_file(bucket.key(blob)) == b"payloaX"
    monkeypatch.setattr("dovetail.store._remote_blobs._YOUNG", -60)
    store.add_bytes(b"payload", "x")
    assert bucket.server.fs.cat_file(bucket.key(blob)) == b"payload", "what a collector might take is renewed"


def test_gc(bucket: Bucket, tmp_path: Path) -> None:
    store = ArtifactStore(bucket.url, cache=tmp_path / "here")
    live, dead = store.add_bytes(b"live", "a"), store.add_bytes(b"dead", "b")
    assert store.gc([live.digest]).files == 0
    found = store.gc([live.digest], older_than=-60)
    assert (found.files, found.bytes) == (1, 4)
    assert bucket.stored() == [bucket.key(live)]
    with pytest.raises(ArtifactNotFound):
        store.open_path(dead)


def test_wrong_credentials_and_no_bucket(own_s3_server: Any, storage: Callable[..., Settings], tmp_path: Path) -> None:
    storage(s3=own_s3_server.options())
    with pytest.raises(StoreError, match="can't write") as caught:
        ArtifactStore("s3://no-such-bucket/x", cache=tmp_path / "a").add_bytes(b"x", "x")
    assert "bucket" in (caught.value.fix or "")
    nobody = own_s3_server.nobody()
    own_s3_server.require_credentials(True)
    for options in (nobody, own_s3_server.options(secret="falsch-4711")):
        storage(s3=options)
        with pytest.raises(StoreUnwritable) as refused:
            ArtifactStore("s3://data/x", cache=tmp_path / "b").add_bytes(b"x", "x")
        assert "[storage.s3]" in (refused.value.fix or "") and options["secret"] not in str(refused.value)


def test_a_server_that_goes_away(own_s3_server: Any, storage: Callable[..., Settings], tmp_path: Path) -> None:
    storage(s3=own_s3_server.options())
    store = ArtifactStore("s3://data/x", cache=tmp_path / "here")
    blob = store.add_bytes(b"payload", "x")
    own_s3_server.stop()
    assert store.open_path(blob).read_bytes() == b"payload", "what is cached is enough"
    with pytest.raises(StoreError, match="network"):
        store.add_bytes(b"more", "x")
    with pytest.raises(StoreError, match="network"):
        ArtifactStore("s3://data/x", cache=tmp_path / "there").open_path(blob)


UPLOAD = """
import json, sys, threading
from pathlib import Path
from dovetail.config import Settings
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.store import ArtifactStore
url, cache, options = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
with use_catalogue(build_catalogue(Settings(cache, storage={"s3": options}, disable_plugins=True))):
    store = ArtifactStore(url, cache=cache)
    path = store.temporary()
    path.write_bytes(bytes(range(256)) * (128 * 1024))  # 32 MB, in two parts
    store._blobs._fs.exists(url)  # connects
    print("go", flush=True)
    store.add_file(path, "big")
"""


def test_an_upload_that_is_killed_leaves_nothing_or_all(bucket: Bucket, tmp_path: Path, child: Any) -> None:
    import hashlib
    import json

    data = bytes(range(256)) * (128 * 1024)
    blob = Blob("big", hashlib.sha256(data).hexdigest(), len(data))
    for trial in range(4):
        process = child(UPLOAD, bucket.url, tmp_path / f"c{trial}", json.dumps(bucket.server.options()))
        assert process.stdout.readline() == "go\n"
        for _ in range(trial):
            bucket.stored()  # a little later each time, by what the server takes
        process.kill()
        process.wait()
        there = ArtifactStore(bucket.url, cache=tmp_path / f"look{trial}")
        try:
            assert there.open_path(blob).stat().st_size == len(data)
        except ArtifactNotFound:
            assert bucket.stored() == []


# -- a whole run ---------------------------------------------------------------------------------------

PIPELINE = """
import os, signal
from pathlib import Path
import dovetail as dt

HERE = Path(__file__).parent

def count(name: str) -> None:
    with open(HERE / "log", "a") as log:
        log.write(name + "\\n")

@dt.task
def first(seed: dt.File) -> list[int]:
    count("first")
    return [int(seed.read_text())] * 5000

@dt.task
def second(numbers: list[int]) -> dt.File:
    count("second")
    if not (HERE / "killed").exists():
        (HERE / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    out = dt.File.new(".txt")
    with out.open("w") as stream:
        stream.write(str(sum(numbers)))
    return out

@dt.task
def third(total: dt.File) -> int:
    count("third")
    return int(total.read_text())

@dt.workflow
def daily(seed: dt.File) -> int:
    return third(second(first(seed)))
"""


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_whose_hub_is_killed_goes_on_from_the_bucket(bucket: Bucket, tmp_path: Path, executor: str) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    options = bucket.server.options()
    (tmp_path / "dovetail.toml").write_text(
        f'artifact_store = "{bucket.url}"\nlease_seconds = 1\n[storage.s3]\nkey = "{options["key"]}"\n'
        f'secret = {{ env = "THE_SECRET" }}\nendpoint_url = "{options["endpoint_url"]}"\n'
        'client_kwargs = { region_name = "us-east-1" }\n'
    )
    seed = bucket.server.put(f"{bucket.root.partition('/')[2]}-seed/seed.txt", b"3")

    def dovetail(*arguments: str, cache: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"THE_SECRET": options["secret"], "DOVETAIL_CACHE_DIR": str(tmp_path / cache)}
        command = [sys.executable, "-m", "dovetail", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    killed = dovetail("run", "pipeline.py", "daily", "--seed", seed, "--executor", executor, cache="here")
    done = killed
    if executor == "threads":
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    if killed.returncode:  # where the task ran in a process of its own, the hub lives and may have tried again
        done = dovetail("runs", "resume", "latest", cache="there")
    assert done.returncode == 0, done.stderr + done.stdout
    told = killed.stdout + killed.stderr + done.stdout + done.stderr
    log = (tmp_path / "log").read_text().split()
    assert (log.count("first"), log.count("third")) == (1, 1), "what was committed is not run again"
    assert "15000" in dovetail("artifacts", "show", "latest:third", cache="third").stdout
    stored = [path.read_bytes() for path in (tmp_path / ".dovetail").rglob("*") if path.is_file()]
    stored += [bucket.server.fs.cat_file(key) for key in bucket.stored()]
    assert not [text for text in stored if options["secret"].encode() in text]
    assert options["secret"] not in told
    assert not (tmp_path / ".dovetail" / "artifacts").exists()


# -- stores of plugins ---------------------------------------------------------------------------------

PLUGIN = """
from pathlib import Path
from dovetail.spec import ArtifactStoreSpec, hookimpl
DOVETAIL_API = 1

@hookimpl
def dovetail_artifact_stores():
    return [ArtifactStoreSpec("{name}", ("{scheme}",), "{module}:open_store")]

def open_store(url):
    {body}
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.syspath_prepend(tmp_path)

    def make(body: str, scheme: str = "box") -> str:
        module = f"box_{uuid.uuid4().hex[:8]}"
        (tmp_path / f"{module}.py").write_text(PLUGIN.format(name=module, scheme=scheme, module=module, body=body))
        return module

    return make


OPEN = "from dovetail.store import _local_blobs as b; return b.LocalBlobs(Path({root!r}, url.partition('://')[2]), fsync=False)"


def test_a_plugin_brings_the_store_of_its_scheme(tmp_path: Path, plugin: Callable[..., str]) -> None:
    module = plugin(OPEN.format(root=str(tmp_path)))
    settings = Settings(tmp_path, artifact_store="box://shelf")
    store = open_artifact_store(settings, lambda: build_catalogue(settings, [module]))
    blob = store.add_bytes(b"x", "x")
    assert store.open_path(blob).is_relative_to(tmp_path / "shelf")
    assert store.gc([], older_than=-60).files == 1


def test_a_plugin_may_take_a_scheme_that_the_core_knows(tmp_path: Path, plugin: Callable[..., str]) -> None:
    module = plugin(OPEN.format(root=str(tmp_path)), scheme="memory")
    settings = Settings(tmp_path, artifact_store="memory://shelf")
    store = open_artifact_store(settings, lambda: build_catalogue(settings, [module]))
    assert store.open_path(store.add_bytes(b"x", "x")).is_relative_to(tmp_path / "shelf")


@pytest.mark.parametrize(("body", "why"), [("return Path(url)", "BlobStore"), ("return 1 / 0", "ZeroDivisionError")])
def test_a_plugin_whose_store_is_none_is_named(tmp_path: Path, plugin: Callable[..., str], body: str, why: str) -> None:
    module = plugin(body)
    settings = Settings(tmp_path, artifact_store="box://shelf")
    with pytest.raises(StoreError, match="artifact store at box://shelf") as caught:
        open_artifact_store(settings, lambda: build_catalogue(settings, [module]))
    assert module in (caught.value.who or "") and why in (caught.value.why or "")


def test_two_plugins_for_one_scheme_are_settled_by_config(tmp_path: Path, plugin: Callable[..., str]) -> None:
    modules = [plugin("return None"), plugin("return None")]
    settings = Settings(tmp_path, artifact_store="box://shelf")
    with pytest.raises(PluginConflict):
        open_artifact_store(settings, lambda: build_catalogue(settings, modules))
