"""What was made without a refused value: in the cache, and when the run is resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import TaskFailed
from dovetail.hub import Hub
from dovetail.quality.checks import not_null

EFFECTS = ("skip", "continue_with_previous", "continue")
GOOD, BAD = pa.table({"a": [1, 2, 3]}), pa.table({"a": [1, None]})


def gate(downstream: Any) -> dt.Gate:
    return dt.Gate([not_null("a")], name="orders", downstream=downstream)


@dt.task
def read(bad: bool) -> pa.Table:
    return BAD if bad else GOOD


@dt.task
def count(rows: pa.Table) -> int:
    return rows.num_rows


@dt.task
def add(left: int, right: int) -> int:
    return left + right


class TestCache:
    def test_what_was_made_of_a_refused_value_is_not_found_for_another(self, hub: Hub, tmp_path: Path) -> None:
        calls = tmp_path / "calls"
        good = gate("continue_with_previous")

        @dt.task(cache=True)
        def counted(rows: pa.Table) -> int:
            with calls.open("a") as file:
                file.write(str(rows.num_rows))
            return rows.num_rows

        @dt.workflow
        def orders(bad: bool) -> int:
            return counted(good(read(bad)))

        assert [hub.run(orders, bad=bad).value for bad in (False, True, False)] == [3, 3, 3]
        assert calls.read_text() == "3"

    def test_an_input_that_was_replaced_leaves_nothing_in_the_cache(self, hub: Hub) -> None:
        @dt.task(cache=True)
        def counted(rows: Annotated[pa.Table, gate("continue_with_previous")]) -> int:
            return rows.num_rows

        @dt.task
        def make(rows: int, bad: bool) -> pa.Table:
            return pa.table({"a": [*range(rows), *([None] if bad else [])]})

        @dt.workflow
        def orders(rows: int, bad: bool) -> int:
            return counted(make(rows, bad))

        assert hub.run(orders, rows=1, bad=False).value == 1
        assert hub.run(orders, rows=9, bad=True).value == 1
        assert hub.run(orders, rows=2, bad=False).value == 2
        assert hub.run(orders, rows=9, bad=True).value == 2, "the newer value, not what was computed with the older one"

    def test_what_the_gate_refused_is_not_in_the_cache(self, hub: Hub) -> None:
        @dt.task(cache=True)
        def made(bad: bool) -> Annotated[pa.Table, gate("continue")]:
            return BAD if bad else GOOD

        @dt.workflow
        def orders(bad: bool) -> int:
            return count(made(bad))

        for _ in range(2):
            result = hub.run(orders, bad=True)
            assert (result.value, result.status) == (2, "succeeded_with_warnings")


class TestResume:
    @pytest.mark.parametrize("effect", EFFECTS)
    def test_decisions_stand_when_a_run_is_resumed(self, hub: Hub, tmp_path: Path, effect: Any) -> None:
        fuse, seen = tmp_path / "fuse", tmp_path / "seen"
        good = gate(effect)

        @dt.task
        def source(rows: int, bad: bool) -> pa.Table:
            with seen.open("a") as file:
                file.write("s")
            return pa.table({"a": [*range(rows), *([None] if bad else [])]})

        @dt.task
        def fragile(n: int) -> int:
            if not fuse.exists():
                raise RuntimeError("not yet")
            return n

        @dt.workflow
        def orders(rows: int, bad: bool) -> int:
            clean = good(source(rows, bad))
            decided = count(dt.on_blocked(clean, "continue")).named("decided")
            return add(count(clean), fragile(0).after(decided))

        fuse.touch()
        hub.run(orders, rows=5, bad=False)
        fuse.unlink()
        with pytest.raises(TaskFailed, match="not yet"):
            hub.run(orders, rows=1, bad=True, run_id="broken")
        assert hub.runs.node("broken", "orders").status == "blocked"
        fuse.touch()
        hub.run(orders, rows=7, bad=False)
        asked = seen.read_text()
        result = hub.resume("broken", workflow=orders)
        assert seen.read_text() == asked
        assert result.status == "succeeded_with_warnings"
        assert hub.runs.node("broken", "decided").attempt == 1
        if effect == "skip":
            assert result.outputs == {}
        else:
            assert result.value == {"continue": 2, "continue_with_previous": 5}[effect]
