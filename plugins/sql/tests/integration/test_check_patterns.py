"""A pattern that PostgreSQL is asked about matches there what RE2 matches; any other is left to RE2."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from dovetail.quality import checks as c
from dovetail.quality.checks.engines import FrameChecks
from dovetail.quality.checks.sql import ROW
from dovetail_sql._database import Database, TableName
from dovetail_sql.checks import SqlTableChecks, StoredTable
from dovetail_sql.checks._patterns import in_postgresql

PIECES = [
    *(
        "a",
        "b",
        "Z",
        "7",
        "_",
        " ",
        "-",
        "ä",
        "日",
        "é",
        "\n",
        ".",
        "|",
        "(",
        ")",
        "(?:",
        "*",
        "+",
        "?",
        "{2}",
        "{1,}",
        "{0,2}",
    ),
    *(
        "[a-c]",
        "[^a]",
        "[abä]",
        "[0-9_]",
        r"[\d.]",
        r"[^\w]",
        "[]a]",
        "[a-]",
        "[[:alpha:]]",
        "[a&&b]",
        "[é-ï]",
        "[.-/]",
    ),
    *(
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        r"\.",
        r"\n",
        r"\t",
        r"\\",
        r"\b",
        r"\pL",
        r"\x41",
        r"\-",
        r"\A",
        r"\z",
        r"\Q",
    ),
    *(
        "^",
        "$",
        "(?i)",
        "??",
        "*?",
        "+?",
        "{2,1}",
        "{,2}",
        "{x}",
        "***",
        "]",
        "}",
        "/",
        "#",
        "&",
        "~",
        ",",
        "'",
        '"',
        ":",
        "(?=a)",
    ),
]
TEXTS = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "aa",
    "aab",
    "Z",
    "7",
    "77",
    "_",
    " ",
    "-",
    "ä",
    "a\u0308",
    "日",
    "日日",
    "é",
    "\n",
    "a\n",
    "\na",
    "a\nb",
]
TEXTS += [
    "\t",
    "\\",
    ".",
    "..",
    "A",
    "\u00a0",
    "\u0660",
    "ß",
    "]",
    "}",
    "{x}",
    "{,2}",
    "a{2}",
    "/",
    "#",
    "&",
    "~",
    ",",
    "'",
    '"',
    ":",
    "*",
    "(",
    "]a",
    "+",
]
TEXTS += [
    "abc",
    "7.7",
    "a b",
    "a-b",
    "_a",
    "ab7",
    "ä7",
    "\r",
    "\x0b",
    "\x0c",
    "\u2028",
    "🦔",
    "aZ7_",
    "a|b",
    "bb",
    "aaa",
    "aaaa",
]


def drawn(count: int) -> list[str]:
    chosen = random.Random(20260329)
    found = {"".join(chosen.choice(PIECES) for _ in range(chosen.randint(1, 6))) for _ in range(count * 12)}
    return sorted(pattern for pattern in found if in_postgresql(pattern) is not None)[:count]


def test_patterns_match_in_postgresql_what_they_match_in_re2(
    postgresql: Any, open_: Callable[..., Database], subtests: pytest.Subtests
) -> None:
    database = open_("postgresql")
    rows = pa.table({"v": TEXTS})
    numbered = rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int64()))
    database.write(TableName("texts"), numbered, "create")
    stored, engine = StoredTable(database, TableName("texts"), rows.schema, rows.num_rows), SqlTableChecks()
    patterns = drawn(900)
    assert len(patterns) == 900 and any("[" in pattern for pattern in patterns)
    left = 0
    for start in range(0, len(patterns), 60):
        suite = c.Suite("patterns", [c.matches("v", pattern) for pattern in patterns[start : start + 60]])
        here = engine.outcomes(suite.checks, stored)
        there = super(FrameChecks, engine).evaluate(suite, rows)
        for mine, its, check in zip(here, there, suite.checks, strict=True):
            with subtests.test(pattern=check.params["pattern"]):
                left += mine is None
                if mine is not None:
                    assert its.status == "evaluated" and mine.n_evaluated == its.n_evaluated
                    assert mine.failed_rows.to_pylist() == its.failed_rows.to_pylist()
                else:
                    assert its.status == "error"  # neither of them can read it
    assert left < 300


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bword",
        r"\pL+",
        "(?i)a",
        "(?P<n>a)",
        "^a",
        "a$",
        "a**",
        "a{300}",
        "a{2,1}",
        "[[:alpha:]]",
        "[a&&b]",
        r"\Qa",
        r"\x41",
        "[]a]",
    ],
)
def test_what_may_mean_something_else_there_is_left_to_re2(pattern: str) -> None:
    assert in_postgresql(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "there"),
    [
        ("[A-Z]{3}", "^(?:[A-Z]{3})$"),
        (r"\d+(\.\d{1,2})?", r"^(?:[0-9]+(?:\.[0-9]{1,2})?)$"),
        ("a|b.", "^(?:a|b[^\\n])$"),
    ],
)
def test_plain_patterns_are_translated(pattern: str, there: str) -> None:
    assert in_postgresql(pattern) == there
