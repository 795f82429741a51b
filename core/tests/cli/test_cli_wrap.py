"""Tables in narrow terminals: names are broken where they may be."""

from __future__ import annotations

import re

import pytest
from dovetail.cli._wrap import parts_of, share, wrapped
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(alphabet="ab -./,\n", max_size=60)


@given(TEXTS, st.integers(1, 20))
def test_wrapping_keeps_every_character_but_blanks(text, width):
    assert re.sub(r"\s", "", wrapped(text, width)) == re.sub(r"\s", "", text)


@given(TEXTS, st.integers(1, 20))
def test_no_line_is_too_wide_unless_it_cannot_be_broken(text, width):
    for line in wrapped(text, width).split("\n"):
        assert len(line) <= width or len(parts_of(line.strip())) == 1


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("dovetail-pandas", 15, ["dovetail-pandas"]),
        ("dovetail-pandas", 10, ["dovetail-", "pandas"]),
        ("types datetime.date, x", 15, ["types", "datetime.date,", "x"]),
        ("pyspark.sql.connect.DataFrame", 12, ["pyspark.sql.", "connect.", "DataFrame"]),
        ("one\ntwo", 10, ["one", "two"]),
    ],
)
def test_examples(text, width, lines):
    assert wrapped(text, width).split("\n") == lines


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 40)), min_size=1, max_size=6), st.integers(6, 200))
def test_columns_share_the_room(columns, room):
    least = [low for low, _ in columns]
    wanted = [low + more for low, more in columns]
    given_ = share(wanted, least, room)
    assert sum(given_) <= room
    assert all(1 <= width <= most for width, most in zip(given_, wanted, strict=True))
    if sum(wanted) <= room:
        assert given_ == wanted
    elif sum(least) <= room:
        assert all(width >= low for width, low in zip(given_, least, strict=True))


def test_names_stay_whole_in_a_narrow_terminal(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    shown = cli("types", "list").out
    for name in ("datetime.timedelta", "dovetail.Directory", "pathlib.PurePath"):
        assert name in shown
    assert max(map(len, shown.splitlines())) <= 60
