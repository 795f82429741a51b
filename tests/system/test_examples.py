"""The small examples run by themselves and print what their docstrings say."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

SMALL = Path(__file__).parents[2] / "examples" / "small"
EXAMPLES = sorted(path.name for path in SMALL.glob("*.py"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_prints_what_its_docstring_says(name: str, tmp_path: Path, alike: Callable[[str, str], bool]) -> None:
    docstring = ast.get_docstring(ast.parse((SMALL / name).read_text())) or ""
    expected = textwrap.dedent(docstring.partition("Prints:\n")[2])
    assert expected
    done = subprocess.run([sys.executable, str(SMALL / name)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert alike(expected, done.stdout), done.stdout


def test_the_list_of_examples_is_complete() -> None:
    readme = (SMALL / "README.md").read_text()
    assert EXAMPLES
    for name in EXAMPLES:
        assert f"[{name}]({name})" in readme
