"""``dovetail gates``: what gates found, over the runs."""

from __future__ import annotations

from typing import Any

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, status_text, table, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._summary import gate_lines
from dovetail.cli._text import clean, iso, local_time, one_line
from dovetail.errors import DataError, UsageError, listing, nearest
from dovetail.hub import re_audit
from dovetail.store import CheckResult, ReportRecord, RunStore

gates = Verbs("gates", help="What gates found, over the runs.")
common(gates)


@gates.command("history")
@click.argument("name", metavar="[GATE|DATASET]", required=False)
@click.option("--check", "check_id", metavar="ID", help="Only this check.")
@click.option("--limit", type=click.IntRange(min=1), default=50, metavar="N", help="At most so many.  [default: 50]")
@common
@with_session
def gate_history(session: Session, name: str | None, check_id: str | None, limit: int) -> None:
    """Results of checks over the runs, the newest first: of all gates, or of the gate or dataset that is named."""
    found: list[CheckResult] = []
    if session.has_runs:
        found = session.hub.runs.check_results(name, check_id, limit)
        if not found and name is not None:
            _refuse_unknown(session.hub.runs, name)
    if session.options.json:
        emit_json(session.options, {"results": [result_view(result) for result in found]})
    elif not found:
        show(text("no gate has been evaluated in a run" if check_id is None else f"no results of {clean(check_id)!r}"))
    else:
        rows = [
            (
                local_time(result.time),
                result.dataset,
                one_line(result.check_id, 60),
                status_text(result.status),
                _number(result.value),
                f"{result.n_failed:,}",
                f"{result.n_evaluated:,}",
                f"{result.run_id}:{result.node_id}",
            )
            for result in found
        ]
        columns = ("time", "dataset", "check", "status", "value", "failed", "evaluated", "run:node")
        show(table(columns, rows, right=("value", "failed", "evaluated"), spare=("evaluated", "dataset", "time")))


@gates.command("show")
@click.argument("which", metavar="RUN[:NODE]")
@common
@with_session
def show_gates(session: Session, which: str) -> None:
    """The reports of the gates of a run, or of one of its nodes: every check with its counts.

    RUN is an id, a unique beginning of one, or "latest".
    """
    run_id, reports = reports_at(session.stored().runs, which)
    if session.options.json:
        told = [{**report.report, "node_id": report.node_id} for report in reports]
        emit_json(session.options, {"run_id": run_id, "reports": told})
    elif not reports:
        show(text(f"run {run_id} has no gates"))
    for report in () if session.options.json else reports:
        record = {**report.report, "node_id": report.node_id}
        show(*gate_lines([record]))
        if record.get("reason"):
            show(text(f"  {one_line(record['reason'], 300)}", "dim"))
        show(checks_table(record), text(""))


@gates.command("re-audit")
@click.argument("which", metavar="RUN:NODE")
@common
@with_session
@click.pass_context
def audit_again(context: click.Context, session: Session, which: str) -> int:
    """Ask a gate that blocked again, on the value that it refused, which was kept: nothing is computed or published.

    The checks come from the source of the workflow as it is now. RUN is an id, a unique beginning of one, or "latest". The exit
    code is 1 if the gate still blocks.
    """
    run_id, separator, node_id = which.partition(":")
    if not separator or not node_id:
        raise UsageError(
            f"{clean(which)!r} names no node", fix="RUN:NODE, as in latest:clean; see dovetail runs show RUN"
        )
    hub = session.stored()
    session.activate(context)
    audit = re_audit(hub, run_id, node_id)
    code = DataError.exit_code if audit.now.blocked else 0
    changed = audit.now.version != audit.then.version
    if session.options.json:
        document = {"report": audit.now.to_dict(), "artifact": audit.artifact_id, "checks_changed": changed}
        emit_json(session.options, {**document, "exit_code": code})
        return code
    record = audit.now.to_dict()
    show(*gate_lines([record]), checks_table(record))
    if changed:
        show(text("the checks have changed since the run", "dim"))
    if not code:
        show(text(f"next: dovetail runs resume {audit.now.run_id}", "cyan"))
        if audit.guard.dataset is not None:
            show(text(f"or publish what it looked at: dovetail publish {audit.now.run_id}:{node_id}", "cyan"))
    return code


def reports_at(runs: RunStore, which: str) -> tuple[str, list[ReportRecord]]:
    """The id of the run and the reports that ``RUN`` or ``RUN:NODE`` means.

    Raises:
        UsageError: There is no such run, or no gate at that node; names the nearest.
    """
    run, separator, node_id = which.partition(":")
    record = runs.get_run(run)
    reports = runs.reports(record.run_id)
    if not separator:
        return record.run_id, reports
    there = [report for report in reports if report.node_id == node_id]
    if not there:
        nodes = [report.node_id for report in reports]
        close = nearest(node_id, nodes)
        raise UsageError(
            f"no gate was evaluated at node {clean(node_id)!r} of run {record.run_id}",
            fix=f"did you mean {record.run_id}:{close}?" if close else f"nodes with gates: {listing(nodes) or 'none'}",
        )
    return record.run_id, there


def checks_table(record: dict[str, Any]) -> Any:
    """The checks of a report, each in a line."""
    rows = [
        (
            one_line(check.get("check_id", ""), 60),
            status_text(str(check.get("status", ""))),
            f"{check.get('n_failed', 0):,}",
            f"{check.get('n_evaluated', 0):,}",
            "" if check.get("observed") is None else one_line(check["observed"], 40),
            one_line(check.get("message") or check.get("expected") or "", 80),
        )
        for check in record.get("checks", ())
    ]
    columns = ("check", "status", "failed", "evaluated", "observed", "expected")
    return table(columns, rows, right=("failed", "evaluated"), spare=("expected", "observed"), prose=("expected",))


def result_view(result: CheckResult) -> dict[str, Any]:
    """One result of a check, as JSON."""
    return {**result.to_dict(), "time": iso(result.time)}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _refuse_unknown(runs: RunStore, name: str) -> None:
    known = runs.checked_names()
    if known and name not in known:
        close = nearest(name, known)
        raise UsageError(
            f"no gate or dataset {clean(name)!r} has been evaluated in a run",
            fix=f"did you mean {close}?" if close else f"there are: {listing(known)}",
        )
