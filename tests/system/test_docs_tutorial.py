"""The tutorial: the code it shows is that of the example, and its commands do what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PARTS = ("docs/tutorial/README.md", "docs/tutorial/things-to-try.md")
EXPLAINED = ("dovetail.toml", "flights_data.py", "pipeline.py")  # line by line; report_page.py only in part

PageOf = Callable[[str], Any]


def shown(page: PageOf, name: str) -> list[str]:
    return [b.text for part in PARTS for b in page(part).blocks("python", "toml") if b.title == name]


@pytest.mark.parametrize("name", [*EXPLAINED, "report_page.py"])
def test_the_code_it_shows_is_that_of_the_example(page: PageOf, repository: Path, name: str) -> None:
    code = (repository / "examples" / "flights" / name).read_text()
    blocks = shown(page, name)
    assert blocks
    for block in blocks:
        assert any(indented in code for indented in indentations(block)), f"not in {name}:\n{block}"


def indentations(block: str) -> list[str]:
    """The block as shown, and as it stands inside a function."""
    return [re.sub(r"^(?=.)", " " * depth, block, flags=re.MULTILINE) for depth in (0, 4, 8)]


@pytest.mark.parametrize("name", EXPLAINED)
def test_no_line_of_the_example_is_left_out(page: PageOf, repository: Path, name: str) -> None:
    code = (repository / "examples" / "flights" / name).read_text()
    for block in shown(page, name):
        code = code.replace(block, "", 1)
    assert not code.strip(), f"not explained:\n{code}"


def test_every_block_of_code_says_which_file_it_is(page: PageOf) -> None:
    for part in PARTS:
        for block in page(part).blocks("python", "toml"):
            assert block.title or block.file, f"{part}, line {block.line}"


@pytest.mark.slow
def test_every_command_does_what_it_shows(page: PageOf, flights: Path) -> None:
    assert sum(page(part).play(flights) for part in PARTS) > 20
