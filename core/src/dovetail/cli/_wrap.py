"""Wrapping the cells of a table so that names are broken where they may be, and never inside a word that fits."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PART = re.compile(r"\s+|[^\s.\-/,]*[.\-/,]+|[^\s.\-/,]+")


def cells(text: str) -> int:
    """Columns of a terminal that a text takes. Plain letters are counted without loading rich."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def parts_of(text: str) -> list[str]:
    """The parts of a text between which a line may be broken; together they are the text."""
    return _PART.findall(text)


def longest_part(text: str) -> int:
    """Cells that a text needs at least if no part of it is broken; at least one."""
    return max([1, *map(cells, parts_of(text))])


def share(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The width of each column: what it wants, or no less than its longest part if the room is short.

    Args:
        wanted: Widths at which nothing is wrapped.
        least: Widths at which no part is broken.
        room: Width of all together. If even the least is too much, the widest columns give way.
    """
    given = list(wanted)
    for floor in (least, [1] * len(given)):
        while sum(given) > room:
            loose = [i for i, width in enumerate(given) if width > floor[i]]
            if not loose:
                break
            given[max(loose, key=given.__getitem__)] -= 1
    return given


def wrapped(text: str, width: int) -> str:
    """``text`` in lines of at most ``width`` cells: a word that fits a line is not broken, and a part that does not is left
    to be folded."""
    if cells(text) <= width and "\n" not in text:
        return text
    done = []
    for paragraph in text.split("\n"):
        lines = [""]
        for word in re.findall(r"\s+|\S+", paragraph):
            for part in [word] if cells(word) <= width else parts_of(word):
                if cells(lines[-1]) + cells(part.rstrip()) <= width:
                    lines[-1] += part
                else:
                    lines.append(part.lstrip())
        done += lines
    return "\n".join(line.rstrip() for line in done)
