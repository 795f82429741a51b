"""``dovetail check DATA SUITE``: a gate with no workflow at all."""

from __future__ import annotations

import importlib
import shlex
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from dovetail.cli._groups import Group
from dovetail.cli._options import common, common_late
from dovetail.cli._output import emit_json, show, text
from dovetail.cli._reports import check_places, write_reports
from dovetail.cli._session import Session, session_of, with_session
from dovetail.cli._suite_files import read_suite_file, suite_endings
from dovetail.cli._summary import gate_lines
from dovetail.cli._table_files import check_targets, large_table, read_columns, read_table, write_table
from dovetail.cli._text import clean
from dovetail.cli._written import write_text
from dovetail.errors import DataError, UsageError, listing, nearest
from dovetail.graph import PublishedDataset, dataset
from dovetail.hub import load_module
from dovetail.quality import Gate, Report, Suite, named_tables, propose, read_gate, write_document
from dovetail.spec import TypeRef

_HELP = """Check a file of data against a suite.

DATA is a Parquet, CSV, Arrow or JSON Lines file, a directory or pattern of such files, or a URL (s3://bucket/flights.parquet).
SUITE is a TOML file (dovetail check init DATA writes one), a file that a plugin reads (contract.odcs.yaml, or
contract.odcs.yaml:NAME), or what a Python file or module calls by a name: suites.py:flights,
package.module:flights; native checks, a gate, or a suite of a library whose plugin is installed.

The exit code is 0 if the data may pass, 1 if not.
"""
_FILE = click.Path(path_type=Path, dir_okay=False)


