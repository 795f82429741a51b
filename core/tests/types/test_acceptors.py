"""What fits an annotation, what does not, and what the message says."""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict
from uuid import UUID

import pytest
from dovetail.config import Settings
from dovetail.errors import ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.spec import TypeRef
from dovetail.types import Directory, File, TypeEngine
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel


@dataclass
class Item:
    name: str
    price: float


@dataclass
class LookAlike:
    name: str
    price: float


@dataclass
class Order:
    rows: list[Item]


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Parent:
    child: Child | None


@dataclass
class Child:
    parent: Parent | None
    at: Point


class Options(TypedDict, total=False):
    depth: int


class Color(enum.Enum):
    RED = 1


class Model(BaseModel):
    n: int


class Estimator:
    """A class that nobody declares and pydantic does not know."""


FITS = [
    (5, int),
    (True, bool),
    (2.5, float),
    ("a", str),
    (b"a", bytes),
    (None, None),
    (None, Optional[int]),  # noqa: UP045 - both spellings must work
    (5, int | None),
    (1 + 2j, complex),
    ([1, 2], list[int]),
    ((1, "a"), tuple[int, str]),
    ({"a": [1]}, dict[str, list[int]]),
    ({1, 2}, set[int]),
    (Item("a", 1.0), Item),
    (LookAlike("a", 1.0), Item | LookAlike),
    (Point(1, 2), Point),
    ({"depth": 1}, Options),
    (Color.RED, Color),
    ("a", Literal["a", "b"]),
    (Model(n=1), Model),
    (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime),
    (dt.date(2024, 1, 1), dt.date),
    (dt.timedelta(1), dt.timedelta),
    (Decimal("1.50"), Decimal),
    (UUID(int=1), UUID),
    (Path("a"), Path),
    (object(), Any),
    ([1, "a"], list),
    ((1, 2), Sequence[int]),
]


@pytest.mark.parametrize(("value", "annotation"), FITS, ids=lambda v: str(v)[:40])
def test_a_value_that_fits_comes_back_equal_and_of_the_same_type(
    types: TypeEngine, value: Any, annotation: Any
) -> None:
    accepted = types.accept(value, annotation)
    assert accepted == value
    assert type(accepted) is type(value)


REFUSED = [
    (True, int),
    (1.0, int),
    ("1", int),
    (True, float),
    ("1.5", float),
    (1, bool),
    (1, str),
    (b"a", str),
    ("a", bytes),
    (0, None),
    ((1, 2), list[int]),
    ([1, 2], tuple[int, int]),
    (["1"], list[int]),
    ([True], list[int]),
    ({"a": 1}, Item),
    (LookAlike("a", 1.0), Item),
    ("c", Literal["a", "b"]),
    (1, Color),
    ("2024-01-01", dt.date),
    ("1.5", Decimal),
    ("text", Path),
    ({"n": "1"}, Model),
    (5, Estimator),
]


@pytest.mark.parametrize(("value", "annotation"), REFUSED, ids=lambda v: str(v)[:40])
def test_nothing_is_coerced(types: TypeEngine, value: Any, annotation: Any) -> None:
    with pytest.raises(ValueMismatch):
        types.accept(value, annotation)


@pytest.mark.parametrize("value", [5, 10**30, "text", 2.5, b"bytes", None, True])
def test_exact_scalars_pass_by_reference(types: TypeEngine, value: Any) -> None:
    assert types.acceptor(type(value))(value) is value


@given(n=st.integers())
def test_a_float_takes_an_int_only_if_nothing_is_rounded(types: TypeEngine, n: int) -> None:
    try:
        exact = float(n) == n
    except OverflowError:
        exact = False
    if exact:
        assert type(types.accept(n, float)) is float
        assert types.accept([n], list[float]) == [n]
    else:
        with pytest.raises(ValueMismatch):
            types.accept(n, float)
        with pytest.raises(ValueMismatch):
            types.accept([n], list[float])


def test_a_record_passes_by_reference(types: TypeEngine) -> None:
    order = Order([Item("a", 1.0)])
    assert types.accept(order, Order) is order


def test_an_unknown_class_is_checked_and_passed_by_reference(types: TypeEngine) -> None:
    model = Estimator()
    assert types.accept(model, Estimator) is model
    assert types.accept([model], list[Estimator])[0] is model


def test_the_message_names_the_place_inside_the_structure(types: TypeEngine) -> None:
    rows: Any = [{"price": 1.0}, {"price": "a" * 500}]
    with pytest.raises(ValueMismatch) as caught:
        types.accept({"rows": rows}, dict[str, list[dict[str, float]]])
    assert caught.value.details["path"] == "rows[1].price"
    assert "valid number" in caught.value.details["expected"]
    assert len(caught.value.what) < 250
    assert caught.value.fix


