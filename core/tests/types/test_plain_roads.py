"""Converters that a plugin declares between its own type and a plain one."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from dovetail.errors import ConversionError, ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, TypeTransformer, hookimpl
from dovetail.types import File, TypeEngine

NAME = __name__


class Money:
    """Knows its cents."""

    def __init__(self, cents: int) -> None:
        self.cents = cents


class Receipt(Money):
    pass


class Kelvin(float):
    """A declared type that is a plain one as well."""


@dataclass
class Price:
    euros: float


class MoneyTransformer(TypeTransformer):
    def content_hash(self, value: Any) -> str:
        return f"money-{value.cents}"


class MoneyCodec:
    def write(self, value: Any, path: Path) -> None:
        path.write_text(str(value.cents))

    def read(self, path: Path) -> Money:
        return Money(int(path.read_text()))


def to_float(value: Money) -> float:
    return value.cents / 100


def to_str(value: Money) -> str:
    return f"{value.cents} cents"


def to_price(value: Money) -> Price:
    return Price(value.cents / 100)


def to_date(value: Money) -> str:
    return "not a date"


def from_str(text: str) -> Money:
    return Money(int(text))


def kelvin_to_float(value: Kelvin) -> float:
    return float(value) - 273.15


def to_file(value: Money) -> File:
    return File(__file__)


def _edge(source: str, target: str, function: str, lossy: str | None = None) -> ConverterSpec:
    return ConverterSpec(source, target, f"{NAME}:{function}", "copy", lossy)


class Plugin:
    DOVETAIL_API = 1

    @hookimpl
    def dovetail_type_transformers(self) -> Iterable[TransformerSpec]:
        money, kelvin, receipt = f"{NAME}.Money", f"{NAME}.Kelvin", f"{NAME}.Ledger"
        code = f"{NAME}:MoneyTransformer"
        return [
            TransformerSpec(
                money,
                code,
                converters=(
                    _edge(money, "float", "to_float"),
                    _edge(money, "builtins.str", "to_str"),
                    _edge(money, f"{NAME}.Price", "to_price"),
                    _edge(money, "datetime.date", "to_date"),
                    _edge(money, "int", "to_float", "the cents"),
                    _edge(money, "dovetail.File", "to_file"),
                ),
                codecs=(CodecSpec("money", f"{NAME}:MoneyCodec"),),
            ),
            TransformerSpec(kelvin, code, converters=(_edge(kelvin, "float", "kelvin_to_float"),)),
            TransformerSpec(receipt, code, converters=(_edge("str", receipt, "from_str"),)),
        ]


class Ledger(Money):
    """Made from a str."""


@pytest.fixture
def engine(bare_settings: Any, monkeypatch: pytest.MonkeyPatch) -> TypeEngine:
    module = ModuleType(NAME)
    vars(module).update(globals())
    monkeypatch.setitem(sys.modules, NAME, module)
    return TypeEngine(build_catalogue(bare_settings, [Plugin()]))


FITS = [
    (Money, float, lambda: Money(250), 2.5),
    (Money, str, lambda: Money(250), "250 cents"),
    (Money, Price, lambda: Money(250), Price(2.5)),
    (Money, float | None, lambda: Money(250), 2.5),
    (list[Money], list[float], lambda: [Money(250), Money(100)], [2.5, 1.0]),
    (list[Money], Sequence[float], lambda: [Money(250)], [2.5]),
    (list[Money], list[Price], lambda: [Money(250)], [Price(2.5)]),
    (set[Money], set[str], lambda: {Money(1)}, {"1 cents"}),
    (dict[str, Money], dict[str, float | None], lambda: {"a": Money(250)}, {"a": 2.5}),
    (dict[str, list[Money]], dict[str, list[str]], lambda: {"a": [Money(1)]}, {"a": ["1 cents"]}),
    (tuple[int, Money], tuple[int, float], lambda: (1, Money(250)), (1, 2.5)),
    (tuple[Money, ...], tuple[float, ...], lambda: (Money(250), Money(100)), (2.5, 1.0)),
    (Receipt, float, lambda: Receipt(250), 2.5),
    (Kelvin, float, lambda: Kelvin(273.15), 0.0),
]


@pytest.mark.parametrize(("source", "target", "make", "expected"), FITS, ids=lambda x: str(x)[:40])
def test_what_the_check_promises_the_value_keeps(
    engine: TypeEngine, source: Any, target: Any, make: Any, expected: Any
) -> None:
    assert engine.check_edge(source, target).cost == 10
    given = make()
    found = engine.accept(given, target)
    assert found == expected and type(found) is type(expected)
    assert engine.explain(source, target).steps


def test_the_explanation_names_the_converter(engine: TypeEngine) -> None:
    (step,) = engine.explain(Money, float).steps
    assert (step.source, step.target, step.cost) == (f"{NAME}.Money", "float", "copy")
    assert str(engine.explain(Money, Price)).splitlines()[0] == f"{NAME}.Money -> {NAME}.Price: 1 step(s), cost 10"


@pytest.mark.parametrize("target", [bool, bytes, list[int], dict[str, bytes]])
def test_where_no_converter_leads_nothing_changes(engine: TypeEngine, target: Any) -> None:
    with pytest.raises(ConversionError):
        engine.check_edge(Money, target)
    with pytest.raises(ValueMismatch):
        engine.accept(Money(1), target)


def test_plain_values_fit_as_before(engine: TypeEngine) -> None:
    assert engine.accept(2.5, float) == 2.5
    text = "as it is"
    assert engine.accept(text, str) is text
    assert engine.accept([1.0, 2.0], list[float]) == [1.0, 2.0]
    for value, target in ((1, str), ("1", float), ([1], list[str]), ({"a": "b"}, dict[str, float])):
        with pytest.raises(ValueMismatch):
            engine.accept(value, target)


def test_one_that_fits_does_not_help_one_that_does_not(engine: TypeEngine) -> None:
    with pytest.raises(ValueMismatch, match=r"at \[1\]"):
        engine.accept([Money(1), "two"], list[float])


def test_a_road_that_loses_something_is_refused_unless_allowed(engine: TypeEngine) -> None:
    for refused in (lambda: engine.check_edge(Money, int), lambda: engine.accept(Money(100), int)):
        with pytest.raises(ConversionError, match="loses something") as caught:
            refused()
        assert "the cents" in str(caught.value)
    assert engine.explain(Money, int).lossy == ("the cents",)
    with pytest.raises(ValueMismatch, match="expected an int"):
        engine.convert(Money(150), int, allow_lossy=True)  # the converter makes a float of it


def test_a_converter_that_makes_something_else_is_named(engine: TypeEngine) -> None:
    with pytest.raises(ValueMismatch) as caught:
        engine.accept(Money(1), dt.date)
    assert f"the converter from {NAME}.Money to datetime.date" in str(caught.value)


def test_from_a_plain_type(engine: TypeEngine) -> None:
    assert engine.check_edge(str, Ledger).cost == 10
    assert engine.accept("12", Ledger).cents == 12
    with pytest.raises(ConversionError):
        engine.check_edge(int, Ledger)


def test_no_road_leads_through_a_plain_type(engine: TypeEngine) -> None:
    """Money gives a str and a Ledger is made from one, but not from that one."""
    with pytest.raises(ConversionError):
        engine.check_edge(Money, Ledger)
    with pytest.raises(ConversionError):
        engine.accept(Money(1), Ledger)


def test_to_a_file(engine: TypeEngine) -> None:
    assert engine.check_edge(Money, File).cost == 10
    assert engine.accept(Money(1), File) == File(__file__)
    with pytest.raises(ValueMismatch):
        engine.accept(1, File)


def test_what_is_stored_as_one_is_read_as_the_other(engine: TypeEngine, store: Any) -> None:
    assert engine.load(engine.dump(Money(250), Money, store), store, float) == 2.5
