"""Files that go from task to task: references stay references until they are published."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pytest
from dovetail.config import Settings
from dovetail.errors import ArtifactCorrupt, EngineUnavailable, ValueMismatch
from dovetail.types._copies import copies

Put = Callable[[str, bytes], str]


@dt.task
def same(file: dt.File) -> dt.File:
    return file


@dt.task
def published(file: dt.File) -> Annotated[dt.File, dt.Dataset("seed", path="out/seed.txt")]:
    return file


@dt.task
def read(file: dt.File) -> str:
    return file.read_text()


@dt.workflow
def reading(file: dt.File) -> str:
    return read(same(file))


@dt.workflow
def publishing(file: dt.File) -> dt.File:
    return published(file)


@pytest.fixture
def hub(s3_server: Any, tmp_path: Path) -> dt.Hub:
    return dt.Hub(Settings(tmp_path, storage={"s3": s3_server.options()}, disable_plugins=True))


@pytest.fixture
def put(s3: Put) -> Put:
    return s3


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_reference_goes_from_task_to_task(hub: dt.Hub, put: Put, executor: str) -> None:
    url = put("seed.txt", b"seven")
    result = hub.run(reading, file=url, executor=executor)
    assert result.value == "seven"
    node = next(n for n in hub.runs.nodes(result.run_id) if n.node_id == "same")
    artifact = (node.outputs or {})["result"]
    assert artifact.format == "reference" and artifact.blobs[0].size < 500


def test_what_is_published_holds_its_bytes(hub: dt.Hub, put: Put, tmp_path: Path) -> None:
    url = put("seed.txt", b"seven")
    result = hub.run(publishing, file=dt.File(url))
    put("seed.txt", b"eight")
    copies.__init__()  # type: ignore[misc]  # as in another process
    assert result.value.read_text() == "seven"
    assert (tmp_path / "out" / "seed.txt").read_bytes() == b"seven"
    node = next(n for n in hub.runs.nodes(result.run_id) if n.node_id == "published")
    assert (node.outputs or {})["result"].format == "file"


def test_errors_of_the_storage_keep_their_kind(hub: dt.Hub, put: Put) -> None:
    with pytest.raises(ValueMismatch, match="there is nothing at"):
        hub.run(reading, file=put("seed.txt", b"1") + "-not")


def test_a_server_that_is_gone_is_the_platforms_failure(own_s3_server: Any, tmp_path: Path) -> None:
    gone = own_s3_server.put("seed.txt", b"1")
    hub = dt.Hub(Settings(tmp_path, storage={"s3": own_s3_server.options()}, disable_plugins=True))

    @dt.task
    def stops_and_reads(file: dt.File) -> str:
        own_s3_server.stop()
        copies.__init__()  # type: ignore[misc]
        return dt.File(gone).read_text()

    @dt.workflow
    def flow(file: dt.File) -> str:
        return stops_and_reads(file)

    with pytest.raises(EngineUnavailable) as caught:
        hub.run(flow, file=gone)
    assert caught.value.kind == "platform"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_file_that_changes_during_a_run(hub: dt.Hub, put: Put, elsewhere: bool) -> None:
    """A run sees what it began with, or an error; never some of each."""
    url = put("moving.txt", b"before")

    @dt.task
    def changes(file: dt.File) -> dt.File:
        put("moving.txt", b"after")
        if elsewhere:  # as a worker process gets it, which has no copy
            copies.__init__()  # type: ignore[misc]
            file = pickle.loads(pickle.dumps(file))
        return file

    @dt.workflow
    def flow(file: dt.File) -> str:
        return read(changes(file))

    if elsewhere:
        with pytest.raises(ArtifactCorrupt, match="has changed since it was referred to"):
            hub.run(flow, file=dt.File(url))
    else:
        assert hub.run(flow, file=dt.File(url)).value == "before"


def test_a_new_file_is_stored_and_gone(hub: dt.Hub) -> None:
    made: list[Path] = []

    @dt.task
    def writes(text: str) -> dt.File:
        file = dt.File.new(".txt")
        with file.open("w") as stream:
            stream.write(text)
        made.append(Path(file.path))
        return file

    @dt.workflow
    def flow(text: str) -> str:
        return read(writes(text))

    assert hub.run(flow, text="hello").value == "hello"
    assert not made[0].exists()
