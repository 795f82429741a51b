"""The one way in which a value is found not to fit, with the place inside the structure."""

from __future__ import annotations

from typing import Any

from dovetail.errors import ConversionError, ValueMismatch, shorten
from dovetail.types._names import shown_class, shown_name

_WITH_AN = ("a a", "a e", "a i", "a o", "a A", "a E", "a I", "a O")


class Mismatch(Exception):
    """Raised inside acceptors and coders; turned into a ValueMismatch at the outside.

    Args:
        value: What was found.
        expected: What was expected, for people.
        why: Further reason, or None.
    """

    def __init__(self, value: Any, expected: str, why: str | None = None) -> None:
        super().__init__(expected)
        self.value = value
        self.expected = f"an {expected[2:]}" if expected[:3] in _WITH_AN else expected
        self.why = why
        self.path: list[Any] = []

    def error(self, annotation: Any) -> ValueMismatch:
        """The public error."""
        place = render_path(self.path)
        got = f"{' '.join(shorten(self.value).split())} of type {shown_class(type(self.value))}"
        return ValueMismatch(
            f"expected {self.expected}{f' at {place}' if place else ''}, got {got}",
            why=self.why,
            fix=f"give a value that fits {shown_name(annotation)}, or change the annotation",
            path=place,
            expected=self.expected,
        )


def at(key: Any, error: Exception) -> None:
    """Note that ``error`` happened below ``key``; call it while the exception passes by."""
    if isinstance(error, Mismatch):
        error.path.insert(0, key)
    elif isinstance(error, ConversionError):
        error.details.setdefault("path", []).insert(0, key)


def settle(error: ConversionError) -> None:
    """Say the place that :func:`at` gathered in the message of a ConversionError."""
    path = error.details.get("path")
    if isinstance(path, list):
        error.details["path"] = place = render_path(path)
        error.what = f"{error.what} (at {place})"


def render_path(path: list[Any]) -> str:
    """``rows[3].price`` for ``["rows", 3, "price"]``."""
    text = ""
    for key in path:
        if isinstance(key, str) and key.isidentifier():
            text += f".{key}" if text else key
        else:
            text += f"[{shorten(key, 40)}]"
    return text
