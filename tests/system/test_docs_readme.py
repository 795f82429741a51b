"""The README: its examples run as printed, and are as short as it says."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PageOf = Callable[[str], Any]


def code_lines(text: str) -> int:
    """Lines that are neither empty nor the comment that names the file."""
    return sum(bool(line.strip()) for line in text.splitlines()[1:])


@pytest.mark.slow
def test_every_example_does_what_it_shows(page: PageOf, tmp_path: Path) -> None:
    assert page("README.md").play(tmp_path) > 0


@pytest.mark.parametrize("name", ["trips.py", "shout.py"])
def test_examples_have_at_most_twenty_lines(page: PageOf, name: str) -> None:
    assert 5 < code_lines(page("README.md").file(name)) <= 20


@pytest.mark.parametrize(("name", "kind"), [("shout.py", "Shout"), ("jobs.py", "ClusterJob")])
def test_a_minimal_task_type_is_under_twenty_lines(page: PageOf, name: str, kind: str) -> None:
    text = page("docs/how-to/write-a-task-type.md").file(name)
    body = re.search(
        rf"^@dt\.task_type.*?^class {kind}\b.*?(?=^\S|\Z)", text.partition("import dovetail")[2], re.M | re.S
    )
    assert body is not None
    assert 3 < code_lines(body[0] + "\n") < 20


def test_the_table_of_plugins_is_complete(page: PageOf, repository: Path) -> None:
    text = page("README.md").text
    for path in sorted(repository.glob("plugins/*/pyproject.toml")):
        name = tomllib.loads(path.read_text())["project"]["name"]
        assert f"| `{name}` |" in text and f"pip install '{name}[engine]'" in text
