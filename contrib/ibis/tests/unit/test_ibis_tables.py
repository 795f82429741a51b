"""Ibis tables: any backend, parallel tasks, columns alone, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ibis
import pyarrow as pa
import pytest
from dovetail.errors import ValueMismatch
from dovetail_ibis.transformers import IbisTransformer, from_arrow, to_arrow

TABLE = pa.table({"n": pa.array([1, 2], pa.int32()), "t": ["x", None]})


@pytest.mark.parametrize("connect", [ibis.duckdb.connect, ibis.sqlite.connect], ids=["duckdb", "sqlite"])
def test_rows_come_from_the_backend_of_the_table(connect: Callable[[], Any]) -> None:
    table = connect().create_table("trips", TABLE).order_by("n")
    assert to_arrow(table).to_pydict() == TABLE.to_pydict()
    assert IbisTransformer().arrow_schema(table).names == ["n", "t"]


def test_parallel_tasks_do_not_wait_for_each_other_for_ever() -> None:
    found: list[int] = []

    def work() -> None:
        for _ in range(5):
            table = from_arrow(pa.table({"x": range(100)}))
            found.append(to_arrow(table.filter(table.x > 5)).num_rows)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [94] * 20


def test_columns_and_batches() -> None:
    transformer = IbisTransformer()
    chosen = transformer.project(from_arrow(TABLE), {"t": None, "n": pa.int64()})
    assert to_arrow(chosen).schema == pa.schema([("t", pa.string()), ("n", pa.int64())])
    assert sum(batch.num_rows for batch in transformer.batches(from_arrow(TABLE))) == 2


@pytest.mark.parametrize(
    "table",
    [
        pa.table([[1], [2]], names=["a", "A"]),
        pa.table({"": [1]}),
        pa.table({"a\0b": [1]}),
        pa.table({"d": pa.array([[1]], pa.list_(pa.duration("s")))}),
        pa.table({"f": pa.array([1.5], pa.float16())}),
    ],
    ids=["case", "empty name", "zero byte", "durations", "float16"],
)
def test_what_the_default_backend_does_not_carry_is_refused(table: pa.Table) -> None:
    with pytest.raises(ValueMismatch):
        from_arrow(table)
