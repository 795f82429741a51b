"""What lies in the store only is read as far as it is needed: frames inside records, lists and dicts, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, TypedDict

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.hub import Hub
from pydantic import BaseModel, ConfigDict


def rows(number: int) -> pa.Table:
    return pa.table({"n": [number] * number, "more": ["x"] * number})


@dataclass
class Inner:
    left: pa.Table
    right: pa.Table | None = None


@dataclass
class Record:
    first: pa.Table
    second: pa.Table
    inner: Inner
    many: list[pa.Table]

    @property
    def both(self) -> int:
        return self.first.num_rows + self.second.num_rows


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    first: pa.Table
    second: pa.Table
    label: str = ""


class Typed(TypedDict):
    first: pa.Table
    second: pa.Table


class Named(NamedTuple):
    first: pa.Table
    second: pa.Table


@dt.task(cache=True)
def record() -> Record:
    return Record(rows(1), rows(2), Inner(rows(3)), [rows(4), rows(5)])


@dt.task(cache=True)
def model() -> Model:
    return Model(first=rows(1), second=rows(2), label="m")


@dt.task(cache=True)
def typed() -> Typed:
    return {"first": rows(1), "second": rows(2)}


@dt.task(cache=True)
def names() -> dict[str, Named]:
    return {"a": Named(rows(1), rows(2)), "b": Named(rows(3), rows(4))}


@dt.task(cache=True)
def tables() -> list[pa.Table]:
    return [rows(number) for number in range(1, 6)]


@dt.task
def count(table: pa.Table) -> int:
    return int(table.num_rows)


@dt.task
def count_inner(inner: Inner) -> int:
    return int(inner.left.num_rows)


@dt.task
def count_all(given: list[pa.Table]) -> int:
    return sum(table.num_rows for table in given)


@dt.task
def column_names(table: Annotated[pa.Table, dt.columns(n=int)]) -> list[str]:
    return list(table.column_names)


@dt.task
def label_of(label: str) -> str:
    return label


@dt.task(cache=True)
def counted(table: pa.Table) -> int:
    return int(table.num_rows)


@dt.workflow
def field() -> int:
    return count(record().second)


@dt.workflow
def field_of_field() -> int:
    return count(record().inner.left)


@dt.workflow
def record_in_record() -> int:
    return count_inner(record().inner)


@dt.workflow
def list_in_record() -> int:
    return count_all(record().many)


@dt.workflow
def element() -> int:
    return count(tables()[3])


@dt.workflow
def of_model() -> int:
    return count(model().first)


@dt.workflow
def plain_of_model() -> str:
    return label_of(model().label)


@dt.workflow
def of_typed() -> int:
    return count(typed()["second"])


@dt.workflow
def of_names() -> int:
    return count(names()["b"].second)


@dt.workflow
def of_columns() -> list[str]:
    return column_names(record().second)


@dt.workflow
def everything() -> int:
    return count_all(tables())


@dt.workflow
def each() -> list[int]:
    return dt.map(counted, tables())


@dt.workflow
def made() -> tuple[Record, Model, Typed, dict[str, Named], list[pa.Table]]:
    return record(), model(), typed(), names(), tables()


@pytest.mark.parametrize(
    ("workflow", "value", "files"),
    [
        (field, 2, 1),
        (field_of_field, 3, 1),
        (record_in_record, 3, 1),
        (list_in_record, 9, 2),
        (element, 4, 1),
        (of_model, 1, 1),
        (plain_of_model, "m", 0),
        (of_typed, 2, 1),
        (of_names, 4, 1),
        (of_columns, ["n"], 1),
        (everything, 15, 5),
    ],
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_only_the_part_that_is_asked_for_is_read(
    hub: Hub, opened: list[str], workflow: Any, value: Any, files: int
) -> None:
    assert hub.run(workflow).value == value
    assert len(set(opened)) == files


def test_a_fan_out_reads_only_the_elements_that_are_not_cached(hub: Hub, opened: list[str]) -> None:
    assert hub.run(each).value == [1, 2, 3, 4, 5]
    assert len(set(opened)) == 5
    opened.clear()
    assert hub.run(each).value == [1, 2, 3, 4, 5]
    assert opened == []


def test_what_another_process_works_on_is_not_read_here(hub: Hub, opened: list[str]) -> None:
    assert hub.run(element, executor="processes").value == 4
    assert hub.run(each, executor="processes").value == [1, 2, 3, 4, 5]
    assert opened == []


@dt.task(cache=True)
def odd() -> Any:
    return Record(rows(1), rows(2), Inner(rows(3)), [])


@dt.task
def all_of(whole: Any) -> int:
    return int(whole.both)


@dt.workflow
def through_any() -> int:
    return all_of(odd())


def test_what_no_annotation_tells_apart_is_loaded_as_a_whole(hub: Hub) -> None:
    hub.run(through_any)
    assert hub.run(through_any).value == 3


def test_the_same_value_comes_by_parts_and_as_a_whole(hub: Hub) -> None:
    result = hub.run(made)
    (artifact,) = result.outputs.values()
    annotation = tuple[Record, Model, Typed, dict[str, Named], list[pa.Table]]
    whole = hub.types.load(artifact, hub.artifacts, annotation)
    parts = hub.types.parts
    for path, expected in (
        ((("item", 0), ("attr", "second")), whole[0].second),
        ((("item", 0), ("attr", "inner"), ("attr", "left")), whole[0].inner.left),
        ((("item", 1), ("attr", "first")), whole[1].first),
        ((("item", 2), ("item", "second")), whole[2]["second"]),
        ((("item", 3), ("item", "b"), ("item", 1)), whole[3]["b"][1]),
        ((("item", 4), ("item", -1)), whole[4][-1]),
        ((("item", 4),), whole[4]),
        ((("item", 0), ("attr", "inner")), whole[0].inner),
    ):
        value, left = parts.load(artifact, hub.artifacts, annotation, path)
        assert (value, left) == (expected, ())
    value, left = parts.load(artifact, hub.artifacts, annotation, (("item", 0), ("attr", "both")))
    assert left and value[0].both == 3  # a property may look at everything
    assert parts.load(artifact, hub.artifacts, annotation, (("item", 9),))[1]  # whoever takes it says what is wrong
