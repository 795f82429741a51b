"""Values in documents: what is written comes back as it was, and nothing else is written."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import uuid
import zoneinfo
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dovetail.config import Secret
from dovetail.errors import DefinitionError
from dovetail.graph._constants import read_value, write_value
from dovetail.graph._references import Importer
from hypothesis import given
from hypothesis import strategies as st


class Colour(enum.Enum):
    RED = 1


@dataclass(frozen=True)
class Point:
    x: int
    tags: tuple[str, ...] = ()
    made: int = field(default=0, init=False)


class Pair(NamedTuple):
    low: Any
    high: Any


zones = st.sampled_from([None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(),
    st.dates(),
    st.times(timezones=zones),
    st.datetimes(timezones=zones),
    st.datetimes(timezones=st.just(zoneinfo.ZoneInfo("Europe/Paris"))),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.builds(range, st.integers(0, 9), st.integers(0, 9), st.integers(1, 3)),
    st.just(Path("a/b.txt")),
    st.just(Colour.RED),
    st.builds(Point, st.integers(), st.tuples(st.text())),
)
keys = st.one_of(st.text(), st.integers(), st.just("$int"), st.tuples(st.integers(), st.text()))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(keys, inner, max_size=4),
        st.frozensets(st.integers() | st.text(), max_size=4),
        st.sets(st.integers(), max_size=4),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(values)
def test_what_is_written_comes_back(value: Any) -> None:
    text = json.dumps(write_value(value, "it"), allow_nan=False)
    again = read_value(json.loads(text), "it", Importer())
    assert same(again, value)
    assert json.dumps(write_value(again, "it")) == text


def in_function() -> Any:
    @dataclass
    class Hidden:
        x: int

    return Hidden(1)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "nothing that a document can hold"),
        (print, "nothing that a document can hold"),
        (in_function(), "cannot be imported by name"),
        (datetime.datetime(2026, 1, 1, tzinfo=type("Odd", (datetime.tzinfo,), {})()), "time zone"),
    ],
)
def test_what_cannot_be_written_is_named(value: Any, why: str) -> None:
    with pytest.raises(DefinitionError, match=r"input 'x' of node 'n' holds .*which cannot be exported") as caught:
        write_value([{"deep": value}], "input 'x' of node 'n'")
    assert why in str(caught.value.why)
    assert "input of the workflow" in str(caught.value.fix)


@pytest.mark.parametrize(
    "value", [Secret("tell-nobody-this"), {"url": "x:tell-nobody-this@y"}, Point(1, ("tell-nobody-this",))]
)
def test_a_secret_is_never_written(value: Any) -> None:
    kept = Secret("tell-nobody-this")
    with pytest.raises(DefinitionError, match="holds a secret") as caught:
        write_value(value, "it")
    assert kept.reveal() not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        {"$date": "yesterday"},
        {"$uuid": "x"},
        {"$decimal": "x"},
        {"$range": [0, 1, 0]},
        {"$set": [[1]]},
        {"$dict": [[[1], 2]]},
        {"$enum": f"{__name__}:Colour.BLUE"},
        {"$enum": f"{__name__}:Point.x"},
        {"$object": f"{__name__}:Colour", "fields": {}},
        {"$object": f"{__name__}:Point", "fields": {"x": 1, "tag": 2}},
        {"$object": f"{__name__}:Point", "fields": {}},
        {"$object": f"{__name__}:same", "fields": {}},
        {"$object": "os:stat_result", "fields": {}},
        {"$object": "subprocess:Popen", "fields": {"args": ["true"]}},
        {"$datetime": "2026-01-01T00:00:00", "zone": "Mars/Olympus"},
    ],
)
def test_what_is_malformed_is_told_with_its_place(data: Any) -> None:
    with pytest.raises(DefinitionError, match=r"nodes\[1\]"):
        read_value(data, "nodes[1].inputs.x.value", Importer())


def test_uuid_and_decimal_are_themselves() -> None:
    assert write_value(uuid.UUID(int=1), "it") == {"$uuid": str(uuid.UUID(int=1))}
    assert write_value(decimal.Decimal("1.10"), "it") == {"$decimal": "1.10"}
