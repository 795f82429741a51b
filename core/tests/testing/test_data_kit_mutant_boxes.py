"""Whoever breaks a law of types that are no tables is caught, with a message that helps."""

from __future__ import annotations

import argparse
import importlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import ValueMismatch
from dovetail.testing import TransformerSuite
from hypothesis import strategies as st

LAZY_IMPORT = {"test_found_by_name_without_its_library", "test_missing_library_names_what_to_type"}
"""The hooks of the boxes import their library, which is another test's subject."""


@pytest.fixture
def boxes(mutated: Callable[..., None]) -> Callable[..., type[TransformerSuite]]:
    """Makes a plugin in which something is replaced, and its suite."""

    def make(old: str = "", new: str = "", values: list[list[Any]] | None = None) -> type[TransformerSuite]:
        mutated("box", old, new)

        class Boxes(TransformerSuite):
            plugin = "mutant_boxes"
            type = "mutant_box.Box"

            def values(self) -> list[Any]:
                box = importlib.import_module("mutant_box").Box
                return [box(items) for items in values or [[1, 2], ["ä"], []]]

            def large_values(self) -> list[Any]:
                return [importlib.import_module("mutant_box").Box(["x" * 1000])]

        return Boxes

    return make


def test_a_type_that_is_no_table_keeps_every_law(boxes: Any, play: Any, checks_of: Any) -> None:
    suite = boxes()
    for test in checks_of(suite) - LAZY_IMPORT:
        play(suite, test)


BOX_MUTANTS: dict[str, tuple[str, str, str, str]] = {
    "a table in disguise": (
        '    type_name = "mutant_box.Box"\n',
        '    type_name = "mutant_box.Box"\n    is_table = True\n',
        "test_contract",
        "subclass TableTransformerSuite",
    ),
    "an equality that is none": (
        "return self.items == other.items",
        "return [a == b for a, b in zip(self.items, other.items)]",
        "test_codecs_give_back_what_they_wrote",
        "== of two mutant_box.Box gives a list",
    ),
    "a long preview": (
        '    type_name = "mutant_box.Box"\n',
        '    type_name = "mutant_box.Box"\n'
        "    def preview(self, value, limit=10):\n        return Preview(text=str(value.items))\n",
        "test_previews_of_large_values_are_bounded",
        "characters of text, at most 400",
    ),
    "no codec": (
        "codecs=codecs, ",
        "",
        "test_codecs_give_back_what_they_wrote",
        "declares no codec",
    ),
    "another name": (
        'TransformerSpec("mutant_box.Box"',
        'TransformerSpec("mutant_box.Boks"',
        "test_contract",
        'type = "mutant_box.Boks"',
    ),
    "a class that nobody declared": (
        "class Box:\n",
        "class Box:\n    def __new__(cls, items):\n        made = object.__new__(Other)\n        made.items = items\n"
        "        return made\n\nclass Other:\n",
        "test_values_are_known_and_pass_by_reference",
        'aliases=("mutant_box.Other",)',
    ),
}


@pytest.mark.parametrize("mutant", BOX_MUTANTS)
def test_a_broken_transformer_of_another_type_is_caught(boxes: Any, play: Any, mutant: str) -> None:
    old, new, test, told = BOX_MUTANTS[mutant]
    with pytest.raises(AssertionError) as caught:
        play(boxes(old, new), test)
    assert told in str(caught.value)


UNBOUNDED = BOX_MUTANTS["a long preview"]


def test_large_values_are_looked_for_where_none_are_given(boxes: Any, play: Any) -> None:
    lists = st.lists(st.text())
    looked_for = {
        "large_values": lambda self: (),
        "values": lambda self: lists.map(lambda items: importlib.import_module("mutant_box").Box(items)),
    }
    shown = boxes(*UNBOUNDED[:2])
    importlib.import_module("mutant_box").Box.__repr__ = lambda self: f"Box({self.items})"
    with pytest.raises(AssertionError, match="characters of text, at most 400"):
        play(type("Searched", (shown,), looked_for), UNBOUNDED[2])


def test_small_values_tell_nothing_of_the_bounds_of_previews(boxes: Any, play: Any) -> None:
    none = type("None_", (boxes(*UNBOUNDED[:2]),), {"large_values": lambda self: ()})
    with pytest.raises(AssertionError, match=r"no value of mutant_box\.Box is so large(.|\n)*def large_values"):
        play(none, UNBOUNDED[2])


def test_a_misspelt_type_is_not_taken_for_a_missing_alias(boxes: Any, play: Any) -> None:
    misspelt = type("Misspelt", (boxes(),), {"type": "mutant_box.Bxo"})
    with pytest.raises(AssertionError, match=r'declares no type(.|\n)*type = "mutant_box\.Box"'):
        play(misspelt, "test_values_are_known_and_pass_by_reference")


def test_values_that_are_all_the_same_test_nothing(boxes: Any, play: Any) -> None:
    with pytest.raises(AssertionError, match="no two values that differ"):
        play(boxes(values=[[1], [1]]), "test_equal_values_hash_the_same_and_others_differently")


