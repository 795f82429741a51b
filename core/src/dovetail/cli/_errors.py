"""Errors for people and for programs: the four parts, the user's traceback, and a file for what nobody expected."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

import click

from dovetail import __version__
from dovetail.cli._options import POLICY, Options
from dovetail.cli._output import emit_json
from dovetail.cli._text import clean, one_line, paint
from dovetail.config import load_settings, redact
from dovetail.errors import DovetailError, PlatformError, RunInterrupted, UsageError, nearest, no_room

INTERRUPTED = 130
TERMINATED = 143
READER_GONE = 141

_LONG = 200
"""Characters of a message that need not be said twice."""

_LABELS = {"user": "error", "data": "blocked", "platform": "platform error"}


def error_document(error: DovetailError) -> dict[str, Any]:
    """The JSON form of an error: its four parts, its kind and the exit code that goes with it."""
    return {**error.to_dict(), "exit_code": error.exit_code}


def report(error: DovetailError, options: Options) -> int:
    """Tell an error, as JSON on standard output or for people on standard error; returns the exit code."""
    try:
        if options.json:
            emit_json(options, {"error": error_document(error)})
            return error.exit_code
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:  # it takes nothing more: what is left of it is let go, so that the process can end
        stream = options.out or sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    show_error(error.to_dict(), sys.stderr)
    return error.exit_code


def interrupted(options: Options, code: int) -> int:
    """Tell that the command was stopped by a signal; returns the exit code."""
    error = RunInterrupted("the command was interrupted")
    if options.json:
        emit_json(options, {"error": {**error.to_dict(), "exit_code": code}})
    else:
        _write("interrupted\n", sys.stderr)
    return code


def show_error(error: dict[str, Any], stream: TextIO, status: str = "") -> None:
    """Write what, who, why and fix, then the traceback that begins in the user's code.

    Args:
        error: Its JSON form.
        stream: Where to.
        status: Of the run that it ended: a run that was stopped is ``interrupted`` or ``cancelled``, which is no error.
    """
    what, trace = _told_once(error)
    kind = str(error.get("kind", "platform"))
    stopped = error.get("type") == RunInterrupted.__name__
    word = (status or "interrupted") if stopped else _LABELS.get(kind, kind)
    label = paint(f"{word}:", "amber" if kind == "data" or stopped else "bold red", stream)
    lines = [f"{label} {paint(_indented(what, 0), 'bold', stream)}"]
    for part, style in (("who", "dim"), ("why", "dim"), ("fix", "cyan")):
        if error.get(part):
            lines.append(f"  {paint(f'{part}:', style, stream)} {_indented(error[part], 7)}")
    if trace:
        lines += ["", _indented(trace, 0)]
    _write("\n".join(lines) + "\n", stream)


def _told_once(error: dict[str, Any]) -> tuple[str, str]:
    """What and the traceback. A long message that ends both is told in full by one of them: by the traceback if the other
    had to cut it."""
    what = str(error.get("what") or "")
    details = error.get("details")
    if not isinstance(details, dict) or not details.get("traceback"):
        return what, ""
    trace, message = str(details["traceback"]).rstrip(), str(details.get("message") or "").rstrip()
    if len(message) <= _LONG:
        return what, trace
    if message in what and trace.endswith(message):
        return what, f"{trace.removesuffix(message)}{one_line(redact(message), _LONG)} (in full above)"
    if message[:_LONG] in trace:
        return f"{one_line(redact(what), _LONG)} (in full below)", trace
    return what, trace


def _indented(value: object, indent: int) -> str:
    return clean(redact(str(value))).replace("\n", "\n" + " " * indent)


def _write(shown: str, stream: TextIO) -> None:
    stream.write(shown)
    stream.flush()


def no_room_left(error: BaseException) -> PlatformError | None:
    """What to tell where a disk is full or read-only, which is nobody's defect; None of any other error."""
    why = no_room(error)
    if why is None:
        return None
    file = getattr(error, "filename", None)
    what = f"{str(file)!r} cannot be written" if file else "standard output, or a file, cannot be written"
    return PlatformError(what, why=why, fix="make room there, or write to another disk (--home DIR for what is stored)")


def unexpected(error: BaseException, options: Options) -> PlatformError:
    """What to tell about an exception that is a defect of dovetail or of a plugin; its traceback goes to a file."""
    what = f"dovetail failed: {type(error).__name__}: {error}"
    if options.debug:
        found = PlatformError(what, fix="please report this")
        found.details["traceback"] = "".join(traceback.format_exception(error)).rstrip("\n")
        return found
    file = _crash_file(error, options)
    why = f"the traceback was written to {file}" if file else "and its traceback could not be written to a file"
    return PlatformError(what, why=why, fix="please report this; --debug shows the traceback here")


def _crash_file(error: BaseException, options: Options) -> Path | None:
    import tempfile  # a good part of what `dovetail --help` would cost

    told = redact("".join(traceback.format_exception(error)))
    head = f"dovetail {__version__}, Python {sys.version.split()[0]} on {sys.platform}\n\n"
    try:
        home = load_settings(overrides=options.overrides()).home
    except DovetailError:
        home = Path(tempfile.gettempdir())
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (home, Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / name
            with file.open("x", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(head + told)
        except OSError:
            continue
        return file
    return None


def from_click(error: click.ClickException) -> UsageError:
    """What click found wrong with the command line, as one of our errors."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "dovetail"
    see = f"{path} --help"
    if isinstance(error, click.NoSuchOption):
        return UsageError(
            f"there is no option {clean(error.option_name)}", who=path, fix=_instead(error.option_name, context, see)
        )
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return UsageError(f"{_shown(error.param)} is missing", who=path, fix=see)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return UsageError(f"{_shown(error.param)}: {error.message}", who=path, fix=see)
    return UsageError(error.format_message().rstrip("."), who=path, fix=see)


def _shown(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return " / ".join(parameter.opts)
    return str(parameter.metavar or parameter.human_readable_name)


def _instead(option: str, context: click.Context | None, see: str) -> str:
    if option in POLICY:
        return f"write it first, because plugins are loaded before that: dovetail {option} ..."
    # Without the dashes, which would make all short names look alike.
    named = {flag.lstrip("-"): flag for flag in _flags(context)}
    close = named.get(nearest(option.lstrip("-").replace("_", "-"), named) or "")
    return f"did you mean {close}? All of them: {see}" if close else see


def _flags(context: click.Context | None) -> list[str]:
    if context is None:
        return []
    options = [p for p in context.command.get_params(context) if isinstance(p, click.Option) and not p.hidden]
    return [name for option in options for name in (*option.opts, *option.secondary_opts)]
