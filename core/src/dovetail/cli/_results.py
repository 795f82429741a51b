"""Results of commands that plugins bring: JSON where the command line asks for it, else lines for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from dovetail.cli._options import keep
from dovetail.cli._output import emit_json
from dovetail.cli._session import session_of
from dovetail.cli._text import clean

F = TypeVar("F", bound=Callable[..., Any])

_HELP = "Write JSON, and nothing else, to standard output."


def json_option(function: F) -> F:
    """Decorator of a plugin's command: it takes ``--json``, as all of the core's do. :func:`write_result` looks at it."""
    return click.option("--json", is_flag=True, expose_value=False, callback=keep, help=_HELP)(function)


def write_result(document: dict[str, Any], lines: Iterable[str] = ()) -> None:
    """Write what a plugin's command found, to standard output.

    Args:
        document: Written as one JSON document if the command line has ``--json``, before the command or behind it. Secrets are
            masked, and what no JSON reader takes becomes null or text. While a command runs that is to write JSON, whatever
            else is printed goes to standard error.
        lines: Written else, without characters that a terminal would obey. A generator is not run where nobody wants lines.
    """
    options = session_of(click.get_current_context()).options
    if options.json:
        emit_json(options, document)
        return
    for line in lines:
        click.echo(clean(line))
