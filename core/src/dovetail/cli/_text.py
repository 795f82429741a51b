"""Texts for a terminal: harmless, coloured where that is wanted, and numbers as people read them."""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import UTC, datetime
from typing import TextIO

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands: titles, links
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # device control, privacy and application strings
    r"|[\x1b\x9b]\[?[0-?]*[ -/]*[@-~]"  # colours, cursor movement
)
_MADE_UP = re.compile(r"\b_dovetail_\w+_[0-9a-f]{8}\.(?=\w)")
"""Name of the module that a file is loaded as: it means nothing to people."""
_KEPT = "\n\t"
_STYLES = {"red": "31", "green": "32", "amber": "33", "cyan": "36", "bold": "1", "dim": "2", "bold red": "1;31"}


def clean(text: object) -> str:
    """Text from data or from users without terminal escapes, control characters and marks that turn the direction round."""
    plain = _MADE_UP.sub("", str(text))
    if plain.isprintable():
        return plain
    plain = _ESCAPES.sub("", plain.replace("\r\n", "\n"))
    return "".join(c for c in plain if c in _KEPT or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


def one_line(text: object, width: int = 200) -> str:
    """:func:`clean` on one line of at most ``width`` characters."""
    plain = " ".join(clean(text).split())
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def plural(number: int, noun: str) -> str:
    """A count: ``1 node``, ``1,200 nodes``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def coloured(stream: TextIO) -> bool:
    """Whether colours may be written: to a terminal, unless NO_COLOR or TERM=dumb says otherwise."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def paint(text: str, style: str, stream: TextIO) -> str:
    """``text`` in a style of ``red``, ``green``, ``amber``, ``cyan``, ``bold``, ``dim``, where the stream shows colours."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if coloured(stream) else text


def seconds_text(seconds: float | None) -> str:
    """A duration: ``0.1 ms``, ``12 ms``, ``3.4 s``, ``2 min 05 s``, ``1 h 02 min``; ``-`` if there is none."""
    if seconds is None:
        return "-"
    if seconds < 0.00995:
        return f"{max(seconds, 0) * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def bytes_text(size: int | None) -> str:
    """A size: ``812 B``, ``1.2 MiB``; ``-`` if it is not known."""
    if size is None:
        return "-"
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def iso(moment: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_time(moment: float | None) -> str:
    """Seconds since the epoch as ``2026-01-31 23:59:59`` in local time; ``-`` if there are none."""
    if moment is None:
        return "-"
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
