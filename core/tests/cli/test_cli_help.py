"""Help texts: what a newcomer reads."""

from __future__ import annotations

import pytest

FLAGS = '''
import datetime, decimal, enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
import dovetail as dt

class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"

@dataclass
class Config:
    size: int

@dt.task
def show(value: str) -> str:
    return value

@dt.workflow
def every(
    month: Annotated[int, "month, 1 to 12"],
    ratio: float = 0.5,
    dry_run: bool = False,
    limit: int | None = None,
    mode: Literal["fast", "slow"] = "fast",
    color: Color = Color.RED,
    parts: list[int] = [1, 2],
    day: datetime.date = datetime.date(2026, 1, 31),
    price: decimal.Decimal = decimal.Decimal("1.50"),
    file: dt.File | None = None,
    folder: Path = Path("out"),
    config: Config = Config(3),
    quiet: bool = False,
) -> str:
    """Every kind of input.

    Args:
        ratio: share of rows
    """
    return show("x")
'''


@pytest.fixture
def help_text(project, cli, monkeypatch) -> str:
    """Help of the workflow, on lines as wide as they need."""
    monkeypatch.setenv("COLUMNS", "200")
    (project / "flags.py").write_text(FLAGS, encoding="utf-8")
    done = cli("run", "flags.py", "every", "--help")
    assert done.code == 0, done.err
    return " ".join(done.out.split())


@pytest.mark.parametrize(
    "line",
    [
        "Usage: dovetail run flags.py every [OPTIONS]",
        "Every kind of input. Inputs:",
        "--month INTEGER month, 1 to 12 [required]",
        "--ratio FLOAT share of rows [default: 0.5]",
        "--dry-run/--no-dry-run [default: false]",
        "--limit INTEGER [default: none]",
        "--mode [fast|slow] [default: fast]",
        "--color [red|blue] [default: red]",
        "--parts INTEGER repeatable, or JSON [default: 1, 2]",
        "--day DATE [default: 2026-01-31]",
        "--price DECIMAL [default: 1.50]",
        "--file FILE [default: none]",
        "--folder PATH [default: out]",
        "--config JSON JSON text or @file.json [default: Config(size=3)]",
        "--input quiet=BOOLEAN [default: false]",  # its own flag is an option of every run
    ],
)
def test_the_flags_of_a_workflow_come_from_its_signature(help_text, line):
    assert line in help_text


def test_the_help_of_a_file_lists_its_workflows(cli):
    done = cli("run", "pipeline.py", "--help")
    assert done.code == 0
    assert "plain    Adds two numbers." in done.out
    assert "blocked" in done.out


def test_a_file_without_a_workflow_lists_them_as_an_error(cli):
    done = cli("run", "pipeline.py")
    assert done.code == 2
    assert "no workflow was named" in done.err
    assert "plain  Adds two numbers." in done.err
    assert "fix: dovetail run pipeline.py plain" in done.err
    assert cli("run", "pipeline.py", "--json").json["error"]["details"]["workflows"][0] == "plain"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--help",), "Exit codes: 0 done, 1 a gate blocked, 2 your code or input, 3 platform"),
        (("run", "--help"), "dovetail run [OPTIONS] FILE WORKFLOW [INPUT FLAGS]"),
        (("runs", "--help"), "resume"),
        (("runs", "show", "-h"), 'RUN is an id, a unique beginning of one, or "latest"'),
        (("types", "path", "--help"), "polars, pandas, arrow"),
        (("artifacts", "show", "--help"), "RUN:NODE"),
        (("plugins", "list", "--help"), "nothing is imported"),
        (("doctor", "--help"), "what to type"),
        (("datasets", "--help"), "show"),
    ],
)
def test_every_command_has_help(cli, arguments, said):
    done = cli(*arguments)
    assert done.code == 0
    assert said in " ".join(done.out.split())


@pytest.mark.parametrize(
    "arguments",
    [(), ("runs",), ("runs", "show"), ("run", "pipeline.py"), ("run", "pipeline.py", "plain")],
    ids=" ".join,
)
def test_help_is_json_where_json_is_asked_for(cli, arguments):
    done = cli(*arguments, "--help", "--json")
    assert done.code == 0
    assert set(done.json) == {"help"}
    assert done.json["help"].startswith("Usage: dovetail")


def test_an_empty_list_is_no_none(cli, project):
    (project / "empty_list.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef count(xs: list[int]) -> int:\n    return len(xs)\n"
        "@dt.workflow\ndef counted(xs: list[int] = []) -> int:\n    return count(xs)\n",
        encoding="utf-8",
    )
    assert "[default: []]" in cli("run", "empty_list.py", "counted", "--help").out
