"""A hub in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dovetail.hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub(home=tmp_path / "store") as hub:
        yield hub


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a process of its own, with its store in ``tmp_path / "store"``."""

    def run(script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "script.py"
        file.write_text(textwrap.dedent(script))
        return subprocess.run(
            [sys.executable, str(file), *arguments],
            env={**os.environ, "DOVETAIL_HOME": str(tmp_path / "store"), **env},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run
