"""Patterns of checks: polars is asked only where it surely means what RE2 means."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dovetail_polars._patterns import in_polars
from hypothesis import given, settings
from hypothesis import strategies as st

PARTS = st.sampled_from(
    [
        *(
            "a",
            "b",
            "ä",
            "٣",
            " ",
            "_",
            "-",
            ".",
            "|",
            "^",
            "$",
            "(",
            ")",
            "(?:",
            "[",
            "[^",
            "]",
            "{1,2}",
            "*",
            "+",
            "?",
            "*?",
        ),
        *(
            r"\d",
            r"\D",
            r"\w",
            r"\W",
            r"\s",
            r"\S",
            r"\b",
            r"\.",
            r"\n",
            r"\[",
            r"\pL",
            r"\Q",
            r"\x41",
            "[:alpha:]",
            "&&",
            "--",
        ),
        *("(?i)", "(?P<n>", "a-z", "0-9"),
    ]
)
TEXTS = [
    "",
    "a",
    "b",
    "A",
    "ä",
    "٣",
    "3",
    " ",
    "\u00a0",
    "\t",
    "\x0b",
    "_",
    "ab",
    "aa",
    "a b",
    "a\n",
    "\n",
    "-",
    "&",
    "[",
    "^",
    "É",
    "K",
]


@given(st.lists(PARTS, max_size=6).map("".join))
@settings(max_examples=1000, deadline=None)
def test_what_polars_is_asked_it_answers_as_re2_does(pattern: str) -> None:
    translated = in_polars(pattern)
    if translated is None:
        return
    try:
        wanted = pc.match_substring_regex(pa.array(TEXTS), rf"\A(?:{pattern})\z").to_pylist()
    except pa.ArrowInvalid:
        wanted = None  # no pattern at all: polars must not find it one
    try:
        found = pl.Series(TEXTS).str.contains(translated).to_list()
    except pl.exceptions.ComputeError:
        found = None
    assert found is None or found == wanted


@pytest.mark.parametrize(
    "pattern",
    [
        r"[A-Z]{2}\d+",
        r"\w+@\w+\.com",
        "a|b",
        r"[\w.-]+",
        r"[^\s]*",
        r"\d{4}-\d\d-\d\d",
        "[[:alpha:]]+",
        "(?:ab)*",
        "a{1000}",
    ],
)
def test_common_patterns_are_asked(pattern: str) -> None:
    assert in_polars(pattern) is not None


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?i)a", r"\ba", r"\pL", "[a&&b]", "[[a]]", "[]a]", r"\Qa.b\E", "(?P<n>a)", r"[\D]", "[a", "a\\", "a{1,2}*"),
        *("a{1001}", "a{2,1001}", "(?:a{40}){40}", "b{0}a{1001}", "[[:wrong:]]"),  # RE2 refuses them
    ],
)
def test_what_is_not_sure_is_left(pattern: str) -> None:
    assert in_polars(pattern) is None
