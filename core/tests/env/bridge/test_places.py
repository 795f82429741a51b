"""Nobody else gets at what is handed over, and a worker cannot make the hub open what is not the bridge's."""

from __future__ import annotations

import copy
import json
import os
import stat
from base64 import b64encode
from pathlib import Path
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.env.bridge import Bridge, WorkerSide
from dovetail.env.bridge import _homes as homes
from dovetail.errors import DataError, PlatformError, UnknownType
from dovetail.types import TypeEngine


@pytest.fixture
def table() -> pa.Table:
    return pa.table({"x": range(50_000), "s": ["text"] * 50_000})


def test_directories_and_files_are_for_this_user_alone(
    bridge: Bridge, side: WorkerSide, table: pa.Table, types: TypeEngine, tmp_path: Path
) -> None:
    os.umask(0o000)
    try:
        made = [bridge.send(table, pa.Table, types), bridge.send(b"x" * 100_000, bytes, types)]
        made += [side.send(table, pa.Table, types)]
    finally:
        os.umask(0o022)
    seen = 0
    for root in map(Path, bridge.place["roots"].values()):
        assert stat.S_IMODE(root.parent.stat().st_mode) == 0o700
        for path in (root, *root.rglob("*"), root.with_name(f"{root.name}.lock")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
            seen += 1
    assert seen > 8 and len(made) == 3


def test_a_place_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "bridge").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PlatformError, match="it is a link"):
        Bridge(tmp_path)


def test_a_place_of_somebody_else_is_refused_and_memory_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(PlatformError, match="belongs to the user"):
        homes.make_private(tmp_path)
    monkeypatch.undo()
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("dovetail.env.bridge._sides.memory_parents", lambda: iter([tmp_path / "file"]))
    with Bridge(tmp_path) as bridge:
        assert list(bridge.place["roots"]) == ["d"] and "no directory" in bridge.place["why"]


