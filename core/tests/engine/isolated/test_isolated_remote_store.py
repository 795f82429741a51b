"""The project's artifact store behind a URL, whose driver and credentials no environment has."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from dovetail.config import Settings
from dovetail.engine._staging import Staging, without_store
from dovetail.env import isolated_pools
from dovetail.env.bridge import Bridge
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, PlatformError
from dovetail.spec import Artifact, Blob
from dovetail.store import ArtifactStore

FLOW = """
    from pathlib import Path
    import pyarrow as pa

    @dt.task(env="plain")
    def made(n: int) -> pa.Table:
        return pa.table({"a": list(range(n))})

    @dt.task(env="plain")
    def written(table: pa.Table) -> dict[str, dt.File]:
        try:
            import s3fs
        except ImportError:
            pass
        else:
            raise AssertionError("this environment is to have no driver")
        file = dt.File.new("sum.txt")
        Path(file).write_text(str(sum(table["a"].to_pylist())))
        return {"one": file, "same": file}

    @dt.task(env="plain")
    def read(files: dict[str, dt.File]) -> int:
        if BREAK.exists():
            raise ValueError("not yet")
        return sum(int(file.read_text()) for file in files.values())

    @dt.workflow
    def flow(n: int = 5) -> int:
        return read(written(made(n)))
    """


@pytest.fixture(params=["s3", "memory"])
def settings(request, settings, tmp_path):
    folder = uuid.uuid4().hex
    cache = tmp_path / "cache"
    if request.param == "memory":  # each process would have one of its own
        return replace(settings, artifact_store=f"memory://{folder}", cache_dir=cache)
    server = request.getfixturevalue("s3_server")
    url = f"s3://{server.bucket}/{folder}"
    return replace(settings, artifact_store=url, cache_dir=cache, storage={url: server.options()})


def test_workers_need_neither_the_driver_of_the_store_nor_what_opens_it(pipeline, hub, settings, tmp_path):
    module = pipeline(
        f"from pathlib import Path\nBREAK = Path({str(tmp_path / 'break')!r})\n" + FLOW.replace("\n    ", "\n")
    )
    (tmp_path / "break").touch()
    with pytest.raises(Exception, match="not yet") as caught:
        hub.run(module.flow, n=5)
    (tmp_path / "break").unlink()
    # What the nodes before it have stored is all that a resumed run has: it comes out of the store.
    result = hub.resume(caught.value.details["run_id"], module.flow)
    assert result.value == 20
    nodes = {node.node_id: node for node in hub.runs.nodes(result.run_id)}
    store = ArtifactStore(settings.artifact_store, cache=tmp_path / "elsewhere", settings=settings)
    for node in nodes.values():
        for artifact in node.outputs.values():
            store.verify(artifact)
    folder = Path(isolated_pools().bridge(hub.settings.home).place["roots"]["d"]) / "hub"
    assert not any(any(each.iterdir()) for each in folder.glob("f*"))


def test_outputs_that_only_the_store_has_are_read_for_a_worker(pipeline, hub, settings, tmp_path):
    module = pipeline(
        """
        import pyarrow as pa

        @dt.task
        def made(n: int) -> pa.Table:
            return pa.table({"a": list(range(n))})

        @dt.task(env="plain")
        def total(table: pa.Table) -> int:
            if table.num_rows > 3:
                raise ValueError("too many")
            return sum(table["a"].to_pylist())

        @dt.workflow
        def flow(n: int = 3) -> int:
            return total(made(n))
        """
    )
    assert hub.run(module.flow, n=3).value == 3
    with pytest.raises(Exception, match="too many") as caught:
        hub.run(module.flow, n=4)
    with pytest.raises(Exception, match="too many"):  # read from the store, by the function as before
        hub.resume(caught.value.details["run_id"], module.flow)


@pytest.fixture
def staging(tmp_path):
    with Bridge(tmp_path) as bridge, Staging(bridge, ArtifactStore(tmp_path / "store")) as staging:
        yield staging


def artifact(*blobs: Blob) -> Artifact:
    return Artifact("file", "raw", "1", "", blobs=blobs)


def test_what_a_worker_says_it_has_stored_is_checked(staging, tmp_path):
    store = ArtifactStore(tmp_path / "store")
    staged = ArtifactStore(staging.place["folder"])
    good = staged.add_bytes(b"good", "x")
    staging.take_over([artifact(good, good), artifact(good)])
    assert store.open_path(good).read_bytes() == b"good"
    with pytest.raises(ArtifactNotFound):
        staging.take_over([artifact(Blob("x", "0" * 64, 4))])
    bad = staged.add_bytes(b"bad", "x")
    path = staged.open_path(bad)
    path.chmod(0o600)
    path.write_bytes(b"worse")
    with pytest.raises(ArtifactCorrupt):
        staging.take_over([artifact(bad)])
    with pytest.raises((ArtifactNotFound, PlatformError)):
        staging.take_over([artifact(Blob("x", "../../../etc/passwd", 4))])


def test_credentials_of_the_store_alone_are_not_told_to_workers(tmp_path):
    storage = {"s3://lake/dovetail": {"secret": "a"}, "s3": {"secret": "b"}, "s3://lake/dove": {"secret": "c"}}
    told = without_store(Settings(tmp_path, artifact_store="s3://lake/dovetail/x", storage=storage))
    assert dict(told.storage) == {"s3": {"secret": "b"}, "s3://lake/dove": {"secret": "c"}}
    here = Settings(tmp_path, storage=storage)
    assert without_store(here) is here
