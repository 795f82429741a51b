"""Driving a run from the command line: progress while it lasts, a summary when it has ended, the exit code."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dovetail.cli import _errors
from dovetail.cli._output import emit_json, show, text
from dovetail.cli._progress import Progress, progress_for
from dovetail.cli._session import Session
from dovetail.cli._signals import Terminated, stoppable
from dovetail.cli._summary import next_steps, summary
from dovetail.cli._text import clean
from dovetail.cli._view import run_view
from dovetail.cli._written import write_text
from dovetail.config import redact
from dovetail.errors import DataError, DovetailError, UsageError
from dovetail.graph import current_context
from dovetail.quality import Report, render_html


def execute(session: Session, run_id: str, drive: Callable[[Progress], Any], done: Iterable[str] = ()) -> int:
    """Drive a run and tell what came of it.

    Args:
        session: Holds the hub and the options.
        run_id: Id of the run.
        drive: Runs it; is given the observer of its events, whose ``output`` shows what tasks print.
        done: Nodes that an earlier attempt has finished.

    Returns:
        The exit code.

    Raises:
        DovetailError: The run did not even start.
    """
    options = session.options
    progress = progress_for(options, run_id, done)
    error: DovetailError | None = None
    stopped: KeyboardInterrupt | None = None
    code = 0
    try:
        with stoppable(progress.stopping), log_shown(progress, quiet=bool(options.run.get("quiet"))), progress.shown():
            drive(progress)
    except DovetailError as problem:
        error, code = problem, problem.exit_code
    except KeyboardInterrupt as signal:
        stopped, code = signal, _errors.TERMINATED if isinstance(signal, Terminated) else _errors.INTERRUPTED
    except Exception as problem:
        error = _errors.no_room_left(problem) or _errors.unexpected(problem, options)
        code = error.exit_code
    if not progress.started:
        raise error or stopped or AssertionError("a run that never started cannot have ended well")
    return _conclude(session, run_id, error, code)


def _conclude(session: Session, run_id: str, error: DovetailError | None, code: int) -> int:
    options = session.options
    try:
        view = run_view(session.hub, run_id)
        if view["status"] == "succeeded_with_warnings" and code == 0 and options.run.get("strict_warnings"):
            code = DataError.exit_code
        if options.run.get("report"):
            write_report(
                options.run["report"], [Report.from_dict(record) for record in view["gates"]], view["workflow"]
            )
    except DovetailError as trouble:
        # What ended the run is worth more than what kept us from telling about it.
        return _errors.report(error or trouble, options)
    if error is not None:
        view["error"] = error.to_dict()
    if options.json:
        emit_json(options, {**view, "exit_code": code})
        return code
    if options.run.get("quiet"):
        show(text(f"{view['run_id']} {view['status']}"))
        if error is not None:
            sys.stdout.flush()
            _errors.show_error(error.to_dict(), sys.stderr, view["status"])
        return code
    show(*summary(view))
    if error is not None:
        sys.stdout.flush()
        sys.stderr.write("\n")
        _errors.show_error(error.to_dict(), sys.stderr, view["status"])
    show(text("\nnext", "bold"), *(text(f"  {step}", "cyan") for step in next_steps(view)))
    return code


def check_report(path: Path | None) -> None:
    """Look, before a run starts, whether its report will have a place.

    Raises:
        UsageError: Its directory is not there, or nothing can be written into it.
    """
    if path is None:
        return
    parent = path.absolute().parent
    if not parent.is_dir():
        raise UsageError(
            f"--report: there is no directory {str(path.parent)!r}", fix="make it first, or name another file"
        )
    if not os.access(parent, os.W_OK):
        raise UsageError(f"--report: nothing can be written to {str(path.parent)!r}", fix="name another file")


def write_report(path: Path, reports: list[Report], title: str) -> None:
    """Write the reports of a run's gates as one HTML page, in one step.

    Raises:
        UsageError: The file cannot be written.
        PlatformError: There is no room for it.
    """
    write_text(path, redact(render_html(reports, title=f"Data quality: {title}")), "the report")


class _Shown(logging.Handler):
    """Shows what tasks and the engine log."""

    def __init__(self, progress: Progress, quiet: bool) -> None:
        super().__init__(logging.WARNING if quiet else logging.INFO)
        self._progress = progress
        self._quiet = quiet

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        line = clean(redact(self.format(record)))
        node = _node_here()
        line = f"{node}: {line}" if node else line
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else ""
        if record.levelno >= logging.WARNING:
            line = f"{record.levelname.lower()}: {line}"
        if self._quiet:
            sys.stderr.write(line + "\n")
        else:
            self._progress.say(line, style)


def _node_here() -> str:
    """The node whose task logs, if one does."""
    try:
        return current_context().node_id
    except DovetailError:
        return ""


@contextmanager
def log_shown(progress: Progress, quiet: bool) -> Iterator[None]:
    """Show what is logged below ``dovetail``, unless the user's code has set up logging itself."""
    logger = logging.getLogger("dovetail")
    if logger.handlers or logging.getLogger().handlers:
        yield
        return
    handler = _Shown(progress, quiet)
    level = logger.level
    logger.addHandler(handler)
    if level == logging.NOTSET:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
