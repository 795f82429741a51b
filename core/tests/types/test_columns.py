"""Declared columns: projected and enforced at the border, by name and type, and read alone where they are stored."""

from __future__ import annotations

import datetime
import decimal
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, NewType

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import ConversionError, DefinitionError, ValueMismatch, WiringError
from dovetail.types import Column, File, TypeEngine, columns, refine
from hypothesis import given, settings
from hypothesis import strategies as st

TABLE = pa.table({"x": [1.5], "b": ["q"], "a": pa.array([1], pa.int32())})


def of(*args: Any, **kwargs: Any) -> Any:
    return Annotated[pa.Table, columns(*args, **kwargs)]


# -- projection ------------------------------------------------------------------------------------------


def test_a_table_comes_out_with_the_declared_columns_in_their_order(types: TypeEngine) -> None:
    out = types.accept(TABLE, of(a=int, b=str))
    assert out == pa.table({"a": pa.array([1], pa.int64()), "b": ["q"]})


def test_a_table_that_is_right_comes_back_by_reference(types: TypeEngine) -> None:
    assert types.accept(TABLE, of(x=float, b=str, a="int32")) is TABLE
    assert types.accept(TABLE, of(a="int32", extra="keep")) is TABLE


def test_what_becomes_of_other_columns_is_said(types: TypeEngine) -> None:
    assert types.accept(TABLE, of(a=int, extra="keep")).column_names == ["x", "b", "a"]
    assert types.accept(TABLE, of(a=int)).column_names == ["a"]
    with pytest.raises(ValueMismatch, match="column 'x': expected none of that name") as caught:
        types.accept(TABLE, of(a=int, extra="refuse"))
    assert [each["column"] for each in caught.value.details["columns"]] == ["x", "b"]


def test_names_that_are_no_identifiers_are_given_in_a_dict(types: TypeEngine) -> None:
    table = pa.table({"total price": [1], "extra": [2], "x.y": [3]})
    out = types.accept(table, of({"total price": int, "extra": int, "x.y": int}))
    assert out.column_names == ["total price", "extra", "x.y"]


SCALARS = st.sampled_from(
    [pa.int8(), pa.int32(), pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.string(), pa.bool_(), pa.date32()]
)


@settings(deadline=None)  # a busy machine is no defect
@given(
    kinds=st.dictionaries(st.text(min_size=1, max_size=3), SCALARS, min_size=1, max_size=6),
    order=st.randoms(),
    rows=st.integers(0, 3),
)
def test_projection_is_selection_and_doing_it_twice_is_doing_it_once(
    types: TypeEngine, kinds: dict[str, pa.DataType], order: Any, rows: int
) -> None:
    table = pa.table({name: pa.nulls(rows, kind) for name, kind in kinds.items()})
    chosen = order.sample(list(kinds), order.randint(1, len(kinds)))
    annotation = of({name: Column(kinds[name], nullable=True) for name in chosen})
    once = types.accept(table, annotation)
    assert once == table.select(chosen)
    assert types.accept(once, annotation) is once


# -- types -----------------------------------------------------------------------------------------------

FITS: list[tuple[pa.DataType, Any, pa.DataType]] = [
    (pa.int64(), int, pa.int64()),
    (pa.int8(), int, pa.int64()),
    (pa.uint32(), int, pa.int64()),
    (pa.int16(), "int32", pa.int32()),
    (pa.uint8(), "int16", pa.int16()),
    (pa.float32(), float, pa.float64()),
    (pa.float16(), "float32", pa.float32()),
    (pa.string(), str, pa.string()),
    (pa.large_string(), str, pa.large_string()),
    (pa.dictionary(pa.int8(), pa.string()), str, pa.string()),
    (pa.binary(), bytes, pa.binary()),
    (pa.bool_(), bool, pa.bool_()),
    (pa.date32(), datetime.date, pa.date32()),
    (pa.timestamp("ns", "UTC"), datetime.datetime, pa.timestamp("ns", "UTC")),
    (pa.timestamp("us", "UTC"), "timestamp[us, tz=UTC]", pa.timestamp("us", "UTC")),
    (pa.timestamp("ns"), "datetime64[ns]", pa.timestamp("ns")),
    (pa.duration("ms"), datetime.timedelta, pa.duration("ms")),
    (pa.time64("us"), datetime.time, pa.time64("us")),
    (pa.decimal128(9, 2), decimal.Decimal, pa.decimal128(9, 2)),
    (pa.decimal128(9, 2), "decimal(12, 2)", pa.decimal128(12, 2)),
    (pa.list_(pa.int32()), list[int], pa.list_(pa.int64())),
    (pa.list_(pa.int32()), list, pa.list_(pa.int32())),
    (pa.list_(pa.string()), pa.list_(pa.string()), pa.list_(pa.string())),
    (pa.struct([("k", pa.int8())]), dict, pa.struct([("k", pa.int8())])),
    (pa.int8(), Any, pa.int8()),
    (pa.null(), str, pa.string()),
]

