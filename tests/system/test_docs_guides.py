"""Guides and the README: every file they show is written, every command is run, every output compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GUIDES = (
    "write-a-task-type",
    "gates",
    "contracts",
    "publish",
    "frames",
    "models",
    "files",
    "resume-and-cache",
    "configure",
    "plugin-by-hand",
    "test-a-plugin",
)
TAKEN = {"docs/how-to/test-a-plugin.md": ("docs/how-to/write-a-task-type.md", "cluster.py")}
"""Files of another page that a page says it takes."""
PAGES = tuple(f"docs/how-to/{name}.md" for name in GUIDES)

PageOf = Callable[[str], Any]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_the_code_of_a_guide_does_what_it_shows(page: PageOf, tmp_path: Path, name: str) -> None:
    if name in TAKEN:
        other, file = TAKEN[name]
        (tmp_path / file).write_text(page(other).file(file))
    assert page(name).play(tmp_path) > 0


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_code_is_a_file_that_is_run(page: PageOf, name: str) -> None:
    blocks = page(name).blocks("python", "toml")
    assert blocks
    for block in blocks:
        assert block.file, f"{name}, line {block.line}: begin the block with a line such as '# hello.py'"
