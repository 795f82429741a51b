"""``dovetail runs``: what was run, and going on with it."""

from __future__ import annotations

import sys
from typing import Any

import click

from dovetail.cli._errors import show_error
from dovetail.cli._execute import check_report, execute
from dovetail.cli._groups import Verbs
from dovetail.cli._options import common, run_options
from dovetail.cli._output import emit_json, show, status_text, table, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._summary import next_steps, summary
from dovetail.cli._text import local_time, one_line, seconds_text
from dovetail.cli._view import event_views, nodes_done, run_line, run_view, value_text
from dovetail.config import redact_data

runs = Verbs("runs", help="List, show, resume and cancel runs.")
common(runs)

_RUN = click.argument("run_id", metavar="[RUN]", default="latest")
_EVENTS = 200


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, metavar="N", help="At most so many.  [default: 20]")
@click.option("--status", metavar="STATUS", help="Only those in this status, such as failed or crashed.")
@click.option("--workflow", metavar="NAME", help="Only those of this workflow.")
@common
@with_session
def list_runs(session: Session, limit: int, status: str | None, workflow: str | None) -> None:
    """The newest runs first."""
    records = session.hub.runs.list_runs(limit, status, workflow) if session.has_runs else []
    if session.options.json:
        emit_json(session.options, {"runs": [run_line(record) for record in records]})
        return
    if not records:
        show(text("no runs" + (" of that kind" if status or workflow else f" in {session.settings.home}")))
        return
    rows = [
        (
            record.run_id,
            record.workflow,
            status_text(record.status),
            local_time(record.started or record.created),
            seconds_text(None if record.ended is None or record.started is None else record.ended - record.started),
            nodes_done(record.counts, record.options),
            record.warnings or "",
        )
        for record in records
    ]
    columns = ("run", "workflow", "status", "started", "time", "nodes", "warnings")
    show(table(columns, rows, right=("time", "nodes", "warnings"), spare=("warnings", "nodes", "started")))


@runs.command("show")
@_RUN
@click.option("--events", is_flag=True, help=f"Also the events, the last {_EVENTS}.")
@click.option("--all-nodes", is_flag=True, help="Every node, elements of maps as well.")
@common
@with_session
def show_run(session: Session, run_id: str, events: bool, all_nodes: bool) -> None:
    """One run: nodes, gates, datasets, outputs, error.

    RUN is an id, a unique beginning of one, or "latest", which is the default.
    """
    hub = session.stored()
    view = run_view(hub, run_id)
    if events:
        view["events"] = event_views(hub.runs, view["run_id"], _EVENTS)
    if session.options.json:
        emit_json(session.options, view)
        return
    show(*summary(view, all_nodes=all_nodes))
    if view["inputs"]:
        show(text("\ninputs", "bold"))
        rows = [
            (name, value["type"], one_line(value_text(value["value"]) or value["id"][:12], 80))
            for name, value in view["inputs"].items()
        ]
        show(table(("input", "type", "value"), rows))
    if events:
        show(text("\nevents", "bold"), _events(view["events"]))
    if view["error"]:
        show(text(""))
        show_error(view["error"], sys.stdout, view["status"])
    if view["status"] not in ("succeeded", "succeeded_with_warnings", "running"):
        show(text("\nnext", "bold"), text(f"  {next_steps(view)[0]}", "cyan"))


def _events(events: list[dict[str, Any]]) -> Any:
    rows = []
    for event in redact_data(events):
        facts = ", ".join(
            f"{key}={one_line(value, 80)}" for key, value in event["data"].items() if value not in ({}, None)
        )
        rows.append((event["time"], event["type"], event["node_id"] or "", facts))
    return table(("time", "event", "node", "facts"), rows)


@runs.command("resume")
@_RUN
@common
@with_session
@click.pass_context
def resume_run(context: click.Context, session: Session, run_id: str) -> int:
    """Go on with a run that failed, was stopped or crashed; finished nodes are not run again.

    RUN is an id, a unique beginning of one, or "latest", which is the default.
    """
    check_report(session.options.run.get("report"))
    hub = session.stored()
    session.activate(context)
    record = hub.runs.get_run(run_id)
    done = [
        node.node_id for node in hub.runs.nodes(record.run_id) if node.status in ("succeeded", "skipped", "blocked")
    ]
    return execute(
        session,
        record.run_id,
        lambda progress: hub.resume(
            record.run_id,
            observers=[progress],
            on_output=progress.output,
            offline=bool(session.options.run.get("offline")),
        ),
        done,
    )


_OF_RESUME = ("quiet", "offline", "max_workers", "strict_warnings", "report")
resume_run.params[1:1] = [option for option in run_options() if option.name in _OF_RESUME]


@runs.command("cancel")
@click.argument("run_id", metavar="RUN")
@common
@with_session
def cancel_run(session: Session, run_id: str) -> None:
    """Ask a run to stop; it can be resumed later.

    RUN is an id, a unique beginning of one, or "latest".
    """
    store = session.stored().runs
    record = store.get_run(run_id)
    asked = store.request_cancel(record.run_id)
    status = store.get_run(record.run_id).status
    if session.options.json:
        emit_json(session.options, {"run_id": record.run_id, "status": status, "cancelled": asked})
    elif not asked:
        show(text(f"run {record.run_id} has ended already: {status.replace('_', ' ')}"))
    elif status == "running":
        show(text(f"run {record.run_id} was asked to stop; it does so within a few seconds"))
    else:
        show(text(f"run {record.run_id} is cancelled"))
