"""Writing results: JSON that nothing else can spoil, or tables for people."""

from __future__ import annotations

import io
import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO

from dovetail.cli._text import clean, coloured
from dovetail.cli._wrap import longest_part, share, wrapped
from dovetail.config import redact, redact_data

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from dovetail.cli._options import Options

PLAIN_WIDTH = 140
"""Columns of tables that do not go to a terminal, so that lines are not cut where nobody can scroll."""

_UNSHOWN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What JSON allows and a terminal may obey: control characters beyond ASCII, marks of direction, halves of surrogate pairs."""
_PROSE = 24
"""Columns that sentences need at least."""

STYLES = {
    "succeeded": "green",
    "succeeded_with_warnings": "yellow",
    "running": "cyan",
    "pending": "cyan",
    "failed": "bold red",
    "blocked": "bold red",
    "crashed": "bold red",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "skipped": "dim",
    "cached": "green",
    "pass": "green",
    "warn": "yellow",
    "fail": "red",
    "error": "bold red",
}


@contextmanager
def guarded_stdout(options: Options) -> Iterator[None]:
    """Keep standard output for one JSON document: whatever else is printed, by tasks and by their children, goes to
    standard error."""
    before = sys.stdout
    before.flush()
    saved: int | None = None
    try:
        if before.fileno() == 1:
            saved = os.dup(1)
            os.dup2(2, 1)
    except (OSError, ValueError):
        saved = None  # standard output is no file, as in a test
    options.out = before if saved is None else os.fdopen(saved, "w", encoding="utf-8", errors="backslashreplace")
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = before
        if saved is not None:
            options.out.flush()
            os.dup2(saved, 1)
            options.out.close()
        options.out = None


def emit_json(options: Options, document: dict[str, Any]) -> None:
    """Write one JSON document, secrets masked."""
    stream = options.out or sys.stdout
    told = json.dumps(_plain(redact_data(document)), indent=2, ensure_ascii=False, allow_nan=False, default=str)
    # JSON may hold them as they are, and a terminal that shows it may obey them; no file can take half of a surrogate pair.
    stream.write(_UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", told) + "\n")
    stream.flush()


def _plain(value: Any) -> Any:
    """JSON-able data as every JSON reader takes it: keys are texts, and what is no finite number is null."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def lenient(*streams: TextIO) -> None:
    """Let text streams write what their encoding lacks as escapes, rather than fail in the middle of a message."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def console_for(stream: TextIO) -> Console:
    """A rich console that takes every text literally."""
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the process with 1, which is the code of a blocked gate

    width = None if stream.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    colours = coloured(stream)
    return Ours(
        file=stream,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=None if colours else True,
        force_terminal=None if colours else False,
    )


def show(*parts: RenderableType) -> None:
    """Print to standard output; lines of text are left to the terminal to wrap, so that they can be copied."""
    from rich.text import Text

    console = console_for(sys.stdout)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))


def text(value: object, style: str = "") -> Text:
    """Text from anywhere, harmless and with its secrets masked."""
    from rich.text import Text

    return Text(clean(redact(str(value))), style=style)


def status_text(status: str) -> Text:
    """A status in its colour, its words apart."""
    return text(status.replace("_", " "), STYLES.get(status, ""))


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Iterable[str] = (),
    spare: Iterable[str] = (),
    prose: Iterable[str] = (),
) -> RenderableType:
    """A table without frames. Cells are wrapped rather than cut: between words, then after ``-``, ``.``, ``/`` and ``,``.

    Args:
        columns: Their names.
        rows: Cells, in the order of the columns.
        right: Columns that are set flush right.
        spare: Columns that are left out, in this order, until the table fits the terminal.
        prose: Columns of sentences or lists, which fit where there is room for a few words.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[cell if isinstance(cell, Text) else text("" if cell is None else cell) for cell in row] for row in rows]
    wanted = [max([len(name), *(row[i].cell_len for row in cells)]) for i, name in enumerate(columns)]
    least = [max(longest_part(t) for t in (name, *(row[i].plain for row in cells))) for i, name in enumerate(columns)]
    flowing, flush = set(prose), set(right)
    enough = [min(w, _PROSE) if name in flowing else w for name, w in zip(columns, wanted, strict=True)]
    kept = list(range(len(columns)))
    room = console_for(sys.stdout).width + 3
    for name in spare:
        if sum(enough[i] + 3 for i in kept) > room:
            kept.remove(list(columns).index(name))
    given = share([wanted[i] for i in kept], [least[i] for i in kept], room - 3 * len(kept))
    shown = list(zip(kept, given, strict=True))
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for i, width in shown:
        justify: Literal["left", "right"] = "right" if columns[i] in flush else "left"
        made.add_column(wrapped(columns[i], width), justify=justify, overflow="fold", width=width)
    for row in cells:
        made.add_row(*(Text(wrapped(row[i].plain, width), style=row[i].style) for i, width in shown))
    return made