@pytest.mark.parametrize(
    ("items", "digest_of"),
    [
        ({"a": 1, "b": 2}, "json.dumps(value.items)"),
        ([{"a": [{"x": 1, "y": {}}]}], "json.dumps(value.items)"),
        (set(range(3, 40, 7)), "repr(value.items)"),
        ([(1, frozenset(range(0, 200, 8)))], "repr(value.items)"),
        (vars(argparse.Namespace(a=1, b=2)), "repr(value.items)"),
        ([argparse.Namespace(of={"a": 1, "b": 2})], "str([list(item.of) for item in value.items])"),
    ],
)
def test_a_hash_that_goes_by_the_order_of_a_dict_is_caught(boxes: Any, play: Any, items: Any, digest_of: str) -> None:
    suite = boxes("json.dumps(value.items).encode", f"({digest_of}).encode", values=[items, [0]])
    importlib.import_module("mutant_box").Box.__init__ = lambda self, items: setattr(self, "items", items)
    with pytest.raises(AssertionError, match=r"a copy of a mutant_box\.Box has another content hash(.|\n)*sort"):
        play(suite, "test_equal_values_hash_the_same_and_others_differently")


def test_a_hash_may_go_by_an_order_that_equality_goes_by(boxes: Any, play: Any) -> None:
    suite = boxes("json.dumps(value.items).encode", "repr(value.items).encode")
    importlib.import_module("mutant_box").Box.__init__ = lambda self, items: setattr(self, "items", OrderedDict(items))
    box = importlib.import_module("mutant_box").Box
    ordered = type("Ordered", (suite,), {"values": lambda self: [box({"a": 1, "b": 2}), box({"b": 2, "a": 1})]})
    play(ordered, "test_equal_values_hash_the_same_and_others_differently")


PARSE = (
    "codecs=codecs, ",
    'codecs=codecs, converters=(ConverterSpec("str", "mutant_box.Box", "mutant_boxes:parse"),), ',
)


IN_ARROW = (
    "codecs=codecs, ",
    "codecs=codecs, converters=(ConverterSpec('pyarrow.Table', 'mutant_box.Box', 'mutant_boxes:from_arrow'), "
    "ConverterSpec('mutant_box.Box', 'pyarrow.Table', 'mutant_boxes:to_arrow')), ",
)


@pytest.mark.parametrize(
    ("reads", "lost"),
    [
        ("Box(table['items'].to_pylist())", "one more"),  # further columns
        ("Box(table[table.column_names[0]].to_pylist()) if table.num_columns == 1 else 1 / 0", "items one more"),
        ("Box([i for i in table['items'].to_pylist() if i]) if table.num_columns == 1 else 1 / 0", "None"),
    ],
)
def test_a_converter_that_drops_what_is_not_its_own_is_caught(boxes: Any, play: Any, reads: str, lost: str) -> None:
    suite = boxes(*IN_ARROW, values=[[1, 2], [3]])
    hooks = importlib.import_module("mutant_boxes")
    hooks.to_arrow = lambda box: pa.table({"items": pa.array(box.items, pa.int64())})
    hooks.from_arrow = eval(f"lambda table: {reads}", vars(hooks))
    with pytest.raises(AssertionError, match=rf"loses something.*{lost}(.|\n)*refuse what cannot be carried"):
        play(suite, "test_faithful_converters_lose_nothing")


def test_a_converter_that_refuses_what_is_not_its_own_is_faithful(boxes: Any, play: Any) -> None:
    suite = boxes(*IN_ARROW, values=[[1, 2], [3], []])
    hooks = importlib.import_module("mutant_boxes")
    schema = pa.schema([pa.field("items", pa.int64())])
    hooks.to_arrow = lambda box: pa.table({"items": box.items}, schema=schema)

    def from_arrow(table: Any) -> Any:
        if table.schema != schema or None in table["items"].to_pylist():
            raise ValueMismatch("no items")
        return importlib.import_module("mutant_box").Box(table["items"].to_pylist())

    hooks.from_arrow = from_arrow
    play(suite, "test_faithful_converters_lose_nothing")
    play(suite, "test_faithful_converters_can_be_seen_to_be")


def test_a_converter_from_elsewhere_needs_values_to_try_it(boxes: Any, play: Any) -> None:
    suite = boxes(*PARSE)
    with pytest.raises(AssertionError, match=r"no value tries the converter str -> mutant_box\.Box(.|\n)*def sources"):
        play(suite, "test_faithful_converters_lose_nothing")
    tried = type("Tried", (suite,), {"sources": lambda self, source: ["[1]", "[]"] if source == "str" else ()})
    play(tried, "test_contract")
    play(tried, "test_faithful_converters_lose_nothing")
    wrong = type("Wrong", (suite,), {"sources": lambda self, source: ["now"]})
    with pytest.raises(AssertionError, match="gives something else each time"):
        play(wrong, "test_faithful_converters_lose_nothing")
