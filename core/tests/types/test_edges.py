"""Wiring at definition: which annotation fits which."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import pytest
from dovetail.errors import ConversionError, UnknownType
from dovetail.plugins import build_catalogue
from dovetail.spec import ConverterSpec, TransformerSpec, TypeRef, hookimpl
from dovetail.types import Directory, File, TypeEngine


@dataclass
class Base:
    n: int


@dataclass
class Derived(Base):
    m: int


class Point(NamedTuple):
    x: int


class Opts(TypedDict):
    depth: int


class Word(str, enum.Enum):  # noqa: UP042 - the older spelling is common
    A = "a"


FITS: list[tuple[Any, Any]] = [
    (int, int),
    (int, float),
    (int, int | None),
    (None, int | None),
    (int | None, int | str | None),
    (Literal[1, 2], int),
    (Literal["a"], Literal["a", "b"]),
    (Derived, Base),
    (Point, tuple),
    (Word, str),
    (list[int], list[float]),
    (list[int], list),
    (list, list[int]),
    (list[int], Sequence[int]),
    (tuple[int, int], tuple[int, ...]),
    (tuple[int, int], Iterable[float]),
    (dict[str, int], Mapping[str, int]),
    (Opts, dict[str, Any]),
    (Any, int),
    (int, Any),
    (object, int),
    (Annotated[int, "meta"], Annotated[int, "other"]),
    (str, File),
    (Path, File),
    (File, Path),
    (Directory, Path),
    ("int", TypeRef("int")),
    ("spam.Frame", "spam.Frame"),
]

REFUSED: list[tuple[Any, Any]] = [
    (int | None, int),
    (float, int),
    (bool, int),
    (bool, float),
    (int, str),
    (str, Literal["a"]),
    (Literal["c"], Literal["a", "b"]),
    (Base, Derived),
    (dt.datetime, dt.date),
    (list[int], tuple[int, ...]),
    (list[str], list[int]),
    (tuple[int, ...], tuple[int, int]),
    (tuple[int, int], tuple[int, str]),
    (dict[str, str], dict[str, int]),
    (dict[str, int], Opts),
    (int | str, int),
    (int, File),
    (File, int),
    (str, Path),
]


@pytest.mark.parametrize(("source", "target"), FITS, ids=str)
def test_fits(types: TypeEngine, source: Any, target: Any) -> None:
    path = types.check_edge(source, target)
    assert path.steps == () and path.cost == 0


@pytest.mark.parametrize(("source", "target"), REFUSED, ids=str)
def test_refused_with_both_ends_and_a_fix(types: TypeEngine, source: Any, target: Any) -> None:
    with pytest.raises(ConversionError) as caught:
        types.check_edge(source, target)
    message = str(caught.value)
    assert types.type_name(source) in message and types.type_name(target) in message
    assert caught.value.fix


def test_an_optional_that_meets_a_plain_input_is_told_what_to_do_about_none(types: TypeEngine) -> None:
    with pytest.raises(ConversionError, match="None does not fit int") as caught:
        types.check_edge(int | None, int)
    assert "default" in str(caught.value.fix)


def test_a_name_that_nobody_knows_names_the_plugin(types: TypeEngine) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(UnknownType, match=r"pyspark\.sql\.DataFrame") as caught:
        types.check_edge("pyspark.sql.DataFrame", "pyarrow.Table")
    assert "dovetail-spark" in str(caught.value.fix)


# -- the graph -----------------------------------------------------------------------------------------


class Ham:
    pass


class Eggs:
    pass


class Spam:
    pass


class SpecialHam(Ham):
    pass


def to_eggs(value: Ham) -> Eggs:
    return Eggs()


def to_spam(value: Any) -> Spam:
    return Spam()


NAME = __name__


class Breakfast:
    """A plugin whose frames form a small graph: ham -> eggs -> spam, and a lossy shortcut."""

    DOVETAIL_API = 1

    def __init__(self, *edges: ConverterSpec) -> None:
        self.edges = edges

    @hookimpl
    def dovetail_type_transformers(self) -> Iterable[TransformerSpec]:
        ham, eggs, spam = (f"{NAME}.{cls.__name__}" for cls in (Ham, Eggs, Spam))
        return [
            TransformerSpec(ham, f"{NAME}:T", converters=tuple(e for e in self.edges if e.source == ham)),
            TransformerSpec(eggs, f"{NAME}:T", converters=tuple(e for e in self.edges if e.source == eggs)),
            TransformerSpec(spam, f"{NAME}:T", converters=(ConverterSpec(spam, "nowhere.Frame", f"{NAME}:to_eggs"),)),
        ]


def edge(source: type, target: type, function: str, cost: Any = "copy", lossy: str | None = None) -> ConverterSpec:
    return ConverterSpec(f"{NAME}.{source.__name__}", f"{NAME}.{target.__name__}", f"{NAME}:{function}", cost, lossy)


@pytest.fixture
def breakfast(bare_settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    import sys

    monkeypatch.setitem(sys.modules, NAME, _this_module())

    def make(*edges: ConverterSpec) -> TypeEngine:
        return TypeEngine(build_catalogue(bare_settings, [Breakfast(*edges)]))

    return make


def _this_module() -> Any:
    import types as module_types

    module = module_types.ModuleType(NAME)
    vars(module).update(globals())
    return module


def test_the_cheapest_road_wins(breakfast: Any) -> None:
    engine = breakfast(
        edge(Ham, Spam, "to_spam", "collect"),
        edge(Ham, Eggs, "to_eggs", "view"),
        edge(Eggs, Spam, "to_spam", "copy"),
    )
    path = engine.explain(Ham, Spam)
    assert [step.cost for step in path.steps] == ["view", "copy"]
    assert path.cost == 12
    assert "cost 12" in str(path) and "1." in str(path)
    assert isinstance(engine.accept(Ham(), Spam), Spam)
    assert engine.check_edge(list[Ham], list[Spam]).cost == 12


def test_a_lossy_road_is_refused_and_says_what_would_be_lost(breakfast: Any) -> None:
    engine = breakfast(edge(Ham, Spam, "to_spam", "zero-copy", lossy="the taste"))
    for refuse in (lambda: engine.accept(Ham(), Spam), lambda: engine.check_edge(Ham, Spam)):
        with pytest.raises(ConversionError, match="loses something") as caught:
            refuse()
        assert "the taste" in str(caught.value)
    assert isinstance(engine.convert(Ham(), Spam, allow_lossy=True), Spam)
    assert engine.explain(Ham, Spam).lossy == ("the taste",)


def test_a_faithful_road_wins_over_a_lossy_one_at_any_price(breakfast: Any) -> None:
    engine = breakfast(
        edge(Ham, Spam, "to_spam", "zero-copy", lossy="the taste"),
        edge(Ham, Eggs, "to_eggs", "collect"),
        edge(Eggs, Spam, "to_spam", "collect"),
    )
    assert engine.explain(Ham, Spam).lossy == ()


def test_no_road_shows_the_converter_to_write(breakfast: Any) -> None:
    engine = breakfast(edge(Ham, Eggs, "to_eggs"))
    with pytest.raises(ConversionError, match="nothing converts") as caught:
        engine.check_edge(Eggs, Ham)
    assert "ConverterSpec(" in str(caught.value.fix)


def test_a_subclass_passes_for_its_base_and_not_the_other_way_round(breakfast: Any) -> None:
    engine = breakfast(edge(Ham, Eggs, "to_eggs"))
    special = SpecialHam()
    assert engine.accept(special, Ham) is special
    assert isinstance(engine.accept(special, Eggs), Eggs)
    assert engine.check_edge(SpecialHam, Ham).steps == ()
    with pytest.raises(ConversionError):
        engine.check_edge(Ham, SpecialHam)
    with pytest.raises(Exception, match="SpecialHam"):
        engine.accept(Ham(), SpecialHam)


def test_the_engine_notices_what_is_registered_later(bare_settings: Any, breakfast: Any) -> None:
    catalogue = build_catalogue(bare_settings)
    engine = TypeEngine(catalogue)
    with pytest.raises(ConversionError):
        engine.check_edge(Ham, Spam)
    catalogue.register(Breakfast(edge(Ham, Spam, "to_spam")))
    assert engine.check_edge(Ham, Spam).cost == 10


def test_the_name_of_a_path_is_the_same_on_every_python(types: TypeEngine) -> None:
    assert types.type_name(list[Path]) == "list[pathlib.Path]"
