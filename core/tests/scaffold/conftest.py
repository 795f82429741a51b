"""A directory to make plugins in, the command line, git, and templates of other versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dovetail.cli import main
from dovetail.scaffold import _templates


@dataclass
class Done:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that is the current one, where git knows a committer and no setting of the user's."""
    empty = tmp_path / "gitconfig"
    empty.write_text("[user]\n  name = Ada Lovelace\n  email = ada@example.org\n[init]\n  defaultBranch = main\n")
    for name in [name for name in os.environ if name.startswith(("GIT_", "DOVETAIL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(empty))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("DOVETAIL_DISABLE_PLUGINS", "1")
    project = tmp_path / "place"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def cli(place: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """``cli("plugins", "new", "ledger")`` in this process."""

    def run(*words: str) -> Done:
        code = main(list(words))
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture
def git(place: Path) -> Callable[..., str]:
    """``git(directory, "status")``: what it prints; it must not fail."""

    def run(directory: Path, *words: str) -> str:
        return subprocess.run(["git", *words], cwd=directory, capture_output=True, text=True, check=True).stdout

    return run


@pytest.fixture
def committed(git: Callable[..., str]) -> Callable[[Path], Path]:
    """Put all of a directory under git, as one commit."""

    def commit(directory: Path) -> Path:
        if not (directory / ".git").exists():
            git(directory, "init", "--quiet")
        git(directory, "add", ".")
        git(directory, "commit", "--quiet", "--message", "What is there")
        return directory

    return commit


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped templates as a copy that may be changed; only the first of them."""
    copied = tmp_path / "templates"
    shutil.copytree(_templates.TEMPLATES / "1", copied / "1")
    monkeypatch.setattr(_templates, "TEMPLATES", copied)
    return copied


@pytest.fixture
def second(templates: Path) -> Callable[[dict[str, str | None]], Path]:
    """``second({"project/README.md.jinja": text})``: a made-up second template; None takes a file away."""

    def make(changes: dict[str, str | None]) -> Path:
        made = Path(shutil.copytree(templates / "1", templates / "2"))
        for name, text in changes.items():
            path = made / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
        return made

    return make
