"""What is shown of a value is bounded in every direction and harmless, whatever it holds and whoever wrote its transformer."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import visible
from dovetail.spec import Preview
from dovetail.testing import HubHarness
from dovetail.testing._pair_probes import column_probes, shape_probes
from dovetail.types import TypeEngine
from dovetail.types._looks import bounded
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = [
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "user\u202egnp.exe",
    "a\u2066b\u2069",
    "line\nbreak\r\n\ttab",
    "\x00\x08\x7f",
    "<script>alert(1)</script>",
    "| not | a | column |",
    "[link](javascript:alert(1))",
    "\ufeffmark\u2028line",
    "z\u0300" * 500,
]


@pytest.fixture
def types() -> TypeEngine:
    with HubHarness() as hub:
        return hub.types


def check(preview: Preview, limit: int) -> None:
    assert len(preview.rows) <= max(limit, 0)
    assert len(preview.columns) <= 20
    assert all(len(row) == len(preview.columns) for row in preview.rows)
    assert all(len(cell) <= 80 for row in preview.rows for cell in row)
    assert all(len(name) <= 80 for name in preview.columns)
    assert len(preview.text) <= 400
    shown = "".join([*(cell for row in preview.rows for cell in row), *preview.columns])
    for text in (shown, preview.text.replace("\n", "").replace("\t", "")):
        assert all(c.isprintable() or c in "\u200c\u200d\u00a0\u3000" for c in text)


@pytest.mark.parametrize("limit", [-1, 0, 3, 10])
def test_hostile_names_and_cells(types: TypeEngine, limit: int) -> None:
    names = [f"{number} {text}" for number, text in enumerate(HOSTILE * 3)]
    preview = types.preview(pa.table(dict.fromkeys(names, HOSTILE)), limit)
    check(preview, limit)
    assert preview.total_rows == len(HOSTILE)
    if limit > 0:
        assert preview.rows[0][0] == r"\x1b[2J\x1b[31mred\x1b[0m"
        assert "more columns" in preview.text


@pytest.mark.parametrize("kind", [*column_probes(), *shape_probes()])
def test_every_kind_of_column(types: TypeEngine, kind: str) -> None:
    for table in (*column_probes().get(kind, ()), *shape_probes().get(kind, ())):
        preview = types.preview(table, 5)
        check(preview, 5)
        assert len(preview.rows) == (min(5, table.num_rows) if table.num_columns else 0)


@pytest.mark.parametrize(
    "cell",
    ["x" * 30_000_000, b"x" * 30_000_000, ["word"] * 3_000_000, {"a": "x" * 30_000_000}, [["y" * 1000] * 10_000]],
    ids=["text", "bytes", "list", "struct", "list of lists"],
)
def test_of_a_huge_cell_only_the_beginning_is_read(types: TypeEngine, cell: Any) -> None:
    table = pa.table({"cell": pa.array([cell])})
    types.preview(table, 1)  # what is imported and compiled once
    tracemalloc.start()
    preview = types.preview(table, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    check(preview, 1)
    assert preview.rows[0][0].endswith("...")
    assert peak < 1_000_000


@dataclass
class Holder:
    text: str
    many: list[Any] = field(default_factory=list)


def test_plain_values_and_records(types: TypeEngine) -> None:
    deep: Any = "x" * 1000
    for _ in range(50):
        deep = [deep, deep]
    for value in (
        HOSTILE,
        {text: text for text in HOSTILE},
        deep,
        Holder("\x1b[2J" * 200, [deep]),
        "\x1b" * 10_000,
        10**3000,
    ):
        check(types.preview(value, 3), 3)


@given(
    preview=st.builds(
        Preview,
        st.text(max_size=900),
        st.lists(st.text(max_size=120), max_size=30).map(tuple),
        st.lists(st.lists(st.text(max_size=120) | st.integers(), max_size=30).map(tuple), max_size=15).map(tuple),
    ),
    limit=st.integers(-2, 12),
)
def test_what_a_careless_transformer_gives_is_bounded(preview: Preview, limit: int) -> None:
    found = bounded(preview, limit)
    assert len(found.rows) <= max(limit, 0) and len(found.columns) <= 20 and len(found.text) <= 400
    assert all(type(cell) is str and len(cell) <= 80 for row in found.rows for cell in (*row, *found.columns))
    assert not any(c in text for c in "\x00\x1b\x9b\u202e\u2066" for row in found.rows for text in row)
    assert bounded(found, limit) == found


def test_visible_keeps_what_people_write() -> None:
    for text in ("Grüße, 日本\u3000語", "🦔 👩\u200d🔬", "न\u200dक", "a b\u00a0c"):
        assert visible(text) == text
    assert visible("a\nb\x1b") == r"a\nb\x1b"
    assert visible("a\nb\x1b", keep="\n") == "a\nb\\x1b"