REFUSED: list[tuple[pa.DataType, Any]] = [
    (pa.int64(), float),
    (pa.int8(), float),
    (pa.float64(), int),
    (pa.int64(), "int32"),
    (pa.uint64(), int),
    (pa.int32(), "uint32"),
    (pa.int32(), "uint64"),
    (pa.float64(), "float32"),
    (pa.bool_(), int),
    (pa.int64(), bool),
    (pa.int64(), str),
    (pa.string(), int),
    (pa.string(), bytes),
    (pa.binary(), str),
    (pa.timestamp("us"), datetime.date),
    (pa.date32(), datetime.datetime),
    (pa.timestamp("us"), "timestamp[us, tz=UTC]"),
    (pa.timestamp("us"), "timestamp[ns]"),
    (pa.decimal128(9, 2), "decimal(9, 3)"),
    (pa.decimal128(9, 2), float),
    (pa.list_(pa.float64()), list[int]),
    (pa.int64(), list),
    (pa.string(), dict),
    (pa.dictionary(pa.int8(), pa.int64()), str),
]


@pytest.mark.parametrize(("actual", "declared", "after"), FITS, ids=str)
def test_a_type_fits_if_no_value_changes(types: TypeEngine, actual: pa.DataType, declared: Any, after: Any) -> None:
    table = pa.table({"c": pa.nulls(2, actual)})
    out = types.accept(table, of(c=Column(declared, nullable=True)))
    assert out.schema.field("c").type == after and len(out) == 2


@pytest.mark.parametrize(("actual", "declared"), REFUSED, ids=str)
def test_anything_else_is_refused_with_both_types(types: TypeEngine, actual: pa.DataType, declared: Any) -> None:
    with pytest.raises(ValueMismatch, match="column 'c': expected ") as caught:
        types.accept(pa.table({"c": pa.array([], actual)}), of(c=declared))
    (problem,) = caught.value.details["columns"]
    assert problem["column"] == "c" and problem["got"] and caught.value.fix


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_widening_changes_no_value(types: TypeEngine, values: list[int]) -> None:
    out = types.accept(pa.table({"n": pa.array(values, pa.int32())}), of(n=int))
    assert out.column("n").to_pylist() == values


def test_text_beyond_32_bit_offsets_is_left_as_it_is(types: TypeEngine) -> None:
    table = pa.table({"t": pa.array(["a"], pa.large_string())})
    assert types.accept(table, of(t=str)) is table


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"a": complex}, "columns hold bool"),
        ({"a": "int31"}, "no type 'int31'"),
        ({"a": int | str}, "neither"),
        ({"a": None}, "neither"),
        ({"a": 3}, "neither"),
        ({1: int}, "is text"),
        ({}, "no column"),
    ],
)
def test_what_is_no_type_is_refused_at_definition(declared: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        try:
            columns(declared)
        except DefinitionError as error:
            raise DefinitionError(str(error)) from None
    with pytest.raises(DefinitionError, match="drop"):
        columns(a=int, extra="dorp")  # type: ignore[arg-type]


# -- nulls -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [int | None, "int64 | None", Column(int, nullable=True)], ids=str)
def test_nulls_are_let_in_where_they_are_declared(types: TypeEngine, declared: Any) -> None:
    table = pa.table({"n": [1, None]})
    assert types.accept(table, of(n=declared)) is table


def test_nulls_are_refused_elsewhere_and_counted(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match="column 'n': expected int, got 2 nulls") as caught:
        types.accept(pa.table({"n": [1, None, None]}), of(n=int))
    assert "n=int | None" in (caught.value.fix or "")


# -- messages --------------------------------------------------------------------------------------------


def test_a_missing_column_leads_to_the_nearest(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch) as caught:
        types.accept(pa.table({"arr_delay": [1], "b": [1]}), of(arr_dely=int, b=str))
    assert caught.value.what == "column 'arr_dely': expected int, got none of that name (the nearest is 'arr_delay')"
    assert "column 'b': expected str, got int64" in (caught.value.why or "")
    assert "[arr_dely: int, b: str]" in (caught.value.why or "")


def test_a_column_that_is_there_twice_is_refused(types: TypeEngine) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ValueMismatch, match="2 columns of that name"):
        types.accept(table, of(a=int))


@dataclass
class Report:
    table: Annotated[pa.Table, columns(a=int)]
    title: str


class Pair(NamedTuple):
    left: Annotated[pa.Table, columns(a=int)]
    right: pa.Table


def test_columns_are_declared_anywhere_inside(types: TypeEngine) -> None:
    assert types.accept([TABLE], list[of(a=int)])[0].column_names == ["a"]
    assert types.accept({"k": TABLE}, dict[str, of(a=int)])["k"].column_names == ["a"]
    assert types.accept(TABLE, of(a=int) | None).column_names == ["a"]
    assert types.accept(None, Annotated[pa.Table | None, columns(a=int)]) is None
    assert types.accept(TABLE, Annotated[pa.Table | None, columns(a=int)]).column_names == ["a"]
    assert types.accept(TABLE, NewType("Flights", of(a=int))).column_names == ["a"]
    assert types.accept(Report(TABLE, "t"), Report).table.column_names == ["a"]
    out = types.accept(Pair(TABLE, TABLE), Pair)
    assert out.left.column_names == ["a"] and out.right is TABLE
    with pytest.raises(ValueMismatch, match=r"at rows\[1\]"):
        types.accept({"rows": [TABLE, TABLE.drop_columns("a")]}, dict[str, list[of(a=int)]])


