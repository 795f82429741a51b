"""What tests the documentation is tested itself: a page that does not tell the truth is found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def played(page: Callable[[str], Any], tmp_path: Path) -> Callable[[str], int]:
    def play(text: str) -> int:
        source = tmp_path / "page.md"
        source.write_text(text)
        # An absolute path stands for itself, whatever it is joined to.
        return int(page(str(source)).play(tmp_path))

    return play


def console(*lines: str) -> str:
    return "\n".join(["```console", *lines, "```", ""])


@pytest.mark.parametrize(
    "lines",
    [
        ("$ echo one two", "one two"),
        ("$ echo one two", "one ..."),
        ("$ echo one two", "..."),
        ("$ echo one; echo two; echo three", "...", "two", "..."),
        ("$ true",),
        ("$ false", "$ echo $?", "1"),
        ("$ cd /", "$ pwd", "/"),
        ("$ echo one \\", ">   two", "one two"),
        ("$ printf 'no line end'", "no line end"),
        ("$ echo late >&2", "late"),
    ],
)
def test_what_is_true_passes(played: Callable[[str], int], lines: tuple[str, ...]) -> None:
    assert played(console(*lines)) == sum(line.startswith("$ ") for line in lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("$ echo one two", "one three"),
        ("$ echo one two",),
        ("$ echo one two", "one ... three"),
        ("$ echo one two", "... one two three"),
        ("$ echo ab", "ab ... b"),
        ("$ echo two; echo one", "one", "...", "two"),
        ("$ false",),
        ("$ false", "$ echo $?", "2"),
        ("$ exit 3",),
        ("$ no-such-command",),
    ],
)
def test_what_is_not_true_fails(played: Callable[[str], int], lines: tuple[str, ...]) -> None:
    with pytest.raises(AssertionError):
        played(console(*lines))


def test_a_block_that_names_a_file_becomes_that_file(played: Callable[[str], int]) -> None:
    assert played("```python\n# hello.py\nprint('hello')\n```\n" + console("$ python hello.py", "hello")) == 1
