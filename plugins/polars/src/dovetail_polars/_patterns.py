"""Patterns of RE2 in the dialect of polars, where both surely mean the same."""

from __future__ import annotations

import math
import re

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\\t\\n\\f\\r "}
"""What RE2 means by these: ASCII. In polars they would be of all Unicode."""
_ESCAPES = frozenset("nrtfv.^$*+?()[]{}|\\/-_ \"'#%&,:;<=>@!~`")
_NAMED = re.compile(
    r"\[:\^?(?:al(?:num|pha)|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]"
)
_TWICE = re.compile(r"(?:[*+?]|\{[\d,]*\})(?:[*+{]|\?[*+?{])")
"""A repetition of a repetition, which RE2 refuses. Found in a class too, which only leaves more to RE2."""
_COUNTS = re.compile(r"\{(\d+)(?:,(\d*))?\}")
_MOST = 1000
"""Repetitions that RE2 takes, those of what is repeated included."""
_SET_WORDS = ("&&", "--", "~~")


def in_polars(pattern: str) -> str | None:
    """A pattern that matches the whole of exactly the texts that RE2 says; None where that is not sure.

    Left out are repeated repetitions, more than 1000, flags, named groups, Unicode classes, word boundaries, and what only one of
    them has.
    """
    counts = [int(most or least) or 1 for least, most in _COUNTS.findall(pattern)]
    if _TWICE.search(pattern) or math.prod(counts) > _MOST:
        return None
    out: list[str] = []
    place, inside = 0, False
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            made = _escape(pattern[place + 1 : place + 2], inside)
            if made is None:
                return None
            out.append(made)
            place += 2
            continue
        if inside:
            named = _NAMED.match(pattern, place)
            if named is not None:
                out.append(named[0])
                place = named.end()
                continue
            if char == "[" or pattern.startswith(_SET_WORDS, place):
                return None
            inside = char != "]" or out[-1] in ("[", "[^")
        elif char == "[":
            inside = True
            char = "[^" if pattern.startswith("[^", place) else "["
            if pattern.startswith("]", place + len(char)):
                return None  # one of them ends the class there, the other does not
        elif char == "(" and pattern.startswith("(?", place) and not pattern.startswith("(?:", place):
            return None
        out.append(char)
        place += len(char)
    return None if inside else rf"\A(?:{''.join(out)})\z"


def _escape(char: str, inside: bool) -> str | None:
    if char.lower() in _CLASSES:
        if char.isupper():
            return None if inside else f"[^{_CLASSES[char.lower()]}]"
        return _CLASSES[char] if inside else f"[{_CLASSES[char]}]"
    return f"\\{char}" if char in _ESCAPES and char else None
