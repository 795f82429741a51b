"""What those get who read a value that a gate refused: nothing, an earlier value, or the value as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import DataError, DefinitionError, GateBlocked
from dovetail.hub import Hub
from dovetail.quality.checks import not_null

EFFECTS = ("skip", "continue_with_previous", "continue")
GOOD, BAD = pa.table({"a": [1, 2, 3]}), pa.table({"a": [1, None]})


def gate(downstream: Any = "block", **options: Any) -> dt.Gate:
    return dt.Gate([not_null("a")], name="orders", downstream=downstream, **options)


@dt.task
def read(bad: bool) -> pa.Table:
    return BAD if bad else GOOD


@dt.task
def count(rows: pa.Table) -> int:
    return rows.num_rows


@dt.task
def add(left: int, right: int) -> int:
    return left + right


def as_node(effect: Any) -> Any:
    """The gate stands between two nodes."""
    good = gate(effect)

    @dt.workflow
    def orders(bad: bool) -> int:
        return add(count(good(read(bad))), 10)

    return orders


def as_output(effect: Any) -> Any:
    """The gate stands behind the result of a task."""

    @dt.task
    def checked(bad: bool) -> Annotated[pa.Table, gate(effect), dt.Dataset("orders")]:
        return BAD if bad else GOOD

    @dt.workflow
    def orders(bad: bool) -> int:
        return add(count(checked(bad)), 10)

    return orders


def as_input(effect: Any) -> Any:
    """The gate stands before the input of a task."""

    @dt.task
    def counted(rows: Annotated[pa.Table, gate(effect)]) -> int:
        return rows.num_rows

    @dt.workflow
    def orders(bad: bool) -> int:
        return add(counted(read(bad)), 10)

    return orders


def by_call(effect: Any) -> Any:
    """The reader says it where it is called."""
    good = gate()

    @dt.workflow
    def orders(bad: bool) -> int:
        return add(count(dt.on_blocked(good(read(bad)), effect)), 10)

    return orders


def by_annotation(effect: Any) -> Any:
    """The reader says it in its signature."""
    good = gate()

    @dt.task
    def counted(rows: Annotated[pa.Table, dt.OnBlocked(effect)]) -> int:
        return rows.num_rows

    @dt.workflow
    def orders(bad: bool) -> int:
        return add(counted(good(read(bad))), 10)

    return orders


def by_both_at_an_input(effect: Any) -> Any:
    """The input has a gate, and says what its refusal does."""

    @dt.task
    def counted(rows: Annotated[pa.Table, gate(), dt.OnBlocked(effect)]) -> int:
        return rows.num_rows

    @dt.workflow
    def orders(bad: bool) -> int:
        return add(counted(read(bad)), 10)

    return orders


PLACES = [as_node, as_output, as_input, by_call, by_annotation, by_both_at_an_input]
places = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)


def statuses(result: Any) -> list[str]:
    return [node.status for node in result.nodes]


class TestEveryPlace:
    @places
    def test_block_ends_the_run(self, hub: Hub, place: Callable[[Any], Any]) -> None:
        with pytest.raises(GateBlocked):
            hub.run(place("block"), bad=True)
        assert hub.runs.get_run("latest").status == "blocked"

    @places
    def test_skip_skips_the_reader_and_what_depends_on_it(self, hub: Hub, place: Callable[[Any], Any]) -> None:
        result = hub.run(place("skip"), bad=True)
        assert result.status == "succeeded_with_warnings"
        assert {node.node_id: node.status for node in result.nodes}["add"] == "skipped"
        assert result.outputs == {}
        with pytest.raises(DataError, match="has no result") as told:
            _ = result.value
        assert "orders" in str(told.value.why)
        assert [report.decision for report in result.reports] == ["block"]
        assert list(result.reports[0].downstream.values()) == ["skip"]

    @places
    def test_continue_takes_the_value_as_it_is(self, hub: Hub, place: Callable[[Any], Any]) -> None:
        result = hub.run(place("continue"), bad=True)
        assert (result.status, result.value) == ("succeeded_with_warnings", 12)
        assert list(result.reports[0].downstream.values()) == ["continue"]
        assert "goes on with what was refused" in result.reports[0].reason

    @places
    def test_the_previous_value_is_what_was_let_through_last(self, hub: Hub, place: Callable[[Any], Any]) -> None:
        workflow = place("continue_with_previous")
        first = hub.run(workflow, bad=False)
        assert (first.status, first.value) == ("succeeded", 13)
        for _ in range(2):  # a run that went on with it is no earlier run to go on with
            result = hub.run(workflow, bad=True)
            assert (result.status, result.value) == ("succeeded_with_warnings", 13)
            assert first.run_id in result.reports[0].reason

    @places
    def test_without_a_previous_value_the_run_ends_and_says_so(self, hub: Hub, place: Callable[[Any], Any]) -> None:
        with pytest.raises(GateBlocked) as told:
            hub.run(place("continue_with_previous"), bad=True)
        assert "no earlier run of 'orders' let a value through" in str(told.value.why)

    @places
    @pytest.mark.parametrize("effect", EFFECTS)
    def test_what_passes_goes_on(self, hub: Hub, place: Callable[[Any], Any], effect: Any) -> None:
        result = hub.run(place(effect), bad=False)
        assert (result.status, result.value) == ("succeeded", 13)

    @places
    def test_in_process_it_is_the_same_but_for_earlier_values(self, place: Callable[[Any], Any]) -> None:
        assert place("continue")(bad=True) == 12
        assert place("skip")(bad=False) == 13
        with pytest.raises(DataError, match="has no result"):
            place("skip")(bad=True)
        with pytest.raises(GateBlocked) as told:
            place("continue_with_previous")(bad=True)
        assert "keeps nothing" in str(told.value.why)


class TestEdges:
    def test_readers_differ(self, hub: Hub) -> None:
        good = gate("skip")

        @dt.workflow
        def orders(bad: bool) -> int:
            clean = good(read(bad))
            count(clean).named("left_out")
            return count(dt.on_blocked(clean, "continue")).named("kept")

        result = hub.run(orders, bad=True)
        assert result.value == 2
        assert {n.node_id: n.status for n in result.nodes} == {
            "read": "succeeded",
            "orders": "blocked",
            "left_out": "skipped",
            "kept": "succeeded",
        }
        assert result.reports[0].downstream == {"left_out.rows": "skip", "kept.rows": "continue"}

    def test_one_that_cannot_do_without_ends_the_run(self, hub: Hub) -> None:
        good = gate("skip")

        @dt.workflow
        def orders(bad: bool) -> int:
            clean = good(read(bad))
            count(clean)
            return count(dt.on_blocked(clean, "block"))

        with pytest.raises(GateBlocked):
            hub.run(orders, bad=True)

    def test_a_choice_needs_the_side_that_it_takes(self, hub: Hub) -> None:
        good = gate("skip")

        @dt.task
        def is_bad(bad: bool) -> bool:
            return bad

        @dt.workflow
        def orders(bad: bool, take: bool) -> int:
            clean = good(read(bad))
            return dt.when(is_bad(take), lambda: count(clean), lambda: add(1, 1))

        assert hub.run(orders, bad=True, take=False).value == 2
        with pytest.raises(DataError):
            _ = hub.run(orders, bad=True, take=True).value
        assert orders(bad=True, take=False) == 2

    def test_what_waits_without_reading_is_skipped_too(self, hub: Hub) -> None:
        good = gate("skip")

        @dt.workflow
        def orders(bad: bool) -> int:
            clean = good(read(bad))
            return add(1, 1).after(count(clean))

        assert statuses(hub.run(orders, bad=True)) == ["skipped", "skipped", "succeeded", "blocked"]

    def test_fields_that_are_there_are_kept(self, hub: Hub) -> None:
        class Both(NamedTuple):
            lost: int
            there: int

        good = gate("skip")

        @dt.workflow
        def orders(bad: bool) -> Both:
            raw = read(bad)
            return Both(count(good(raw)), count(raw))

        result = hub.run(orders, bad=True)
        assert set(result.outputs) == {"there"}

    def test_elements_of_a_map(self, hub: Hub) -> None:
        def mapped(effect: Any) -> Any:
            @dt.task
            def part(bad: bool) -> Annotated[pa.Table, gate(effect)]:
                return BAD if bad else GOOD

            @dt.task
            def total(parts: list[pa.Table]) -> int:
                return sum(each.num_rows for each in parts)

            @dt.workflow
            def orders(bads: list[bool]) -> int:
                return total(dt.map(part, bads))

            return orders

        assert hub.run(mapped("continue"), bads=[False, True]).value == 5
        with pytest.raises(DataError):
            _ = hub.run(mapped("skip"), bads=[False, True]).value
        earlier = mapped("continue_with_previous")
        assert hub.run(earlier, bads=[False, False]).value == 6
        assert hub.run(earlier, bads=[False, True]).value == 6
        with pytest.raises(GateBlocked):
            hub.run(earlier, bads=[False, False, True])
        assert mapped("continue")(bads=[False, True]) == 5

    def test_a_dynamic_node_without_its_result_is_skipped(self, hub: Hub) -> None:
        good = gate("skip")

        @dt.dynamic
        def inner(bad: bool) -> int:
            return count(good(read(bad)))

        @dt.workflow
        def orders(bad: bool) -> int:
            return add(inner(bad), 1)

        result = hub.run(orders, bad=True)
        assert {n.node_id: n.status for n in result.nodes}["inner"] == "skipped"
        assert result.status == "succeeded_with_warnings"

    def test_nothing_refused_is_published(self, hub: Hub) -> None:
        hub.run(as_output("continue"), bad=False)
        hub.run(as_output("continue"), bad=True)
        assert [version.version for version in hub.runs.datasets("orders")] == [1]

    def test_a_purged_value_is_no_previous_value(self, hub: Hub) -> None:
        workflow = as_node("continue_with_previous")
        first = hub.run(workflow, bad=False)
        kept = next(n for n in first.nodes if n.node_id == "orders").outputs["result"]  # type: ignore[index]
        hub.artifacts.open_path(kept.blobs[0]).unlink()
        with pytest.raises(GateBlocked):
            hub.run(workflow, bad=True)

    def test_a_node_whose_gate_is_new_has_no_previous_value(self, hub: Hub) -> None:
        good = dt.Gate([not_null("a")], name="other", min_rows=0)

        @dt.workflow(name="orders")
        def ungated(bad: bool) -> int:
            return count(good(read(bad)).named("orders"))

        hub.run(ungated, bad=False)
        with pytest.raises(GateBlocked):
            hub.run(as_node("continue_with_previous"), bad=True)

    def test_two_gates_of_one_name_have_a_report_each(self, hub: Hub) -> None:
        good = gate("continue")

        @dt.task
        def both(left: Annotated[pa.Table, good], right: Annotated[pa.Table, good]) -> Annotated[pa.Table, good]:
            return left

        @dt.workflow
        def orders(bad: bool) -> pa.Table:
            return both(read(False), read(bad))

        reports = hub.run(orders, bad=True).reports
        assert [(report.gate, report.decision) for report in reports] == [
            ("orders", "publish"),
            ("orders-2", "block"),
            ("orders-3", "publish"),
        ]
        with dt.collect_reports() as told:
            orders(bad=True)
        assert [report.gate for report in told] == ["orders", "orders-2", "orders-3"]


@pytest.mark.parametrize("make", [lambda: gate("skp"), lambda: dt.OnBlocked("stop"), lambda: dt.on_blocked(1, "go")])
def test_an_effect_that_does_not_exist_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(DefinitionError, match="nothing that can happen"):
        make()


def test_outside_of_workflows_a_value_stays_what_it_is() -> None:
    assert dt.on_blocked(BAD, "skip") is BAD
