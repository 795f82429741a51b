"""The guides for authors: a new author types what is printed, in an environment that holds nothing but what was built here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

GUIDE = "docs/how-to/write-a-plugin.md"
BY_HAND = "docs/how-to/plugin-by-hand.md"

PageOf = Callable[[str], Any]


@pytest.fixture
def terminal(tooling: ModuleType, repository: Path, tmp_path: Path) -> dict[str, str]:
    """The variables of a terminal in which pip finds the core of this tree, and `. .venv/bin/activate` was typed."""
    uv, wheels = tooling.ensure_uv(), tmp_path / "wheels"
    words = [uv, "build", "--quiet", "--wheel", "--no-sources", "-o", wheels, repository / "core"]
    tooling.run(words, env=tooling.uv_environment(uv))
    interpreter = tmp_path / "bin"
    interpreter.mkdir()
    (interpreter / "python").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
    git = Path(shutil.which("git") or "git").parent
    place = tmp_path / "place"
    return {
        "PATH": os.pathsep.join([str(place / ".venv/bin"), str(interpreter), str(git), "/usr/bin", "/bin"]),
        "PIP_FIND_LINKS": f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
        "PIP_CONSTRAINT": str(repository / "requirements.lock"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "COLUMNS": "160",
        **{f"GIT_{who}_{what}": f"ada{at}" for who in ("AUTHOR", "COMMITTER") for what, at in _COMMITTER},
    }


_COMMITTER = (("NAME", ""), ("EMAIL", "@example.org"))


@pytest.mark.slow
def test_a_new_author_gets_from_an_empty_folder_to_a_plugin(page: PageOf, terminal, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    assert page(GUIDE).play(place, terminal) > 25


def test_every_block_of_the_guide_is_typed_or_a_file_or_a_change(page: PageOf) -> None:
    for block in page(GUIDE).blocks():
        assert block.language in ("console", "diff") or block.file, f"line {block.line}"


def test_the_packaged_plugin_is_found_by_its_entry_point(page: PageOf, tmp_path: Path) -> None:
    guide = page(BY_HAND)
    project = tomllib.loads(guide.file("pyproject.toml"))["project"]
    # What an installer would lay down; building a wheel needs an index.
    for name in ("ledger.py", "ledger_plugin.py", "ledger_transformer.py"):
        (tmp_path / name).write_text(guide.file(name))
    info = tmp_path / "dovetail_ledger-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((group, entries),) = project["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()))
    command = [sys.executable, "-m", "dovetail", "types", "path", "ledger.Ledger", "pyarrow.Table"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert "dovetail-ledger" in shown