def test_metadata_of_annotated_is_left_to_others(types: TypeEngine) -> None:
    unhashable: Any = {"any": "thing"}
    assert types.accept(5, Annotated[int, unhashable]) == 5
    with pytest.raises(ValueMismatch):
        types.accept("5", Annotated[int, unhashable])
    nested = Annotated[dict[str, Annotated[list[Annotated[int, unhashable]], unhashable]] | None, unhashable]
    assert types.accept({"a": [1]}, nested) == {"a": [1]}
    assert types.type_name(nested) == "dict[str, list[int]] | None"


@pytest.mark.parametrize("name", ["int", "builtins.int", TypeRef("int")])
def test_a_name_is_as_good_as_a_type(types: TypeEngine, name: Any) -> None:
    assert types.accept(5, name) == 5
    with pytest.raises(ValueMismatch):
        types.accept("5", name)


def test_a_name_that_nobody_knows_lets_through_only_its_own_class(types: TypeEngine) -> None:
    reference = f"{Estimator.__module__}.Estimator"
    assert types.accept(Estimator(), reference)
    with pytest.raises(ValueMismatch):
        types.accept(5, "no.such.Type")


def test_files_are_taken_from_paths_that_exist(types: TypeEngine, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert types.accept(str(tmp_path / "a.txt"), File).read_text() == "x"
    assert types.accept(tmp_path, Directory).files() == [tmp_path / "a.txt"]
    assert types.accept(File(tmp_path / "a.txt"), Path) == tmp_path / "a.txt"
    with pytest.raises(ValueMismatch, match="a File"):
        types.accept(tmp_path / "missing", File)
    with pytest.raises(ValueMismatch, match="a Directory"):
        types.accept(tmp_path / "a.txt", Directory)


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("3", int, 3),
        ("true", bool, True),
        ("2.5", float, 2.5),
        ("3", str, "3"),
        ("[1, 2]", list[int], [1, 2]),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ("2024-01-31", dt.date, dt.date(2024, 1, 31)),
        ("7", int | None, 7),
        ("a", Literal["a", "b"], "a"),
        ("out.csv", Path, Path("out.csv")),
    ],
)
def test_text_from_a_command_line_becomes_a_value(types: TypeEngine, text: str, annotation: Any, value: Any) -> None:
    parsed = types.parse(text, annotation)
    assert parsed == value
    assert type(parsed) is type(value)


def test_text_that_says_no_such_value_is_refused(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match="valid integer"):
        types.parse("three", int)


def test_a_pydantic_model_takes_a_dict_of_its_fields_as_pydantic_does(types: TypeEngine) -> None:
    assert types.accept({"n": 1}, Model) == Model(n=1)


def test_what_is_wrong_inside_an_optional_is_said(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch) as caught:
        types.accept([(1, 2), (1, "2")], list[Point] | None)
    assert caught.value.details["path"] == "[1].y"


def test_a_circle_of_records_is_walked_from_both_ends(bare_settings: Any) -> None:
    for first, second in ((Parent, Child), (Child, Parent)):
        fresh = TypeEngine(build_catalogue(bare_settings))  # nothing is known of either yet
        for annotation in (first, second):
            with pytest.raises(ValueMismatch, match="int"):
                bad: Any = Point("x", 2)  # type: ignore[arg-type]
                fresh.accept(Parent(Child(None, bad)) if annotation is Parent else Child(None, bad), annotation)


def test_functions_and_iterators_of_frames_are_only_checked_for_what_they_are(types: TypeEngine) -> None:
    from collections.abc import Callable, Iterator

    points = iter([Point(1, 2)])
    assert types.accept(points, Iterator[Point]) is points
    assert types.accept(len, Callable[[int], Point]) is len
    with pytest.raises(ValueMismatch):
        types.accept(5, Callable[[int], Point])


def test_a_plain_tuple_becomes_the_named_one_and_nothing_else_does(types: TypeEngine) -> None:
    assert types.accept((1, 2), Point) == Point(1, 2)
    assert type(types.accept([(1, 2)], list[Point])[0]) is Point
    odd: Any
    for odd in ([1, 2], {"x": 1, "y": 2}, (1,), (1, "2")):
        with pytest.raises(ValueMismatch):
            types.accept(odd, Point)


def test_a_typed_dict_with_a_key_too_many_is_refused_rather_than_cut(types: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match="without the key 'other'"):
        types.accept([{"depth": 1, "other": 2}], list[Options])


def test_nan_is_a_float(types: TypeEngine) -> None:
    assert math.isnan(types.accept(math.nan, float))


def test_an_adapter_is_built_once_for_all_values(bare_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import pydantic

    built: list[Any] = []

    class Counted(pydantic.TypeAdapter[Any]):
        def __init__(self, kind: Any, **options: Any) -> None:
            built.append(kind)
            super().__init__(kind, **options)

    monkeypatch.setattr(pydantic, "TypeAdapter", Counted)
    types = TypeEngine(build_catalogue(bare_settings))
    for number in range(5):
        assert types.accept({"a": [number]}, dict[str, list[int]]) == {"a": [number]}
        assert types.acceptor(dict[str, list[int]])({"b": []}) == {"b": []}
    assert len(built) == 1
