"""Tables for people without rich, which takes longer to load than listing all plugins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

import click

from dovetail.cli._output import PLAIN_WIDTH
from dovetail.cli._text import clean, paint
from dovetail.cli._wrap import cells, longest_part, share, wrapped
from dovetail.config import redact

_GAP = 3
_PROSE = 24
"""Columns that sentences need at least."""

Cell = str | tuple[str, str]
"""A text, or a text and its style."""


def say(text: str, style: str = "") -> None:
    """A line on standard output, harmless and with its secrets masked."""
    told = clean(redact(text))
    click.echo(paint(told, style, sys.stdout) if style else told)


def plain_table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], spare: Sequence[str] = (), prose: Sequence[str] = ()
) -> None:
    """Print a table as :func:`dovetail.cli._output.table` makes it.

    Args:
        columns: Their names.
        rows: Cells, in the order of the columns.
        spare: Columns that are left out, in this order, until the table fits the terminal.
        prose: Columns of sentences or lists, which fit where there is room for a few words.
    """
    texts, styles = [], []
    for row in rows:
        pairs = [cell if isinstance(cell, tuple) else (cell, "") for cell in row]
        texts.append([clean(redact(text)) for text, _ in pairs])
        styles.append([style for _, style in pairs])
    wanted = [max([cells(name), *(cells(row[i]) for row in texts)]) for i, name in enumerate(columns)]
    least = [max(longest_part(text) for text in (name, *(row[i] for row in texts))) for i, name in enumerate(columns)]
    enough = [min(width, _PROSE) if name in prose else width for name, width in zip(columns, wanted, strict=True)]
    kept = list(range(len(columns)))
    room = _width() + _GAP
    for name in spare:
        if sum(enough[i] + _GAP for i in kept) > room:
            kept.remove(list(columns).index(name))
    widths = share([wanted[i] for i in kept], [least[i] for i in kept], room - _GAP * len(kept))
    _print_row([columns[i] for i in kept], ["bold"] * len(kept), widths)
    click.echo("─" * (sum(widths) + _GAP * (len(widths) - 1)))
    for row, style in zip(texts, styles, strict=True):
        _print_row([row[i] for i in kept], [style[i] for i in kept], widths)


def _print_row(texts: Sequence[str], styles: Sequence[str], widths: Sequence[int]) -> None:
    folded = [_folded(text, width) for text, width in zip(texts, widths, strict=True)]
    for number in range(max(map(len, folded))):
        parts = []
        for lines, style, width in zip(folded, styles, widths, strict=True):
            line = lines[number] if number < len(lines) else ""
            shown = paint(line, style, sys.stdout) if style and line else line
            parts.append(shown + " " * (width - cells(line)))
        click.echo((" " * _GAP).join(parts).rstrip())


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells; a part that does not fit is broken wherever it must be."""
    lines = []
    for line in wrapped(text, width).split("\n"):
        rest = line
        while cells(rest) > width:
            end = next(n for n in range(len(rest), 0, -1) if cells(rest[:n]) <= width or n == 1)
            lines.append(rest[:end])
            rest = rest[end:]
        lines.append(rest)
    return lines


def _width() -> int:
    # As shutil tells it, which takes longer to load than a table to print.
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return PLAIN_WIDTH
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):  # it is closed, or no terminal
        return 80
