"""Patterns of RE2 in the dialect of PostgreSQL, where both surely mean the same."""

from __future__ import annotations

import re

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\\t\\n\\f\\r "}
"""What RE2 means by these: ASCII."""
_TWICE = re.compile(r"(?:[*+?]|\{[\d,]*\})(?:[*+{]|\?[*+?{])")
_COUNT = re.compile(r"\{(\d{1,3})(,(\d{0,3}))?\}")
_MOST = 255
_PLAIN = frozenset(" !\"#%&',-/:;<=>@_`~")
_ESCAPES = frozenset(".^$*+?()[]{}|\\/-_\"'#%&,:;<=>@!~` ")


def in_postgresql(pattern: str) -> str | None:
    """A pattern that matches the whole of exactly the texts that RE2 says; None where that is not sure.

    Only letters and digits, what stands for itself, ``.``, classes, groups, ``|`` and plain repetitions are translated.
    """
    if _TWICE.search(pattern) or "\0" in pattern:
        return None
    out: list[str] = []
    place = 0
    while place < len(pattern):
        made = _next(pattern, place, out)
        if made is None:
            return None
        code, place = made
        out.append(code)
    return f"^(?:{''.join(out)})$"


def _next(pattern: str, place: int, out: list[str]) -> tuple[str, int] | None:
    """What stands at a place, translated, and where it ends."""
    char = pattern[place]
    if char == "\\":
        return _escape(pattern[place + 1 : place + 2], place)
    if char == "[":
        return _class(pattern, place)
    if char == "{":
        found = _COUNT.match(pattern, place)
        if found is None or not out or max(int(n) for n in (found[1], found[3] or "0")) > _MOST:
            return None
        if found[3] and int(found[3]) < int(found[1]):
            return None
        return found[0], found.end()
    if char == "(":
        if pattern.startswith("(?:", place):
            return "(?:", place + 3
        return None if pattern.startswith("(?", place) else ("(?:", place + 1)
    if char == ".":
        return "[^\\n]", place + 1
    if char in "*+?":
        # in RE2 a question mark behind a repetition asks for the shortest match; of the whole text there is but one
        if not out or out[-1] in ("(?:", "|"):
            return None
        return ("" if char == "?" and pattern[place - 1] in "*+?}" else char), place + 1
    if char in "|)" or char.isalnum() or char in _PLAIN or char in "\t\n":
        return char, place + 1
    return (char, place + 1) if ord(char) > 127 else None


def _escape(char: str, place: int) -> tuple[str, int] | None:
    if char and char in _CLASSES:
        return f"[{_CLASSES[char]}]", place + 2
    if char and char.lower() in _CLASSES:
        return f"[^{_CLASSES[char.lower()]}]", place + 2
    if char and char in "nrtfv":
        return f"\\{char}", place + 2
    return (f"\\{char}", place + 2) if char in _ESCAPES and char else None


def _class(pattern: str, place: int) -> tuple[str, int] | None:
    """A class in brackets, of single characters and ranges."""
    out, place = ["["], place + 1
    if pattern.startswith("^", place):
        out, place = ["[^"], place + 1
    if pattern.startswith(("]", "-"), place):
        return None
    while place < len(pattern):
        char = pattern[place]
        if char == "]":
            return "".join(out) + "]", place + 1
        if char == "\\":
            inner = pattern[place + 1 : place + 2]
            if inner in _CLASSES and inner:
                if pattern.startswith("-", place + 2) or out[-1] == "-":
                    return None
                out.append(_CLASSES[inner])
            elif inner and (inner in "nrtfv" or inner in _ESCAPES):
                out.append(f"\\{inner}")
            else:
                return None
            place += 2
            continue
        if char in "[&~" or (char == "-" and not _is_range(pattern, place)):
            return None
        out.append(char)
        place += 1
    return None


def _is_range(pattern: str, place: int) -> bool:
    """A hyphen between two plain characters in order."""
    before, after = pattern[place - 1 : place], pattern[place + 1 : place + 2]
    return before.isalnum() and after.isalnum() and before <= after
