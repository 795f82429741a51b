"""The documentation is tested: pages are read, the files they show are written, their commands run, their output compared."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_FENCE = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r'title="([^"]+)"')
_FIRST_LINE = re.compile(r"# (\w[\w./-]*\.(?:py|toml|yaml))\n")
_MARK = "--dovetail-docs--"
_SLOWEST = 240  # seconds; a command that hangs shall not hang the tests


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        language: ``python``, ``console`` (run by the tests), ``sh`` (not run), ...
        text: What stands inside.
        line: Line of the page on which it begins.
        title: The file that the fence names with ``title="..."``, whose code it shows; or None.
        file: The file that its first line names, ``# hello.py``, which it is; or None.
    """

    language: str
    text: str
    line: int
    title: str | None
    file: str | None


class Page:
    """A page of the documentation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")

    def blocks(self, *languages: str) -> list[Block]:
        """The fenced blocks in these languages, or all, in order."""
        return [block for block in self._blocks() if not languages or block.language in languages]

    def _blocks(self) -> Iterator[Block]:
        for match in _FENCE.finditer(self.text):
            text = textwrap.dedent(match[4])
            title, first = _TITLE.search(match[3]), _FIRST_LINE.match(text)
            yield Block(
                language=match[2],
                text=text,
                line=self.text.count("\n", 0, match.start()) + 1,
                title=title[1] if title else None,
                file=first[1] if first else None,
            )

    def file(self, name: str) -> str:
        """The text of the file of this name that the page shows."""
        return next(block.text for block in self.blocks() if block.file == name)

    def play(self, directory: Path, terminal: Mapping[str, str] | None = None) -> int:
        """Write the files that the page shows, make the changes of its ``diff`` blocks, and run its ``console`` blocks, in
        order; the number of commands.

        Each block is one session of bash. A command must end with exit code 0 unless ``$ echo $?`` comes next.

        Args:
            directory: Where to begin.
            terminal: The page is read at one terminal: ``cd`` lasts from block to block, and these are further variables.

        Raises:
            AssertionError: An output or an exit code is not what the page says, or a change does not fit.
        """
        commands, here = 0, directory
        environment = {**_environment(directory), **(terminal or {})}
        for block in self.blocks():
            if block.file is not None:
                target = here / block.file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text, encoding="utf-8")
            elif block.language == "diff":
                change = ["git", "apply", "-"]
                done = subprocess.run(change, cwd=here, input=block.text, text=True, capture_output=True, check=False)
                assert done.returncode == 0, f"{self.path.name}, line {block.line}: {done.stderr}"
            elif block.language == "console":
                commands += self._run(block, here, environment)
                here = self._ends(block, here) if terminal is not None else here
        return commands

    def _ends(self, block: Block, directory: Path) -> Path:
        """Where the commands of a block leave the reader."""
        for command, _ in _steps(block.text):
            if command.startswith("cd "):
                directory = (directory / command.removeprefix("cd ")).resolve()
        return directory

    def _run(self, block: Block, directory: Path, environment: Mapping[str, str]) -> int:
        steps = _steps(block.text)
        script = "".join(
            f"{command}\n__code=$?; echo; echo '{_MARK}' $__code; (exit $__code)\n" for command, _ in steps
        )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SLOWEST,
            check=False,
        )
        printed = re.split(rf"\n{_MARK} (\d+)\n", done.stdout.decode("utf-8", "replace"))
        for number, (command, expected) in enumerate(steps):
            where = f"{self.path.name}, line {block.line}: $ {command}"
            assert len(printed) > 2 * number + 1, f"{where}\ndid not end:\n{printed[-1]}"
            output, code = printed[2 * number], int(printed[2 * number + 1])
            asked = [later for later, _ in steps[number + 1 : number + 2]] == ["echo $?"]
            assert code == 0 or asked or command == "echo $?", f"{where}\nended with {code}:\n{output}"
            assert is_alike(expected, output), f"{where}\nexpected:\n{expected}\ngot:\n{output}"
        return len(steps)


def _steps(text: str) -> list[tuple[str, str]]:
    """Commands with the output that is shown for each; ``> `` continues a command."""
    steps: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif line.startswith("> ") and steps and not steps[-1][1] and steps[-1][0].endswith("\\"):
            steps[-1] = (f"{steps[-1][0]}\n{line[2:]}", [])
        else:
            steps[-1][1].append(line)
    return [(command, "\n".join(output)) for command, output in steps]


def is_alike(expected: str, output: str) -> bool:
    """True if the output is what is shown, in which ``...`` stands for anything; white space and rules may differ."""
    want, got = (re.sub("[─━]+", "─", " ".join(text.split())) for text in (expected, output))
    first, *others = (part.strip() for part in want.split("..."))
    if not others:
        return want == got
    if not got.startswith(first):
        return False
    last, position = others.pop(), len(first)
    for part in others:
        found = got.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return got.endswith(last) and len(got) - len(last) >= position


def _environment(directory: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOVETAIL_", "PYTHON"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, "PATH": path, "COLUMNS": "120", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "HOME": str(directory)}


@pytest.fixture(scope="session")
def page(repository: Path) -> Callable[[str], Page]:
    """``page("README.md")``: a page by its path in the repository."""
    return lambda name: Page(repository / name)


@pytest.fixture
def flights(repository: Path, tmp_path: Path) -> Path:
    """A fresh copy of ``examples/flights``, without what earlier runs left."""
    left = shutil.ignore_patterns(".dovetail", "out", "*.duckdb*", "__pycache__")
    return Path(shutil.copytree(repository / "examples" / "flights", tmp_path / "flights", ignore=left))


@pytest.fixture(scope="session")
def alike() -> Callable[[str, str], bool]:
    """``alike(expected, output)``: whether an output is what is shown, with ``...`` for anything."""
    return is_alike
