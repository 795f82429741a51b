"""Tasks that take ``Mapping[str, X]`` or ``Sequence[X]`` read the elements that they look at, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.hub import Hub


def rows(number: int) -> pa.Table:
    return pa.table({"n": [number] * number})


@dataclass
class Record:
    tables: Mapping[str, pa.Table]
    others: dict[str, pa.Table]


@dt.task(cache=True)
def named() -> dict[str, pa.Table]:
    return {"a": rows(1), "b": rows(2), "c": rows(3)}


@dt.task(cache=True)
def listed() -> list[pa.Table]:
    return [rows(number) for number in range(1, 6)]


@dt.task(cache=True)
def record() -> Record:
    return Record({"a": rows(1), "b": rows(2)}, {"c": rows(3), "d": rows(4)})


@dt.task
def count(table: pa.Table) -> int:
    return int(table.num_rows)


@dt.task
def pick(tables: Mapping[str, pa.Table], key: str) -> int:
    return int(tables[key].num_rows)


@dt.task
def last(tables: Sequence[pa.Table]) -> int:
    return int(tables[-1].num_rows)


@dt.task
def of_record(given: Record) -> int:
    return int(given.tables["b"].num_rows)


@dt.task
def handed_on(tables: Mapping[str, pa.Table]) -> Mapping[str, pa.Table]:
    return tables


@dt.task
def listed_again(tables: Sequence[pa.Table]) -> Sequence[pa.Table]:
    return tables


@dt.workflow
def one_of_dict() -> int:
    return pick(named(), "b")


@dt.workflow
def one_of_list() -> int:
    return last(listed())


@dt.workflow
def field_of_record() -> int:
    return of_record(record())


@dt.workflow
def mapping_in_record() -> int:
    return pick(record().tables, "b")


@dt.workflow
def dict_in_record() -> int:
    return pick(record().others, "d")


@dt.workflow
def after_another() -> int:
    return pick(handed_on(named()), "b")


@dt.workflow
def nothing_asked() -> Mapping[str, pa.Table]:
    return handed_on(handed_on(named()))


@dt.dynamic
def some(tables: Mapping[str, pa.Table]) -> list[int]:
    return [count(tables["a"]), count(tables["b"])]


@dt.workflow
def in_dynamic() -> list[int]:
    return some(named())


@dt.dynamic
def largest(tables: Sequence[pa.Table]) -> int:
    return count(tables[len(tables) - 1])


@dt.workflow
def list_in_dynamic() -> int:
    return largest(listed())


@dt.task(cache=True)
def pick_number(table: pa.Table, number: int) -> int:
    return int(table.num_rows) * number


@dt.workflow
def inner_of_map(table: pa.Table) -> int:
    return pick_number(table, 2)


@dt.workflow
def mapped_workflow() -> list[int]:
    return dt.map(inner_of_map, listed())


@dt.workflow
def made() -> tuple[dict[str, pa.Table], list[pa.Table], Record]:
    return named(), listed(), record()


@pytest.mark.parametrize(
    ("workflow", "value", "files"),
    [
        (one_of_dict, 2, 1),
        (one_of_list, 5, 1),
        (field_of_record, 2, 3),  # `others` is a dict, and those are loaded as a whole
        (mapping_in_record, 2, 1),
        (dict_in_record, 4, 1),
        (after_another, 2, 1),
        (in_dynamic, [1, 2], 2),
        (list_in_dynamic, 5, 1),
        (mapped_workflow, [2, 4, 6, 8, 10], 5),
    ],
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_only_what_is_looked_at_is_read(hub: Hub, opened: list[str], workflow: Any, value: Any, files: int) -> None:
    assert hub.run(workflow).value == value
    assert len(set(opened)) == files


def test_what_is_handed_on_is_not_read(hub: Hub, opened: list[str]) -> None:
    value = hub.run(nothing_asked).value
    assert opened == []
    assert value["c"].num_rows == 3 and len(opened) == 1


def test_a_mapped_workflow_reads_only_the_elements_that_are_not_cached(hub: Hub, opened: list[str]) -> None:
    assert hub.run(mapped_workflow).value == [2, 4, 6, 8, 10]
    opened.clear()
    assert hub.run(mapped_workflow).value == [2, 4, 6, 8, 10]
    assert opened == []


@dt.workflow
def map_over_sequence() -> list[int]:
    return dt.map(pick_number, listed_again(listed()), number=3)


def test_a_fan_out_over_a_sequence_that_was_handed_on_reads_one_element_each(hub: Hub, opened: list[str]) -> None:
    assert hub.run(map_over_sequence).value == [3, 6, 9, 12, 15]
    assert len(set(opened)) == 5
    opened.clear()
    assert hub.run(map_over_sequence).value == [3, 6, 9, 12, 15]
    assert opened == []


def test_another_process_reads_only_what_it_looks_at(hub: Hub, opened: list[str]) -> None:
    assert hub.run(one_of_dict, executor="processes").value == 2
    assert hub.run(after_another, executor="processes").value == 2
    assert opened == []


def test_called_as_a_function_nothing_is_stored_and_all_is_there() -> None:
    assert one_of_dict() == 2
    assert mapped_workflow() == [2, 4, 6, 8, 10]


def test_a_lost_element_fails_the_task_that_asks_for_it_alone(hub: Hub) -> None:
    artifact = next(iter(hub.run(named_only).outputs.values()))
    hub.artifacts.open_path(artifact.children[1].blobs[0]).unlink()
    value = hub.types.load(artifact, hub.artifacts, Mapping[str, pa.Table])
    assert value["a"].num_rows == 1
    with pytest.raises(dt.errors.ArtifactNotFound, match=r"at b"):
        value["b"]


@dt.workflow
def named_only() -> dict[str, pa.Table]:
    return named()