FORGED = ["../../hub", "hub/../..", "/etc", "s1/../x", "..", "", "hub\0", "S12", "sxyz", 5, None]


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("at", ["home", "name", "id", "sender", "folder", "file"])
def test_names_that_lead_elsewhere_are_refused(
    bridge: Bridge, side: WorkerSide, table: pa.Table, types: TypeEngine, tmp_path: Path, forged: Any, at: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    good = side.send([table, dt.File(path)], list[Any], types)
    wire = copy.deepcopy(json.loads(json.dumps(good)))
    if at in ("home", "name"):
        wire["tables"][0]["blocks"][0][1 if at == "home" else 2] = forged
    elif at == "id":
        wire["id"] = forged
    elif at == "sender":
        wire["home"] = forged
    elif at == "folder":
        wire["folder"] = ["hub", forged]
    else:
        wire["value"]["children"][1]["blobs"][0][1] = forged
    with pytest.raises(PlatformError):
        bridge.receive(wire, list[Any], types)
    assert path.read_text() == "text"


def test_a_worker_cannot_lend_a_path(bridge: Bridge, side: WorkerSide, types: TypeEngine, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    wire = side.send(dt.File(path), dt.File, types)
    wire["value"] = bridge.send(dt.File("/etc/hostname"), dt.File, types)["value"]
    with pytest.raises(PlatformError, match="refers to the path"):
        bridge.receive(wire, dt.File, types)


@pytest.mark.parametrize("what", ["link", "pipe", "directory"])
def test_what_is_no_file_of_ours_is_not_opened(
    bridge: Bridge, side: WorkerSide, table: pa.Table, types: TypeEngine, tmp_path: Path, what: str
) -> None:
    wire = side.send(table, pa.Table, types)
    key, home, name, *_ = wire["tables"][0]["blocks"][0]
    path = Path(bridge.place["roots"][key]) / home / name
    path.unlink()
    if what == "link":
        target = tmp_path / "target"
        target.write_bytes(b"x" * 4096)
        path.symlink_to(target)
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(PlatformError):
        bridge.receive(wire, pa.Table, types)


def damage(wire: dict[str, Any], at: str) -> None:
    table = wire["tables"][0]
    block = table["blocks"][0]
    if at == "rows":
        table["rows"] += 1
    elif at == "start":
        block[3] += 64
    elif at == "length":
        block[4] = 1 << 40
    elif at == "negative":
        block[3] = -64
    elif at == "block":
        table["columns"][0][0][0] = 7
    elif at == "column":
        table["columns"][0][0][1] = 9
    elif at == "batches":
        table["columns"][0][0][2] = 5
    elif at == "slice":
        table["columns"][0][0] = [0, 0, 0, 10, 1 << 40]
    elif at == "types":
        table["columns"].reverse()
    elif at == "schema":
        table["schema"] = table["schema"][:-8]
    else:
        del table["columns"]


@pytest.mark.parametrize(
    "at", ["rows", "start", "length", "negative", "block", "column", "batches", "slice", "types", "schema", "missing"]
)
def test_a_table_that_does_not_fit_together_is_refused(
    bridge: Bridge, side: WorkerSide, table: pa.Table, types: TypeEngine, at: str
) -> None:
    wire = json.loads(json.dumps(side.send(table, pa.Table, types)))
    damage(wire, at)
    with pytest.raises(PlatformError, match="damaged"):
        bridge.receive(wire, pa.Table, types)


def test_extension_types_with_code_are_refused_on_both_sides(
    bridge: Bridge, side: WorkerSide, table: pa.Table, types: TypeEngine
) -> None:
    field = pa.field(
        "x",
        pa.int64(),
        metadata={"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": b"\x80\x04N."},
    )
    bad = pa.table([[1]], schema=pa.schema([field]))
    with pytest.raises(DataError, match="pickled"):
        bridge.send(bad, pa.Table, types)
    wire = side.send(table, pa.Table, types)
    wire["tables"][0]["schema"] = b64encode(bad.schema.serialize().to_pybytes()).decode()
    with pytest.raises(DataError, match="pickled"):
        bridge.receive(wire, pa.Table, types)


def test_nothing_is_allocated_for_what_is_received(bridge: Bridge, side: WorkerSide, types: TypeEngine) -> None:
    table = pa.table({f"c{n}": pa.array(range(200_000), pa.int64()) for n in range(5)})
    wire = side.send(table, pa.Table, types)
    before = pa.total_allocated_bytes()
    back = bridge.receive(wire, pa.Table, types)
    assert pa.total_allocated_bytes() - before < table.nbytes // 100
    assert back.equals(table)


def test_a_send_that_fails_leaves_nothing(bridge: Bridge, types: TypeEngine, table: pa.Table) -> None:
    with pytest.raises(UnknownType):
        bridge.send([table, object()], list[Any], types)
    bridge.release(bridge.send(table, pa.Table, types))
    assert bridge.stats["sent"] == 0
    kept = list(Path(bridge.place["roots"]["d"]).glob("hub/f*"))
    assert len(kept) <= 1, "one folder is kept for the next value"
    assert not any(any(folder.iterdir()) for folder in kept)


def test_what_a_plan_raises_is_its_own(bridge: Bridge, types: TypeEngine) -> None:
    pl = pytest.importorskip("polars")
    plan = pl.scan_csv("/nowhere/at all.csv")
    with pytest.raises(FileNotFoundError, match="at all"):
        bridge.send(plan, None, types)


def test_a_disk_without_room_is_told(bridge: Bridge, types: TypeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bridge.segments, "write", full)
    with pytest.raises(PlatformError, match="No space left"):
        bridge.send(pa.table({"x": range(50_000)}), None, types)
    assert bridge.stats["sent"] == 0


def test_what_cannot_be_received_is_not_waited_for(
    bridge: Bridge, side: WorkerSide, table: pa.Table, types: TypeEngine
) -> None:
    wire = json.loads(json.dumps(side.send(table, pa.Table, types)))
    wire["tables"][0]["blocks"][0][2] = "s0123456789abcdef"
    with pytest.raises(PlatformError, match="gone"):
        bridge.receive(wire, pa.Table, types)
    side._settle()
    assert side.stats["sent"] == 0
