"""The reference says what there is: every command, every option, every exit code, every key."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from dovetail.cli import _errors
from dovetail.cli._main import COMMANDS, root
from dovetail.cli._options import run_options
from dovetail.errors import DataError, PlatformError, UserError

PAGE = Path(__file__).parents[3] / "docs/reference/cli.md"


@pytest.fixture(scope="module")
def page() -> str:
    if not PAGE.exists():
        pytest.skip("the documentation is not beside this copy of the tests")
    return PAGE.read_text(encoding="utf-8")


def commands() -> dict[str, click.Command]:
    """Every command by its path: ``runs show``."""
    context = root.make_context("dovetail", ["run"], obj=None, resilient_parsing=True)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = root.get_command(context, name)
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {verb}": command.get_command(context, verb) for verb in command.list_commands(context)}
    check = found["check"]
    assert isinstance(check, click.Group)
    found["check DATA"] = check.get_command(context, "DATA")  # whatever is no verb is data
    return found


@pytest.mark.parametrize("path", sorted(commands()))
def test_every_command_is_described(page, path):
    group, _, verb = path.partition(" ")
    assert f"`{path}" in page or (f"`{group} list`" in page and f"`{verb}`" in page)


def test_every_option_is_described(page):
    shown = [p for command in [root, *commands().values()] for p in command.params if isinstance(p, click.Option)]
    flags = {flag for option in [*shown, *run_options()] for flag in option.opts if flag.startswith("--")}
    described = set(re.findall(r"--[a-z][a-z-]*", page))
    assert flags <= described
    assert described <= flags | {
        "--help",
        "--version",
        "--flag",
        "--no-flag",
        "--dep-delay",
        "--parts",
        "--delay",
        "--dep",
    }


def test_every_exit_code_is_described(page):
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    kinds = {kind.exit_code for kind in (DataError, UserError, PlatformError)}
    assert codes == {0, _errors.INTERRUPTED, _errors.TERMINATED, _errors.READER_GONE} | kinds


def test_the_keys_of_a_run_are_described(page, cli):
    run = cli("run", "pipeline.py", "warned", "--json").json
    described = set(re.findall(r"`(\w+)`", page))
    for record in (run, run["nodes"][0], run["outputs"]["frame"], run["datasets"][0]):
        assert set(record) <= described
