"""The list that a fan-out gives refers to what its elements stored."""

from __future__ import annotations

from typing import Any, NamedTuple

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.hub import Hub
from dovetail.types import arrow


class Half(NamedTuple):
    rows: pa.Table
    label: str


@dt.task
def table(n: int) -> pa.Table:
    return pa.table({"n": [n] * n})


@dt.task
def half(n: int) -> Half:
    return Half(pa.table({"n": [n]}), f"half {n}")


@dt.workflow
def one(n: int) -> pa.Table:
    return table(n)


@dt.workflow
def tables(numbers: list[int]) -> list[pa.Table]:
    return dt.map(table, numbers)


@dt.workflow
def halves(numbers: list[int]) -> list[Half]:
    return dt.map(half, numbers)


@dt.workflow
def nested(numbers: list[int]) -> list[pa.Table]:
    return dt.map(one, numbers)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of rows of every table that the codec wrote."""
    rows: list[int] = []
    write = arrow.ParquetCodec.write

    def counted(self: Any, value: Any, path: Any) -> None:
        rows.append(value.num_rows)
        write(self, value, path)

    monkeypatch.setattr(arrow.ParquetCodec, "write", counted)
    return rows


@pytest.mark.parametrize("workflow", [tables, halves, nested], ids=["task", "several outputs", "workflow"])
def test_each_frame_of_a_fan_out_is_written_once(hub: Hub, written: list[int], workflow: Any) -> None:
    result = hub.run(workflow, numbers=[1, 2, 3])
    assert len(result.value) == 3
    assert sorted(written) == ([1, 1, 1] if workflow is halves else [1, 2, 3])


def test_the_gathered_list_is_read_back_as_it_was(hub: Hub) -> None:
    result = hub.run(tables, numbers=[1, 2, 3])
    (artifact,) = result.outputs.values()
    assert [child.type for child in artifact.children] == ["pyarrow.Table"] * 3
    again = hub.types.load(artifact, hub.artifacts, list[pa.Table])
    assert [frame.to_pydict() for frame in again] == [{"n": [1]}, {"n": [2, 2]}, {"n": [3, 3, 3]}]
