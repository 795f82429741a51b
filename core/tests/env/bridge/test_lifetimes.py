"""Memory that somebody reads is never written again; what nobody reads is used again or freed."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dovetail as dt
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dovetail.env.bridge import Bridge
from dovetail.errors import PlatformError
from dovetail.types import TypeEngine

ROWS = 200_000


def table(value: int = 1) -> pa.Table:
    return pa.table({name: pa.array(np.full(ROWS, value, "int64")) for name in "abc"})


def files(bridge: Bridge) -> list[Path]:
    """Segments and folders of a bridge, wherever they lie; not the empty folder that each side keeps for its next value."""
    roots = [Path(path) for path in bridge.place["roots"].values()]
    found = [path for root in roots for path in root.glob("*/[sf]*")]
    return [path for path in found if not path.is_dir() or any(path.iterdir())]


def double(bridge: Bridge, other: Any, types: TypeEngine, value: pa.Table) -> pa.Table:
    """A table of new columns, from the worker's memory."""
    wire = bridge.send(value, pa.Table, types)
    back = bridge.receive(other.tell("double", wire=wire, kind="table")["wire"], pa.Table, types)
    bridge.release(wire)
    return back


def test_segments_are_used_again(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    for value in range(10):
        back = double(bridge, other, types, table(value))
        assert back["a"][0].as_py() == 2 * value
        del back
    assert len(files(bridge)) <= 4
    assert bridge.stats["recycled"] >= 7 and other.tell("stats")["recycled"] >= 7


@pytest.mark.parametrize("view", ["table", "column", "numpy", "polars", "slice", "buffer"])
def test_what_the_hub_holds_is_never_overwritten(bridge: Bridge, other: Any, types: TypeEngine, view: str) -> None:
    back = double(bridge, other, types, table(21))
    views: dict[str, Callable[[pa.Table], Any]] = {
        "table": lambda found: found,
        "column": lambda found: found.column("b"),
        "numpy": lambda found: found.column("b").chunk(0).to_numpy(),
        "polars": pl.from_arrow,
        "slice": lambda found: found.slice(ROWS - 5, 5),
        "buffer": lambda found: found.column("b").chunk(0).buffers()[1],
    }
    held = views[view](back)
    del back
    gc.collect()
    for value in range(4):
        double(bridge, other, types, table(value))
    for found in files(bridge):  # and though somebody else should remove it
        found.unlink()
    if view == "polars":
        assert held["b"].sum() == 42 * ROWS
    elif view == "buffer":
        assert np.frombuffer(held, "int64").sum() == 42 * ROWS
    elif view == "numpy":
        assert held.sum() == 42 * ROWS
    else:
        column = held if view == "column" else held.column("b")
        assert pc.sum(column).as_py() == 42 * len(column)


@pytest.mark.parametrize("view", ["", "numpy", "polars"])
def test_what_a_worker_holds_is_never_overwritten(bridge: Bridge, other: Any, types: TypeEngine, view: str) -> None:
    wire = bridge.send(table(7), pa.Table, types)
    other.tell("keep", wire=wire, kind="table", name="x", view=view or None)
    bridge.release(wire)
    for value in range(4):
        again = bridge.send(table(value), pa.Table, types)
        bridge.release(again)
    code = "import pyarrow.compute as pc; answer['total'] = pc.sum(child.kept['x'].column('a')).as_py()"
    found = other.tell("total", name="x") if view else other.tell("raw", code=code)
    assert found["total"] == 7 * ROWS
    other.tell("drop", name="x")
    before = bridge.stats["recycled"]
    bridge.release(bridge.send(table(1), pa.Table, types))
    assert bridge.stats["recycled"] == before + 1


def test_what_is_on_its_way_is_not_overwritten(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    wires = [bridge.send(table(value), pa.Table, types) for value in range(3)]
    for value, wire in enumerate(wires):
        back = bridge.receive(other.tell("echo", wire=wire, kind="table")["wire"], pa.Table, types)
        assert back["c"][ROWS - 1].as_py() == value
    answers = [other.tell("make", rows=ROWS + number)["wire"] for number in range(3)]
    got = [bridge.receive(answer, pa.Table, types) for answer in answers]
    assert [each.num_rows for each in got] == [ROWS, ROWS + 1, ROWS + 2] and got[0]["x"][5].as_py() == 5


def test_a_wire_that_is_out_of_date_is_refused(bridge: Bridge, types: TypeEngine) -> None:
    wire = bridge.send(table(), pa.Table, types)
    bridge.release(wire)
    bridge.release(bridge.send(table(2), pa.Table, types))
    with pytest.raises(PlatformError, match="gone"):
        bridge.receive(wire, pa.Table, types)


def test_columns_that_a_worker_did_not_touch_are_not_copied(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    wire = bridge.send(table(3), pa.Table, types)
    before = other.tell("stats")
    answer = other.tell("add", wire=wire, kind="table")
    after = other.tell("stats")
    assert after["written"] == before["written"] + 1
    assert after["bytes"] - before["bytes"] < 2 * 8 * ROWS + (1 << 20)  # the new column alone
    back = bridge.receive(answer["wire"], pa.Table, types)
    bridge.release(wire)
    assert back.column_names == ["a", "b", "c", "new"] and pc.sum(back["b"]).as_py() == 3 * ROWS
    part = bridge.send(table(4), pa.Table, types)
    some = bridge.receive(other.tell("add", wire=part, kind="table", **{"from": 1000})["wire"], pa.Table, types)
    assert some.num_rows == ROWS - 1000 and some["new"][0].as_py() == 1000 and some["a"][0].as_py() == 4


def test_a_table_goes_on_to_the_next_worker_without_a_copy(
    bridge: Bridge, other: Any, start: Any, types: TypeEngine
) -> None:
    made = double(bridge, other, types, table(5))
    written = bridge.stats["written"]
    second = start(bridge.place)
    wire = bridge.send(made, pa.Table, types)
    answer = second.tell("echo", wire=wire, kind="table")
    assert second.tell("stats")["written"] == 0 and bridge.stats["written"] == written
    back = bridge.receive(answer["wire"], pa.Table, types)
    del made
    other.kill()
    bridge.clean()
    assert pc.sum(back["a"]).as_py() == 10 * ROWS
    bridge.release(wire)


def test_a_polars_frame_on_top_of_the_mapping_goes_back_without_a_copy(
    bridge: Bridge, other: Any, types: TypeEngine
) -> None:
    wire = bridge.send(table(5), pa.Table, types)
    answer = other.tell("echo", wire=wire, kind="polars")
    assert answer["type"] == "DataFrame" and other.tell("stats")["written"] == 0
    back = bridge.receive(answer["wire"], pl.DataFrame, types)
    assert back["a"].sum() == 5 * ROWS


def test_views_with_other_nulls_or_children_are_no_reference(bridge: Bridge, types: TypeEngine) -> None:
    wire = bridge.send(pa.table({"x": range(ROWS), "l": [[i, i + 1] for i in range(ROWS)]}), pa.Table, types)
    got = bridge.receive(wire, pa.Table, types)
    x, lists = got["x"].chunk(0), got["l"].chunk(0)
    nulls = pa.Array.from_buffers(pa.int64(), ROWS, [pa.array([False] * ROWS).buffers()[1], x.buffers()[1]])
    moved = pa.ListArray.from_arrays(lists.offsets, lists.values.slice(1).take(pa.array([*range(2 * ROWS - 1), 0])))
    shifted = pa.ListArray.from_arrays(lists.offsets.slice(0, ROWS), lists.values.slice(1))
    for made in (
        pa.table({"x": nulls}),
        pa.table({"l": moved}),
        pa.table({"l": shifted}),
        pa.table({"s": got["x"].cast("timestamp[s]")}),
    ):
        again = bridge.send(made, pa.Table, types)
        back = bridge.receive(again, pa.Table, types)
        assert back.equals(made)
        bridge.release(again)


def test_what_is_too_large_to_keep_is_freed_by_its_last_reader(tmp_path: Path, start: Any, types: TypeEngine) -> None:
    with Bridge(tmp_path, keep=1 << 20) as bridge:
        other = start(bridge.place)
        back = double(bridge, other, types, table(2))
        assert any(path.parent.name != "hub" for path in files(bridge))
        del back  # the worker has nothing to do meanwhile
        gc.collect()
        assert files(bridge) == []
        lost = other.tell("make", rows=ROWS)["wire"]
        assert files(bridge) != []
        bridge.release(lost)
        assert files(bridge) == []


def test_many_tables_at_once_do_not_take_all_open_files(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    fds = len(os.listdir("/proc/self/fd"))
    bridge.mappings._most = 5
    held = [bridge.receive(other.tell("make", rows=5000 + n)["wire"], pa.Table, types) for n in range(60)]
    assert [each.num_rows for each in held] == [5000 + n for n in range(60)]
    assert bridge.stats["mapped"] == 5 and len(os.listdir("/proc/self/fd")) < fds + 15
    assert other.tell("stats")["fds"] < 60


def test_small_tables_cost_nothing_on_the_disk(bridge: Bridge, types: TypeEngine) -> None:
    folder = Path(bridge.place["roots"]["d"]) / "hub"
    seen = []
    for number in range(5):
        small = pa.table({"a": [number] * 100})
        wire = bridge.send(small, pa.Table, types)
        assert bridge.receive(wire, pa.Table, types).equals(small)
        bridge.release(wire)
        status = folder.stat()
        seen.append((status.st_nlink, status.st_mtime_ns))
    assert set(seen[1:]) == {seen[0]}, "a directory was made or removed"
    assert len(list(folder.glob("f*"))) == 1


def test_a_thousand_tables_leave_nothing_behind(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    value = pa.table({"x": range(5000)})

    def once() -> None:
        wire = bridge.send(value, pa.Table, types)
        answer = other.tell("add", wire=wire, kind="table")
        assert bridge.receive(answer["wire"], pa.Table, types).num_rows == 5000
        bridge.release(wire)

    for _ in range(20):
        once()
    fds, theirs = len(os.listdir("/proc/self/fd")), other.tell("stats")
    for _ in range(500):
        once()
    now = other.tell("stats")
    assert len(os.listdir("/proc/self/fd")) <= fds + 2 and now["fds"] <= theirs["fds"] + 2
    assert len(files(bridge)) <= 6 and now["sent"] == 0 and bridge.stats["sent"] == 0
    assert now["rss"] < theirs["rss"] + (30 << 20)


def test_files_live_as_long_as_their_values(bridge: Bridge, other: Any, types: TypeEngine, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    wire = bridge.send(dt.File(path), dt.File, types)
    back = bridge.receive(other.tell("echo", wire=wire, kind="file")["wire"], dt.File, types)
    other.tell("stats")
    other.kill()
    bridge.clean()
    assert back.read_text() == "text"
    del back
    gc.collect()
    assert files(bridge) == []
    assert path.read_text() == "text"


def test_values_stay_when_the_bridge_closes(tmp_path: Path, start: Any, types: TypeEngine) -> None:
    with Bridge(tmp_path) as bridge:
        other = start(bridge.place)
        back = double(bridge, other, types, table(4))
        other.end()
    assert not any(Path(root).exists() for root in bridge.place["roots"].values())
    assert pc.sum(back["a"]).as_py() == 8 * ROWS


def test_without_room_in_memory_tables_go_to_the_disk_and_say_why(
    tmp_path: Path, start: Any, types: TypeEngine
) -> None:
    with Bridge(tmp_path, room=1_000_000) as bridge:
        other = start(bridge.place)
        back = double(bridge, other, types, table(4))
        assert pc.sum(back["a"]).as_py() == 8 * ROWS
        assert bridge.stats["disk"] == 1 and "4.8 MB" in bridge.stats["why"]
        del back
        gc.collect()
        other.tell("stats")
        assert files(bridge) == []
    with Bridge(tmp_path, room=0) as bridge:
        assert list(bridge.place["roots"]) == ["d"] and "0" in bridge.place["why"]


def test_a_memory_file_system_that_fills_up_is_left_for_the_disk(
    bridge: Bridge, types: TypeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bridge.segments._fresh

    def full(key: str, emit: Any) -> Any:
        if key == "m":
            raise OSError(28, "No space left on device")
        return made(key, emit)

    monkeypatch.setattr(bridge.segments, "_fresh", full)
    wire = bridge.send(table(3), pa.Table, types)
    assert bridge.receive(wire, pa.Table, types).equals(table(3))
    assert "filled up" in bridge.stats["why"]