class CheckGroup(Group):
    """``dovetail check``: whatever is not ``init`` is data."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a file; the file is not looked at yet."""
        if cmd_name == "init":
            return init
        return None if cmd_name.startswith("-") else _of_data(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The one that has a name."""
        return ["init"]


def _of_data(data: str) -> click.Command:
    """The command that checks this data."""

    @click.command(clean(data), help=_HELP)
    @click.argument("suite", metavar="SUITE")
    @click.option(
        "--on-fail", type=click.Choice(["block", "warn", "drop", "quarantine"]), help="What follows a failure."
    )
    @click.option("--max-quarantined", metavar="LIMIT", help="Rows that may be taken away: 100, or 5%.")
    @click.option("--fail", "fail", metavar="LIMIT", help="Failing rows of one check that are tolerated: 10, or 0.1%.")
    @click.option("--clean", "clean_path", type=_FILE, metavar="FILE", help="Write the rows that may pass there.")
    @click.option(
        "--failing", type=_FILE, metavar="FILE", help="Write the failing rows there, with the checks they fail."
    )
    @click.option(
        "--report",
        "reports",
        type=_FILE,
        metavar="FILE",
        multiple=True,
        help="Write a report: .html, .json, .xml (JUnit) or .md. May be given several times.",
    )
    @click.option("--no-profile", is_flag=True, help="Leave what stands in the columns out of a report in HTML.")
    @click.option("--allow-unsupported", is_flag=True, help="Skip the rules of a contract that cannot be evaluated.")
    @click.option("--strict-warnings", is_flag=True, help="Warnings block too.")
    @common
    @with_session
    @click.pass_context
    def check(
        context: click.Context,
        /,
        session: Session,
        suite: str,
        clean_path: Path | None,
        failing: Path | None,
        reports: tuple[Path, ...],
        strict_warnings: bool,
        allow_unsupported: bool,
        no_profile: bool,
        **limits: str | None,
    ) -> int:
        session.activate(context)
        check_places(reports)
        check_targets(data, {"--clean": clean_path, "--failing": failing})
        gate = find_gate(
            suite, {name: _limit(value) for name, value in limits.items() if value is not None}, allow_unsupported
        )
        gate = gate if no_profile or not _in_html(reports) else gate.with_options(profile=True)
        report = _evaluated(session, gate, data, clean_path, failing)
        write_reports(reports, report)
        return _tell(session, report, strict_warnings)

    return check


def _evaluated(session: Session, gate: Gate, data: str, clean_path: Path | None, failing: Path | None) -> Report:
    """What the gate found in the data; the rows that pass, and those that fail, are written where that was asked for."""
    facts = {"namespace": "files", "name": data}
    with large_table(data, session.types) as large, named_tables({}, dataset=partial(_published, session)):
        if large is None or not isinstance(gate.suite, Suite):
            large = read_table(data, _columns_of(gate, data) if clean_path is None and failing is None else None)
        result = gate.evaluate(large, types=session.types, dataset=facts)
        if failing is not None and result.quarantined is not None:
            write_table(result.quarantined, failing)
        if clean_path is not None and not result.report.blocked:
            write_table(result.value, clean_path)
    return result.report


def _in_html(reports: tuple[Path, ...]) -> bool:
    return any(path.suffix.lower() == ".html" for path in reports)


def _published(session: Session, name: str, version: int | None) -> Any:
    """A published dataset that a check refers to."""
    hub = session.stored()
    source = dataset(name) if version is None else PublishedDataset(name, version)
    return hub.types.load(
        hub.runs.dataset(source.name, source.version).artifact, hub.artifacts, TypeRef("pyarrow.Table")
    )


def _tell(session: Session, report: Report, strict_warnings: bool) -> int:
    """Show what the gate decided; the exit code."""
    record = report.to_dict()
    strict = strict_warnings and report.decision == "publish_with_warnings"
    code = DataError.exit_code if report.blocked or strict else 0
    if session.options.json:
        emit_json(session.options, {"report": record, "exit_code": code})
        return code
    show(*gate_lines([record]))
    if report.reason:
        show(text(f"  {report.reason}", "red" if code else "yellow"))
    return code


group = CheckGroup(
    "check",
    help=_HELP,
    subcommand_metavar="DATA SUITE [OPTIONS]",
    epilog="dovetail check init DATA proposes a suite.",
)
common_late(group)


@click.command("init")
@click.argument("data", metavar="DATA")
@click.option(
    "--output", "-o", "target", type=_FILE, metavar="FILE.toml", help="Where to write it.  [default: standard output]"
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option("--name", help="Name of the suite.  [default: that of the file]")
@common
@click.pass_context
def init(context: click.Context, data: str, target: Path | None, force: bool, name: str | None) -> None:
    """Propose a suite that DATA passes: columns, types, nulls, keys, sets and ranges. Go over it before you use it."""
    options = session_of(context).options
    if target is not None and target.exists() and not force:
        raise UsageError(f"{str(target)!r} exists already", fix="name another file, or replace it with --force")
    table = read_table(data)
    entries = propose(table)
    names = table.column_names
    doubled = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    left_out = [*doubled, *[""] * ("" in names)]
    title = name or Path(data.rstrip("/")).name.partition(".")[0] or "data"
    head = f"Proposed from {table.num_rows:,} rows of {Path(data).name}: what held there. Go over it: is it what should hold?"
    for note in _left_out(doubled, "" in names):
        head += f"\n{note[0].upper()}{note[1:]}."
        click.echo(f"warning: {note}", err=True)
    written = write_document(title, entries, {"on_fail": "block"}, clean(head))
    if target is not None:
        write_text(target, written)
    if options.json:
        file = None if target is None else str(target)
        emit_json(options, {"name": title, "checks": entries, "file": file, "left_out": left_out})
    elif target is None:
        click.echo(written, nl=False)
    else:
        show(
            text(f"{target}: {len(entries)} checks"),
            text(f"next: {shlex.join(['dovetail', 'check', data, str(target)])}", "cyan"),
        )


def _left_out(doubled: list[str], nameless: bool) -> Iterator[str]:
    if doubled:
        yield f"left out, because several columns have one name: {listing(map(clean, doubled))}"
    if nameless:  # such as the index that pandas writes
        yield "left out, because no check can mean it: a column without a name"


def find_gate(suite: str, changes: dict[str, Any], allow_unsupported: bool = False) -> Gate:
    """The gate that SUITE names.

    Args:
        suite: A TOML file, a file of suites that a plugin reads, or ``file.py:name``, ``module:name``.
        changes: Options of the gate that the command line gave.
        allow_unsupported: Rules of a plugin's file that it cannot evaluate are skipped.

    Raises:
        UsageError: It names nothing.
        DefinitionError: What it names is no suite.
    """
    read = read_suite_file(suite, allow_unsupported)
    if read is not None:
        return Gate(read, **changes)
    if allow_unsupported:
        raise UsageError(f"--allow-unsupported is for contracts; {clean(suite)!r} is none", fix="leave it out")
    if suite.endswith(".toml"):
        return read_gate(Path(suite), **changes)
    place, _, name = suite.rpartition(":")
    if not place or not name:
        raise UsageError(
            f"{clean(suite)!r} names no suite",
            fix=f"give a file that ends in {listing(suite_endings(), 9)}, or suites.py:flights, or module:flights",
        )
    if place.endswith(".py") or "/" in place:
        module = load_module(Path(place))
    else:
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(place)
        except ImportError as error:
            told = f"there is no module {clean(place)!r}"
            raise UsageError(told, why=str(error), fix="or give a file: suites.py:flights") from error
    found = getattr(module, name, None)
    if found is None:
        known = [key for key, value in vars(module).items() if isinstance(value, (Gate, Suite))]
        close = nearest(name, vars(module))
        raise UsageError(
            f"there is no {clean(name)!r} in {clean(place)}",
            fix=f"did you mean {close!r}?" if close else f"suites there: {listing(known)}" if known else None,
        )
    if isinstance(found, Gate):
        return found.with_options(**changes) if changes else found
    return Gate(found, **changes)


def _limit(given: str) -> int | str:
    return int(given) if given.strip().isdigit() else given


def _columns_of(gate: Gate, data: str) -> list[str] | None:
    """The columns that native checks read, so that the others stay in the file; None: all."""
    if not isinstance(gate.suite, Suite) or gate.profile:
        return None
    if any(check.info.kind == "column_exists" for check in gate.suite.checks):
        return None
    wanted = {column for check in gate.suite.checks for column in check.info.columns} | set(gate.keys)
    there = read_columns(data)
    return None if there is None else [name for name in there if name in wanted] or there[:1]
