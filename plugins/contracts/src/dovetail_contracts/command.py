"""``dovetail contract``: contracts proposed, exported, linted and compared."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from dovetail.cli import clean, find_gate, json_option, read_table, write_result, write_text
from dovetail.errors import UsageError
from dovetail.quality import propose

from dovetail_contracts._changes import SIDES, Side
from dovetail_contracts._diff import compare_contracts
from dovetail_contracts._lint import Problem
from dovetail_contracts._render import render_diff_markdown, render_lines
from dovetail_contracts._suite import Contract, read_contract
from dovetail_contracts._write import Written, propose_contract, write_contract
from dovetail_contracts._yaml import YamlError

_FILE = click.Path(path_type=Path, dir_okay=False)
_WHERE = "Where to write it.  [default: standard output]"


@click.group("contract")
def contract() -> None:
    """Data contracts of the Open Data Contract Standard (ODCS 3.x).

    A contract is a suite: dovetail check DATA contract.odcs.yaml checks data against one.
    """


def _target(function: Any) -> Any:
    for option in (
        click.option("--force", is_flag=True, help="Replace what is there."),
        click.option(
            "--output",
            "-o",
            "target",
            type=_FILE,
            metavar="FILE",
            help="Where to write it.  [default: standard output]",
        ),
        click.option("--name", help="Name of the contract and its table."),
        click.option("--version", default="1.0.0", show_default=True, help="Version of the contract."),
    ):
        function = option(function)
    return function


@contract.command("init")
@click.argument("data", metavar="DATA")
@_target
def init(data: str, target: Path | None, force: bool, name: str | None, version: str) -> None:
    """Propose a contract that DATA keeps: columns, types, nulls, keys, sets and ranges. Go over it before you promise it."""
    _free(target, force)
    title = name or Path(data.rstrip("/")).name.partition(".")[0] or "data"
    _hand_over(propose_contract(propose(read_table(data)), title, version=version), target, ["dovetail", "check", data])


@contract.command("export")
@click.argument("suite", metavar="SUITE")
@_target
def export(suite: str, target: Path | None, force: bool, name: str | None, version: str) -> None:
    """Write the native checks of SUITE (a TOML file, suites.py:flights, module:flights) as a contract, limits included."""
    _free(target, force)
    _hand_over(write_contract(find_gate(suite, {}), name, version=version), target, [])


@contract.command("lint")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@json_option
def lint_files(files: tuple[Path, ...]) -> None:
    """Say what is wrong with contracts, line by line. Exit code 1 if anything is."""
    found = {str(path): _problems(path) for path in files}
    wrong = any(each.level == "error" for problems in found.values() for each in problems)
    told = [{"file": path, **each.to_dict()} for path, problems in found.items() for each in problems]
    lines = (line for path, problems in found.items() for line in _lines(path, problems))
    write_result({"ok": not wrong, "problems": told}, lines)
    if wrong:
        raise click.exceptions.Exit(1)


def _lines(path: str, problems: list[Problem]) -> Iterator[str]:
    for each in problems:
        fix = f" ({each.fix})" if each.fix else ""
        yield f"{path}:{each.line}: {each.level}: {each.what}{fix}"
    if not any(each.level == "error" for each in problems):
        yield f"{path}: ok"


def _problems(path: Path) -> list[Problem]:
    """The problems of a file; what cannot be read at all is one."""
    try:
        found = read_contract(path)
    except YamlError as error:
        line = int((error.who or "").rpartition("line ")[2] or 1) if "line " in (error.who or "") else 1
        return [Problem(line, "the file", "; ".join(filter(None, (error.what, error.why))), error.fix or "")]
    problems = list(found.problems)
    if not any(each.level == "error" for each in problems):
        problems += _not_evaluated(found)
    return problems


def _not_evaluated(found: Contract) -> Iterable[Problem]:
    """Notes on what a gate cannot evaluate, and blocks because of."""
    for number, schema in enumerate(found.schemas):
        for step in found.suite(schema).steps:
            if step.unsupported:
                line = found.parsed.line(("schema", number))
                fix = "a gate blocks because of it, unless it allows what is unsupported"
                yield Problem(line, f"{schema}: {step.info.name}", f"{step.info.name}: {step.unsupported}", fix, "note")


@contract.command("diff")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option(
    "--for", "side", type=click.Choice(SIDES), default="consumers", show_default=True, help="Whom a change breaks."
)
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@json_option
def diff(old: Path, new: Path, side: Side, markdown: bool) -> None:
    """Compare two contracts. Exit code 1 if a change breaks those who read the data (--for producers: those who make them)."""
    difference = compare_contracts(read_contract(old), read_contract(new))
    breaking = difference.breaking(side)
    told = {"for": side, "breaking": breaking, "changes": [each.to_dict(side) for each in difference.changes]}
    title = f"{old.name} -> {new.name}"
    write_result(
        told,
        render_diff_markdown(difference, title, side).splitlines() if markdown else render_lines(difference, side),
    )
    if breaking:
        raise click.exceptions.Exit(1)


def _free(target: Path | None, force: bool) -> None:
    if target is not None and target.exists() and not force:
        raise UsageError(f"{str(target)!r} exists already", fix="name another file, or replace it with --force")


def _hand_over(written: Written, target: Path | None, then: list[str]) -> None:
    """Write the contract, or print it; what the standard has no words for is said on standard error."""
    for word, ids in (("a rule of dovetail's own", written.own), ("a text, which blocks", written.texts)):
        for each in ids:
            click.echo(f"note: {clean(each)} is {word}: the standard has no words for it", err=True)
    if target is None:
        click.echo(written.text, nl=False)
        return
    write_text(target, written.text)
    click.echo(f"{target}: {len(written.contract.suite().steps)} checks")
    click.echo(f"next: {shlex.join([*(then or ['dovetail', 'contract', 'lint']), str(target)])}")
