"""Helpers for the wording of messages."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import category


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, or None when nothing is close."""
    import difflib  # only ever needed on the way to an error

    candidates = list(known)
    found = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if found:
        return found[0]
    folded = {candidate.casefold(): candidate for candidate in candidates}
    return folded.get(name.casefold())


def listing(names: Iterable[str], limit: int = 12) -> str:
    """``a, b, c`` in sorted order; past ``limit`` names, how many more there are."""
    ordered = sorted(names)
    shown = ", ".join(ordered[:limit])
    more = len(ordered) - limit
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def shorten(value: object, width: int = 80) -> str:
    """``repr(value)`` in at most ``width`` characters; never raises."""
    try:
        text = repr(value)
    except Exception as error:  # a user's __repr__ may do anything
        text = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    return text if len(text) <= width else text[: width - 3] + "..."


_JOINERS = "\u200c\u200d"
"""Format characters that scripts and emoji need; all others hide or turn round what stands beside them."""


def visible(text: str, keep: str = "") -> str:
    """Text with its control characters, terminal escapes and marks of direction written out: ``\\x1b``, ``\\n``, ``\\u202e``.

    Args:
        text: From data, or from users.
        keep: Control characters that stay: ``"\\n\\t"`` where lines may be several.
    """
    if text.isprintable():
        return text
    return "".join(
        c
        if c.isprintable() or c in _JOINERS or c in keep or category(c) == "Zs"
        else c.encode("unicode_escape").decode()
        for c in text
    )
