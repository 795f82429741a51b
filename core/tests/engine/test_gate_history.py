"""Gates with limits from history, in runs: each sees the earlier runs of the same gate and dataset, and not itself."""

from __future__ import annotations

from typing import Annotated

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError
from dovetail.quality import Stable
from dovetail.quality.checks import not_null

gate = dt.Gate([not_null("x")], name="rows", stable={"gate.min_rows": Stable(k=4, minimum=3, at_least=1)})


@dt.task(cache=True)
def make(rows: int, salt: int) -> Annotated[pa.Table, gate, dt.Dataset("made")]:
    return pa.table({"x": range(rows)})


@dt.workflow
def daily(rows: int, salt: int = 0) -> pa.Table:
    return make(rows, salt)


def told(result: dt.RunResult) -> tuple[str, str]:
    (check,) = [check for report in result.reports for check in report.checks if check.kind == "stable"]
    return check.status, check.message


def test_it_learns_and_then_judges(hub) -> None:
    found = [told(hub.run(daily, rows=rows, salt=n)) for n, rows in enumerate((100, 101, 102))]
    assert found == [("skipped", f"learning ({n} of 3)") for n in range(3)]
    assert told(hub.run(daily, rows=103, salt=3)) == ("pass", "")
    assert told(hub.run(daily, rows=900, salt=4)) == ("warn", "")


def test_what_the_cache_gave_teaches_nothing(hub) -> None:
    hub.run(daily, rows=100)
    for _ in range(3):
        hub.run(daily, rows=100)
    assert told(hub.run(daily, rows=100, salt=1)) == ("skipped", "learning (1 of 3)")


def test_another_dataset_or_gate_teaches_nothing(hub) -> None:
    for salt in range(3):
        hub.run(daily, rows=100, salt=salt)
    other = gate.with_options(name="others")

    @dt.task
    def renamed(rows: int) -> Annotated[pa.Table, other, dt.Dataset("made")]:
        return pa.table({"x": range(rows)})

    @dt.task
    def elsewhere(rows: int) -> Annotated[pa.Table, gate]:
        return pa.table({"x": range(rows)})

    @dt.workflow
    def by_gate(rows: int) -> pa.Table:
        return renamed(rows)

    @dt.workflow
    def by_dataset(rows: int) -> pa.Table:
        return elsewhere(rows)

    for workflow in (by_gate, by_dataset):
        assert told(hub.run(workflow, rows=100)) == ("skipped", "learning (0 of 3)")


def test_a_specification_cannot_hold_them() -> None:
    nameless = gate.with_options(name="nameless")

    @dt.workflow
    def guarded(table: pa.Table) -> pa.Table:
        return nameless(table)

    with pytest.raises(DefinitionError, match=r"'nameless'.* cannot be exported"):
        guarded.to_spec()
