"""What is stored already is referred to: no codec writes it again, no transformer hashes it again."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from dovetail.plugins import build_catalogue
from dovetail.spec import Artifact, CodecSpec, TransformerSpec, TypeTransformer, hookimpl
from dovetail.types import TypeEngine

NAME = __name__
work: Counter[str] = Counter()


class Grid:
    def __init__(self, text: str) -> None:
        self.text = text


@dataclass
class Pair:
    left: Grid
    right: Grid | None
    label: str = ""


class Both(NamedTuple):
    grid: Grid
    number: int


class GridTransformer(TypeTransformer):
    def content_hash(self, value: Any) -> str:
        work["hashed"] += 1
        return f"grid-{value.text}"


class GridCodec:
    def write(self, value: Any, path: Path) -> None:
        work["written"] += 1
        path.write_text(value.text)

    def read(self, path: Path) -> Grid:
        return Grid(path.read_text())


class OtherCodec(GridCodec):
    pass


class Plugin:
    DOVETAIL_API = 1

    @hookimpl
    def dovetail_type_transformers(self) -> list[TransformerSpec]:
        codecs = (CodecSpec("grid", f"{NAME}:GridCodec"), CodecSpec("other", f"{NAME}:OtherCodec"))
        return [TransformerSpec(f"{NAME}.Grid", f"{NAME}:GridTransformer", codecs=codecs)]


@pytest.fixture
def engine(bare_settings: Any, monkeypatch: pytest.MonkeyPatch) -> TypeEngine:
    module = ModuleType(NAME)
    vars(module).update(globals())
    monkeypatch.setitem(sys.modules, NAME, module)
    work.clear()
    return TypeEngine(build_catalogue(bare_settings, [Plugin()]))


def _dump_each(engine: TypeEngine, store: Any, values: list[Any], annotation: Any) -> list[tuple[Any, Artifact]]:
    return [(value, engine.dump(value, annotation, store)) for value in values]


@pytest.mark.parametrize(
    ("element", "make"),
    [
        (Grid, lambda text: Grid(text)),
        (Grid | None, lambda text: Grid(text)),
        (Pair, lambda text: Pair(Grid(text), Grid(text + "!"), text)),
        (Pair, lambda text: Pair(Grid(text), None)),
        (list[Grid], lambda text: [Grid(text), Grid(text * 2)]),
        (dict[str, Grid], lambda text: {text: Grid(text)}),
        (Both, lambda text: Both(Grid(text), 1)),
        (Any, lambda text: Grid(text)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_known_leaves_are_neither_written_nor_hashed(engine: TypeEngine, store: Any, element: Any, make: Any) -> None:
    values = [make(text) for text in ("a", "b", "c")]
    plain = engine.dump(values, list[element], store)
    known = _dump_each(engine, store, values, element)
    assert work["written"] >= 6
    work.clear()
    gathered = engine.dump(values, list[element], store, known=known)
    assert work == Counter()
    assert gathered == plain
    assert [child.id for child in gathered.children] == [child.id for child in plain.children]
    again = engine.load(gathered, store, list[element])
    assert engine.content_hash(again) == gathered.content_hash


def test_what_is_not_known_is_written(engine: TypeEngine, store: Any) -> None:
    first, second = Grid("a"), Grid("a")
    known = _dump_each(engine, store, [first], Grid)
    work.clear()
    engine.dump([first, second], list[Grid], store, known=known)  # equal, but another object
    assert work == Counter(written=1, hashed=1)


def test_one_object_with_two_stored_contents_is_written_as_it_is_now(engine: TypeEngine, store: Any) -> None:
    grid = Grid("before")
    known = _dump_each(engine, store, [grid], Grid)
    grid.text = "after"
    known += _dump_each(engine, store, [grid], Grid)
    known += _dump_each(engine, store, [grid], Grid)
    gathered = engine.dump([grid, grid], list[Grid], store, known=known)
    assert [grid.text for grid in engine.load(gathered, store, list[Grid])] == ["after", "after"]


def test_a_leaf_in_another_format_is_written_in_the_one_that_is_asked_for(engine: TypeEngine, store: Any) -> None:
    grid = Grid("a")
    known = _dump_each(engine, store, [grid], Grid)
    (child,) = engine.dump([grid], list[Grid], store, "other", known=known).children
    assert child.format == "other"


def test_plain_values_among_the_known_do_no_harm(engine: TypeEngine, store: Any) -> None:
    known = _dump_each(engine, store, [1, 2], int)
    assert engine.dump([1, 2], list[int], store, known=known) == engine.dump([1, 2], list[int], store)
