"""Gates on plans of several engines, where their rows are too many to be held: in runs, with what is stored in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import duckdb
import polars as pl
import pyarrow as pa
import pytest
from dovetail.hub import Hub
from dovetail.quality import _on_disk, _quarantine
from dovetail.quality.checks import in_range, not_null, unique

ROWS = 1000
gate = dt.Gate([not_null("n"), unique("id"), in_range("n", 0, 2000)], on_fail="quarantine", max_quarantined=1.0)
ran: list[int] = []
"""Rows of each time that a part of the plan was run."""


@pytest.fixture(autouse=True)
def little_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_on_disk, "_HELD", 0)
    monkeypatch.setattr(_quarantine, "_HELD", 0)
    ran.clear()


def rows() -> pl.DataFrame:
    return pl.DataFrame({"id": range(ROWS), "n": [None if i % 100 == 0 else i for i in range(ROWS)], "t": ["ä"] * ROWS})


def counted(frame: pl.DataFrame) -> pl.DataFrame:
    ran.append(frame.height)
    return frame


@dt.task
def planned() -> Annotated[pl.LazyFrame, gate]:
    return rows().lazy().map_batches(counted, schema=rows().schema)  # which is asked with no rows, too


@dt.task
def asked() -> Annotated[duckdb.DuckDBPyRelation, gate]:
    return duckdb.default_connection().cursor().from_arrow(rows().to_arrow())


@dt.task
def streamed() -> Annotated[pa.RecordBatchReader, gate]:
    return rows().to_arrow().to_reader(max_chunksize=64)


@dt.task
def halved(plan: Annotated[pl.LazyFrame, gate]) -> pl.LazyFrame:
    return plan.filter(pl.col("id") % 2 == 0)


@dt.task
def counts(plan: pl.LazyFrame) -> int:
    return int(plan.select(pl.len()).collect().item())


@dt.workflow
def by_polars() -> int:
    return counts(planned())


@dt.workflow
def by_duckdb() -> int:
    return counts(asked())


@dt.workflow
def by_arrow() -> int:
    return counts(streamed())


@dt.task
def raw() -> pl.LazyFrame:
    return rows().lazy()


@dt.workflow
def gated_input() -> int:
    return counts(halved(raw()))


@pytest.mark.parametrize(
    ("flow", "expected"), [(by_polars, 990), (by_duckdb, 990), (by_arrow, 990), (gated_input, 490)], ids=str
)
def test_rows_are_set_aside_and_the_rest_is_published(flow: Any, expected: int, tmp_path: Path) -> None:
    with Hub(home=tmp_path) as hub:
        run = hub.run(flow)
        assert run.value == expected
        (report,) = run.reports
        assert (report.rows_in, report.rows_clean, report.rows_quarantined) == (1000, 990, 10)
    assert not list(tmp_path.rglob("*.parquet")), "nothing is left where gates put rows aside"


def test_a_plan_is_run_once_for_its_checks_its_split_and_the_store(tmp_path: Path) -> None:
    with Hub(home=tmp_path) as hub:
        hub.run(by_polars)
    assert sum(ran) == ROWS


@pytest.mark.parametrize("make", [planned, asked, streamed])
def test_called_as_functions_they_give_what_went_in(make: Any) -> None:
    value = make()
    kinds = {planned: pl.LazyFrame, asked: duckdb.DuckDBPyRelation, streamed: pa.RecordBatchReader}
    assert isinstance(value, kinds[make])
    assert (
        pl.DataFrame(value.collect() if make is planned else value.pl() if make is asked else value.read_all()).height
        == 990
    )
