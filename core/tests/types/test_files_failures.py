"""Remote files that cannot be had: what is said, by whom it is to be mended, and what is shown to nobody."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from dovetail.config import Settings, redact
from dovetail.errors import ConfigError, DovetailError, EngineUnavailable, StoreUnwritable, UsageError, ValueMismatch
from dovetail.types import Directory, File, TypeEngine

Put = Callable[[str, bytes], str]
Reads = list[Callable[[File], object]]


def test_a_missing_key_is_the_users_error(types: TypeEngine, store: Any, s3: Put, reads: Reads) -> None:
    url = s3("there", b"1").replace("there", "not there")
    for read in reads:
        with pytest.raises(ValueMismatch, match="there is nothing at s3://"):
            read(File(url))
    with pytest.raises(ValueMismatch, match="there is nothing at"):
        types.dump(File(url), File, store)
    with pytest.raises(ValueMismatch, match="there is nothing at"):
        _ = File("s3://no-such-bucket-0815/x").path


def test_a_folder_is_no_file(s3: Put) -> None:
    folder = s3("folder/file", b"1").removesuffix("/file")
    s3("marker/", b"")
    with pytest.raises(ValueMismatch, match="is a directory"):
        File(folder).read_bytes()
    with pytest.raises(ValueMismatch, match="names a directory"):
        _ = File(folder + "/").path
    with pytest.raises(ValueMismatch, match="directory"):
        _ = File(folder.replace("/folder", "/marker/")).path


@pytest.mark.parametrize("known", [False, True])
def test_wrong_credentials_and_no_permission(
    own_s3_server: Any, storage: Callable[..., Settings], known: bool, reads: Reads
) -> None:
    url = own_s3_server.put("file", b"1")
    options = own_s3_server.nobody() if known else own_s3_server.options(secret="falsch-4711")
    own_s3_server.require_credentials(True)
    storage(s3=options)
    with pytest.raises(EngineUnavailable, match="refuses to list"):
        Directory("s3://data").names()
    for read in reads:
        with pytest.raises(EngineUnavailable, match="refuses") as caught:
            read(File(url))
        assert "[storage.s3]" in (caught.value.fix or "")
        assert options["secret"] not in repr(caught.value) + str(caught.value)


def test_a_server_that_goes_away_in_the_middle(own_s3_server: Any, storage: Callable[..., Settings]) -> None:
    storage(s3=own_s3_server.options())
    url = own_s3_server.put("big", bytes(20 * 1024 * 1024))
    stream = File(url).open("rb")
    assert stream.read(1) == b"\0"
    own_s3_server.stop()
    with pytest.raises(EngineUnavailable, match="cannot read s3://data/big") as caught:
        while stream.read(1024 * 1024):
            pass
    assert "dovetail runs resume" in (caught.value.fix or "")
    with pytest.raises(EngineUnavailable, match="cannot read"):
        _ = File(url).path


def test_a_copy_that_finds_no_room_is_the_platforms_failure(s3: Put) -> None:
    resource = pytest.importorskip("resource")
    file = File(s3("file", bytes(3_000_000)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(StoreUnwritable, match="cannot be copied") as caught:
            file.download()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "TMPDIR" in (caught.value.fix or "")
    assert file.download().stat().st_size == 3_000_000


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    opened = sys.modules["fsspec.registry"].__dict__["_registry"]
    for scheme, package in (("s3", "s3fs"), ("gs", "gcsfs")):
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.delitem(opened, scheme, raising=False)
    for url, extra in (("s3://b/k", "s3"), ("gs://b/k", "gcs")):
        with pytest.raises(EngineUnavailable) as caught:
            File(url).read_bytes()
        assert caught.value.fix == f"pip install 'dovetail[{extra}]'"


def test_an_unknown_scheme_has_its_nearest(types: TypeEngine) -> None:
    with pytest.raises(UsageError, match="nobody knows the scheme s4://"):
        _ = File("s4://bucket/key").path
    with pytest.raises(UsageError) as caught:
        _ = File("memry://x").path
    assert caught.value.fix == "did you mean memory://?"


def test_an_option_that_is_none_is_the_configurations_fault(storage: Callable[..., Settings]) -> None:
    storage(s3={"client_kwarg": {"x": "geheim-0815"}, "config_kwargs": 3})
    with pytest.raises((ConfigError, EngineUnavailable)) as caught:
        File("s3://b/k").read_bytes()
    assert "geheim-0815" not in str(caught.value)


def test_a_remote_file_is_never_written(s3: Put, types: TypeEngine, store: Any, tmp_path: Path) -> None:
    file = File(s3("x", b"1"))
    for mode in ("w", "wb", "a", "r+b", "x"):
        with pytest.raises(UsageError, match="cannot be written"):
            file.open(mode)
    (tmp_path / "a").write_text("1")
    inside = types.load(types.dump(File(tmp_path / "a"), File, store), store, File)
    with pytest.raises(UsageError, match="cannot be written"):
        inside.open("w")


# -- secrets -------------------------------------------------------------------------------------------


def test_credentials_come_from_where_config_says(
    own_s3_server: Any, storage: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = own_s3_server.put("file", b"1")
    monkeypatch.setenv("MY_SECRET", "ganz-geheim-1")
    options = own_s3_server.options() | {"secret": {"env": "MY_SECRET"}}
    settings = storage(s3={"key": "nobody"}, **{f"s3://{own_s3_server.bucket}": options})
    assert File(url).read_bytes() == b"1"
    assert "ganz-geheim-1" not in repr(settings)
    assert redact("x ganz-geheim-1") == "x ***"
    monkeypatch.delenv("MY_SECRET")
    with pytest.raises(ConfigError, match="MY_SECRET"):
        File(url).read_bytes()


def test_options_of_one_bucket_are_not_given_to_another(storage: Callable[..., Settings]) -> None:
    from dovetail.types.remote import _options

    storage(**{"s3": {"a": 1, "b": 1}, "s3://bucket": {"b": 2}, "s3://bucket/deep/": {"b": 3}})
    given = {
        url: _options(url, "s3", None)
        for url in ("s3://bucket/x", "s3://bucket2/x", "s3://bucket/deep/x", "s3://bucket")
    }
    assert [each["b"] for each in given.values()] == [2, 1, 3, 2]
    assert all(each["a"] == 1 for each in given.values())


SECRET_URLS = [
    "memory://user:hunter22@secrets/file.txt",
    "memory://secrets/file.txt?X-Amz-Signature=hunter22hunter22",
]


@pytest.mark.parametrize("url", SECRET_URLS)
def test_what_a_url_hides_is_shown_nowhere(types: TypeEngine, store: Any, url: str, reads: Reads) -> None:
    path = url.removeprefix("memory:/")
    fsspec.filesystem("memory").pipe_file(path, b"data")
    file = File(url)
    shown = [str(file), repr(file), f"{file}", types.preview(file).text or ""]
    artifact = types.dump(file, File, store)
    assert artifact.format == "file", "a URL with a secret is no reference that may be stored"
    shown += [repr(artifact), *(p.read_text("latin-1") for p in store.root.iterdir())]
    fsspec.filesystem("memory").rm_file(path)
    for read in reads:
        with pytest.raises(DovetailError) as caught:
            read(File(url))
        error: BaseException | None = caught.value
        shown += [str(error), repr(error), repr(caught.value.to_dict())]
        while error is not None:
            shown.append(str(error))
            error = error.__cause__
    assert not [text for text in shown if "hunter22" in text]
    assert redact(f"log {url}") != f"log {url}"


def test_a_pickled_file_holds_no_credentials(s3: Put) -> None:
    file = File(s3("x", b"1"))
    _ = file.path
    data = pickle.dumps(file)
    assert b"geheim-0815" not in data
    assert pickle.loads(data) == file and pickle.loads(data).read_bytes() == b"1"


# -- over HTTP -----------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Any]:
    """A web server for ``tmp_path`` that knows neither parts of files nor ETags, as many do."""
    pytest.importorskip("aiohttp")
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...


def test_a_file_on_the_web(types: TypeEngine, store: Any, web: Any, tmp_path: Path) -> None:
    data = os.urandom(9 * 1024 * 1024)
    (tmp_path / "big.bin").write_bytes(data)
    (tmp_path / "small.txt").write_text("one\ntwo\n")
    address = f"http://127.0.0.1:{web.server_port}"
    small, big = File(f"{address}/small.txt?token=geheim-0815"), File(f"{address}/big.bin")
    assert (small.name, small.size) == ("small.txt", 8)
    assert small.open().readline() == "one\n" and Path(small).read_text() == "one\ntwo\n"
    assert "one" in (types.preview(small).text or "") and "geheim" not in repr(small) + (
        types.preview(small).text or ""
    )
    assert hashlib.sha256(big.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert big.sha256() == hashlib.sha256(data).hexdigest()
    assert types.dump(big, File, store).format == "reference"
    assert types.dump(small, File, store).format == "file"
    with pytest.raises(ValueMismatch, match="there is nothing at"):
        File(f"{address}/none.txt").read_bytes()


def test_a_web_server_that_is_not_there(web: Any) -> None:
    url = f"http://127.0.0.1:{web.server_port}/x?token=geheim-0815"
    web.shutdown()
    web.server_close()
    with pytest.raises(EngineUnavailable, match="cannot read") as caught:
        File(url).read_bytes()
    assert "geheim" not in str(caught.value) and caught.value.__cause__ is None