def test_other_metadata_may_stand_beside_even_if_it_cannot_be_hashed(types: TypeEngine) -> None:
    assert types.accept(TABLE, Annotated[pa.Table, ["a gate"], columns(a=int), {"help": 1}]).column_names == ["a"]
    assert refine(Annotated[pa.Table, "help"]) is pa.Table
    outer = Annotated[of(a=int, b=str), columns(b=str)]
    assert types.accept(TABLE, outer).column_names == ["b"]


@pytest.mark.parametrize("base", [int, list[pa.Table], File, Report])
def test_only_tables_have_columns(types: TypeEngine, base: Any) -> None:
    for ask in (types.acceptor, lambda a: types.check_edge(a, Any), lambda a: types.check_edge(base, a)):
        with pytest.raises(DefinitionError, match="cannot be declared with"):
            ask(Annotated[base, columns(a=int)])


# -- wiring ----------------------------------------------------------------------------------------------

WIRED: list[tuple[Any, Any]] = [
    (of(a=int, b=str), of(b=str)),
    (of(a="int32"), of(a=int)),
    (of(a=int), of(a=int | None)),
    (of(a=int), pa.Table),
    (of(a=int), of(a=Any)),
    (of(a="date32"), of(a=datetime.date)),
    (list[of(a=int, b=str)], list[of(a=int)]),
    (of(a=int), of(a=int) | None),
]

LATER: list[tuple[Any, Any]] = [
    (pa.Table, of(a=int)),
    (of(a=Any), of(a=int)),
    (of(b=int, extra="keep"), of(a=int)),
    (of(a=datetime.datetime), of(a="timestamp[us]")),
]

UNWIRED: list[tuple[Any, Any, str]] = [
    (of(a=int), of(b=int), "column 'b' is not declared there"),
    (of(arr_delay=int), of(arr_dely=int), "there is 'arr_delay'"),
    (of(a=int), of(a=float), "column 'a' is int there, and float is wanted"),
    (of(a=int), of(a="int32"), "int32 is wanted"),
    (of(a=int | None), of(a=int), "may hold nulls"),
    (of(a=int, b=int), of(a=int, extra="refuse"), "column 'b' is not wanted"),
    (of(a=datetime.datetime), of(a=str), "is datetime there"),
    (list[of(a=int)], list[of(a=str)], "column 'a'"),
    (of(a=int) | None, of(a=int), "None does not fit"),
]


@pytest.mark.parametrize(("source", "target"), WIRED, ids=str)
def test_declared_ends_that_fit(types: TypeEngine, source: Any, target: Any) -> None:
    assert "columns" not in types.check_edge(source, target).note


@pytest.mark.parametrize(("source", "target"), LATER, ids=str)
def test_ends_of_which_only_the_value_can_tell(types: TypeEngine, source: Any, target: Any) -> None:
    assert types.check_edge(source, target).note == "columns checked when the value arrives"


@pytest.mark.parametrize(("source", "target", "said"), UNWIRED, ids=str)
def test_declared_ends_that_cannot_fit_are_refused_at_definition(
    types: TypeEngine, source: Any, target: Any, said: str
) -> None:
    with pytest.raises(ConversionError) as caught:
        types.check_edge(source, target)
    assert said in str(caught.value) and caught.value.fix


def test_tasks_and_workflows_are_wired_by_their_columns() -> None:
    @dt.task
    def make() -> of(a=int, b=str):  # type: ignore[valid-type]
        return TABLE

    @dt.task
    def names(rows: of(b=str)) -> list[str]:  # type: ignore[valid-type]
        return list(rows.column_names)

    @dt.task
    def other(rows: of(b=int)) -> int:  # type: ignore[valid-type]
        return len(rows)

    @dt.workflow
    def good() -> list[str]:
        return names(make())

    @dt.workflow
    def given_rows(rows: of(a=int, b=str)) -> list[str]:  # type: ignore[valid-type]
        return names(rows)

    assert good() == ["b"]
    assert given_rows(TABLE) == ["b"]
    with pytest.raises(ValueMismatch, match="column 'a'"):
        given_rows(TABLE.drop_columns("a"))
    with pytest.raises(WiringError, match="column 'b' is str there, and int is wanted"):

        @dt.workflow
        def bad() -> int:
            return other(make())

        bad()

    @dt.task
    def lies() -> of(a=str):  # type: ignore[valid-type]
        return TABLE

    with pytest.raises(ValueMismatch, match="column 'a': expected str, got int32") as caught:
        dt.workflow(lambda: lies())() if False else lies()
    assert "lies" in (caught.value.who or "")
