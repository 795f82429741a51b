"""Patterns: those of contracts search a text, ours match the whole of it; and the formats of texts that the standard names."""

from __future__ import annotations

_WORD = "[0-9a-fA-F]{1,4}"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_IPV6 = "|".join(
    (
        f"(?:{_WORD}:){{7}}{_WORD}",
        f"(?:{_WORD}:){{1,7}}:",
        *(f"(?:{_WORD}:){{1,{7 - n}}}(?::{_WORD}){{1,{n}}}" for n in range(1, 7)),
        f":(?::{_WORD}){{1,7}}",
        "::",
        f"(?:{_WORD}:){{6}}{_IPV4}",
        f"::(?:[fF]{{4}}:)?{_IPV4}",
    )
)
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

FORMATS: dict[str, str] = {
    "uuid": "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "email": r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:\S+",
    "hostname": rf"{_LABEL}(?:\.{_LABEL})*\.?",
    "ipv4": _IPV4,
    "ipv6": _IPV6,
}
"""Format of a text to the pattern of the whole of it."""
FREE = ("password", "byte", "binary")
"""Formats that say how a text is to be treated, and nothing of what is in it."""
INTEGERS = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "i128": None,
    "u128": None,
}
"""Format of an integer to its least and greatest value; None: no type of a column goes beyond."""


def whole(pattern: str) -> str:
    """The pattern that matches the whole of exactly those texts in which ``pattern`` is found."""
    inner = _anchored(pattern)
    return inner if inner is not None else rf"(?s:.*)(?:{pattern})(?s:.*)"


def anchored(pattern: str) -> str:
    """The pattern that is found in exactly those texts whose whole ``pattern`` matches."""
    return f"^(?:{pattern})$"


def _anchored(pattern: str) -> str | None:
    """What stands between ``^`` and ``$``, if they hold all of the pattern; None: they do not."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        return None
    inner = pattern[1:-1]
    levels = _levels(inner)
    if levels is None or any(level == 0 and sign == "|" for sign, level in levels):
        return None
    if inner.startswith("(?:") and inner.endswith(")") and levels[-1] == (")", 0):
        # One group around everything, unless it closes before the end.
        return inner[3:-1] if sum(sign == ")" and level == 0 for sign, level in levels) == 1 else inner
    return inner


def _levels(pattern: str) -> list[tuple[str, int]] | None:
    """Every sign that is no text with the depth of groups it stands at; None if it is not well formed."""
    found: list[tuple[str, int]] = []
    depth, place = 0, 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            if place + 1 == len(pattern) or pattern[place + 1] in "QE":
                return None
            place += 2
            found.append(("\\", depth))
            continue
        if sign == "[":
            end = _class_end(pattern, place)
            if end is None:
                return None
            place = end
            found.append(("[", depth))
            continue
        depth -= sign == ")"
        if depth < 0:
            return None
        found.append((sign, depth))
        depth += sign == "("
        place += 1
    return found if depth == 0 else None


def _class_end(pattern: str, start: int) -> int | None:
    """The place behind the class of characters that begins at ``start``."""
    place = start + 1 + pattern.startswith("^", start + 1)
    first = place
    while place < len(pattern):
        if pattern[place] == "\\":
            place += 2
        elif pattern.startswith("[:", place) and ":]" in pattern[place + 2 :]:
            place = pattern.index(":]", place + 2) + 2
        elif pattern[place] == "]" and place > first:
            return place + 1
        else:
            place += 1
    return None
