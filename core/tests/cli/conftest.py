"""A small project in a directory of its own, and the command line run in it, in this process or in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dovetail.cli import main
from dovetail.plugins import reset_default

PIPELINE = '''
"""A pipeline for the tests of the command line."""
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import dovetail as dt
import pyarrow as pa
from dovetail.quality.checks import not_null


def gate(on_fail):
    return dt.Gate(dt.Suite("rows", [not_null("x")]), on_fail=on_fail, max_quarantined="90%", name="rows")


@dt.task
def add(a: int, b: int) -> int:
    with Path("calls.txt").open("a") as calls:
        calls.write(f"add {a} {b}\\n")
    return a + b


@dt.task
def say(a: int) -> int:
    print("printed by a task")
    os.write(1, b"written to the descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=True)
    return a


@dt.task
def fail_unless(a: int, path: str) -> int:
    if not Path(path).exists():
        raise ValueError(f"no {path} \\x1b[31mred\\x1b[0m [bold]markup[/bold]")
    return a


@dt.task
def table(rows: int) -> pa.Table:
    return pa.table({"x": [i if i % 2 else None for i in range(rows)], "name": [f"n{i}" for i in range(rows)]})


@dt.task
def quarantine(frame: pa.Table) -> Annotated[
    pa.Table, gate("quarantine"), dt.Dataset("good_rows", path="out/good.parquet")
]:
    return frame


@dt.task
def block(frame: pa.Table) -> Annotated[pa.Table, gate("block")]:
    return frame


@dt.task
def double(x: int) -> int:
    return 2 * x


@dt.task
def total(xs: list[int]) -> int:
    return sum(xs)


class Both(NamedTuple):
    frame: pa.Table
    number: int


@dt.workflow
def plain(month: Annotated[int, "month, 1 to 12"], dep_delay: int = 1) -> int:
    """Adds two numbers.

    And nothing else.

    Args:
        dep_delay: minutes of delay
    """
    return add(month, dep_delay)


@dt.workflow
def chatty(a: int = 1) -> int:
    return say(a)


@dt.workflow
def broken(path: str = "go") -> int:
    return fail_unless(add(1, 2), path)


@dt.workflow
def warned(rows: int = 10) -> Both:
    return Both(quarantine(table(rows)), add(rows, 1))


@dt.workflow
def blocked(rows: int = 10) -> pa.Table:
    return block(table(rows))


@dt.workflow
def mapped(xs: list[int] = [1, 2, 3]) -> int:
    return total(dt.map(double, xs))
'''


@dataclass
class Done:
    """What a command line gave: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


Cli = Callable[..., Done]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory: an empty project with ``pipeline.py``. Plugins are off, so only the core is tested."""
    reset_default()  # a test that loads a file itself makes the catalogue of this project that of the process
    (tmp_path / "pipeline.py").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "dovetail.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("DOVETAIL_HOME", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOVETAIL_DISABLE_PLUGINS", "1")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    reset_default()


@pytest.fixture
def cli(project: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """``cli("runs", "list")``: the command line, in this process."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def process(project: Path) -> Cli:
    """``process("run", "pipeline.py", "plain")``: the command line, in a process of its own."""

    def run(*arguments: str, program: str = "import sys; from dovetail.cli import main; sys.exit(main())") -> Done:
        command = [sys.executable, "-c", program, *arguments]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


HOOKS = """
import click
from dovetail.cli import json_option, write_result
from dovetail.spec import CommandSpec, ConverterSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

@hookimpl
def dovetail_commands():
    return [
        CommandSpec("greet", "NAME:greet"),
        CommandSpec("count", "NAME:count"),
        CommandSpec("crash", "NAME:crash"),
        CommandSpec("nothing", "NAME:DOVETAIL_API"),
    ]

@hookimpl
def dovetail_type_transformers():
    lossy = ConverterSpec("shop.Frame", "pyarrow.Table", "NAME:convert", cost="copy", lossy="the index")
    return [TransformerSpec("shop.Frame", "NAME:Transformer", converters=(lossy,)), TransformerSpec("shop.Table", "NAME:T")]

@click.command("greet", help="Say hello.")
@click.argument("name")
def greet(name):
    print(f"hello {name}")
    return 0

@click.command("count")
@click.argument("words", nargs=-1)
@json_option
def count(words):
    print("counting") if "aloud" in words else None
    write_result({"words": {word: len(word) for word in words}}, (f"{word} {len(word)}" for word in words))

@click.command("crash")
def crash():
    secret_looking = {"key": [1, 2]}["nokey"]
"""


@pytest.fixture
def hooks(project, monkeypatch, request) -> str:
    """A project with a hook module of its own; its import name."""
    name = f"hooks_of_{abs(hash(request.node.nodeid))}"
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    monkeypatch.syspath_prepend(str(project))
    (project / f"{name}.py").write_text(HOOKS.replace("NAME", name), encoding="utf-8")
    (project / "dovetail.toml").write_text(f'plugins = ["{name}"]\nallow = ["{name}"]\n', encoding="utf-8")
    return name
