"""``dovetail run --in-process``: the workflow is called like a function; nothing is recorded or stored."""

from __future__ import annotations

import sys
import time
from typing import Any

from dovetail.cli._execute import log_shown, write_report
from dovetail.cli._output import emit_json, show, text
from dovetail.cli._preview import preview_document, preview_parts
from dovetail.cli._progress import Progress
from dovetail.cli._session import Session
from dovetail.cli._signals import stoppable
from dovetail.cli._summary import gate_lines
from dovetail.cli._text import clean, seconds_text
from dovetail.config import redact
from dovetail.engine import placing_calls
from dovetail.errors import DataError, DovetailError, TaskFailed, user_traceback
from dovetail.graph import Workflow
from dovetail.quality import Report, collect_reports


def call(session: Session, workflow: Workflow[..., Any], inputs: dict[str, Any]) -> int:
    """Call a workflow and show what it returned and what its gates found; the exit code.

    Raises:
        TaskFailed: A task raised.
        DovetailError: Anything else that ended it.
    """
    options = session.options
    quiet = bool(options.run.get("quiet"))
    progress = Progress("")  # nothing tells how far it is
    begun = time.monotonic()
    with collect_reports() as reports:
        try:
            tell = None if quiet else _building
            placed = placing_calls(options.run.get("engine"), tell, offline=bool(options.run.get("offline")))
            with stoppable(progress.stopping), log_shown(progress, quiet=True), placed:
                value = workflow(**inputs)
        except DovetailError:
            _write(session, workflow, reports)
            raise
        except (Exception, SystemExit) as error:
            _write(session, workflow, reports)
            raise _failed(workflow, error) from error
    elapsed = time.monotonic() - begun
    _write(session, workflow, reports)
    warned = any(report.decision != "publish" for report in reports)
    status = "succeeded_with_warnings" if warned else "succeeded"
    code = DataError.exit_code if warned and options.run.get("strict_warnings") else 0
    if options.json:
        emit_json(
            options,
            {
                "run_id": None,
                "workflow": workflow.name,
                "status": status,
                "duration_seconds": round(elapsed, 6),
                "value": preview_document(session.types, value),
                "gates": [report.to_dict() for report in reports],
                "error": None,
                "exit_code": code,
            },
        )
    elif not quiet:
        style = "yellow" if warned else "green"
        show(text(f"workflow {workflow.name}: {status.replace('_', ' ')} in {seconds_text(elapsed)}", style))
        if reports:
            show(*gate_lines([report.to_dict() for report in reports]))
        show(*preview_parts(session.types, value))
    return code


def _building(line: str) -> None:
    sys.stderr.write(f"{clean(line)}\n")


def _write(session: Session, workflow: Workflow[..., Any], reports: list[Report]) -> None:
    path = session.options.run.get("report")
    if path is not None:
        write_report(path, list(reports), workflow.name)


def _failed(workflow: Workflow[..., Any], error: BaseException) -> TaskFailed:
    kind = type(error).__name__
    notes = getattr(error, "__notes__", [])
    return TaskFailed(
        f"workflow {workflow.name!r} raised {kind}: {redact(str(error))}"[:2000],
        who=notes[-1].removeprefix("in ") if notes else None,
        type=kind,
        message=redact(str(error))[:2000],
        traceback=redact(user_traceback(error)),
    )
