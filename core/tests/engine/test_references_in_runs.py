"""Checks that refer to another input of the node, or to a published dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import GateBlocked
from dovetail.hub import Hub
from dovetail.quality.checks import foreign_key, same_row_count

ORDERS = pa.table({"customer": [1, 2, 9]})
known = dt.Gate(foreign_key("customer", "customers", "id"), name="known", on_fail="quarantine", max_quarantined="50%")


@dt.task
def customers(ids: list[int]) -> pa.Table:
    return pa.table({"id": ids})


@dt.task
def orders() -> pa.Table:
    return ORDERS


@dt.task
def before(rows: Annotated[pa.Table, known], customers: pa.Table) -> int:
    return rows.num_rows


@dt.task
def behind(rows: pa.Table, customers: pa.Table) -> Annotated[pa.Table, known]:
    return rows


@dt.task
def count(rows: pa.Table) -> int:
    return rows.num_rows


@dt.workflow
def at_the_input(ids: list[int]) -> int:
    return before(orders(), customers(ids))


@dt.workflow
def at_the_output(ids: list[int]) -> int:
    return count(behind(orders(), customers(ids)))


@dt.workflow
def of_elements(ids: list[int]) -> list[int]:
    return dt.map(before, [orders()], customers=customers(ids))


@pytest.mark.parametrize("workflow", [at_the_input, at_the_output], ids=lambda w: w.name)
def test_another_input_is_found_by_its_name(hub: Hub, workflow: Any) -> None:
    result = hub.run(workflow, ids=[1, 2])
    assert result.value == workflow(ids=[1, 2]) == 2
    assert [report.rows_quarantined for report in result.reports] == [1]
    assert hub.run(workflow, ids=[1, 2, 9]).value == 3


def test_elements_of_a_map_find_what_is_fixed(hub: Hub) -> None:
    assert hub.run(of_elements, ids=[1, 2]).value == of_elements(ids=[1, 2]) == [2]


class TestDatasets:
    def publish(self, hub: Hub, ids: list[int]) -> None:
        @dt.task
        def made(ids: list[int]) -> Annotated[pa.Table, dt.Dataset("customers")]:
            return pa.table({"id": ids})

        @dt.workflow
        def publishing(ids: list[int]) -> pa.Table:
            return made(ids)

        hub.run(publishing, ids=ids)

    def test_by_name_and_by_version(self, hub: Hub) -> None:
        self.publish(hub, [1, 2])
        first = dt.Gate(foreign_key("customer", dt.dataset("customers@1"), "id"), on_fail="drop", max_quarantined="50%")

        as_text = dt.Gate(foreign_key("customer", "customers@1", "id"), on_fail="drop", max_quarantined="50%")

        @dt.workflow
        def by_name() -> int:
            return count(known(orders()))

        @dt.workflow
        def by_version() -> int:
            return count(as_text(first(orders())))

        assert (hub.run(by_name).value, hub.run(by_version).value) == (2, 2)
        self.publish(hub, [1, 2, 9])
        assert (hub.run(by_name).value, hub.run(by_version).value) == (3, 2)

    def test_a_dataset_that_is_not_there_blocks_and_says_so(self, hub: Hub) -> None:
        @dt.workflow
        def by_name() -> int:
            return count(known(orders()))

        with pytest.raises(GateBlocked) as told:
            hub.run(by_name)
        assert "there is no dataset" in str(told.value.why)
        with pytest.raises(GateBlocked, match="could not be evaluated"):
            by_name()

    def test_another_version_is_another_cache_key(self, hub: Hub, tmp_path: Path) -> None:
        calls = tmp_path / "calls"

        @dt.task(cache=True)
        def checked(rows: Annotated[pa.Table, known]) -> int:
            with calls.open("a") as file:
                file.write("c")
            return rows.num_rows

        @dt.workflow
        def by_name() -> int:
            return checked(orders())

        self.publish(hub, [1, 2])
        assert [hub.run(by_name).value for _ in range(2)] == [2, 2]
        self.publish(hub, [1, 2, 9])
        assert hub.run(by_name).value == 3
        assert calls.read_text() == "cc"


def test_as_many_rows_as_another_input(hub: Hub) -> None:
    even = dt.Gate(same_row_count("left"), name="even")

    @dt.task
    def joined(left: pa.Table, right: Annotated[pa.Table, even]) -> int:
        return left.num_rows

    @dt.workflow
    def both(ids: list[int]) -> int:
        return joined(orders(), customers(ids))

    assert hub.run(both, ids=[1, 2, 3]).value == 3
    with pytest.raises(GateBlocked, match="as many rows as left"):
        hub.run(both, ids=[1])
