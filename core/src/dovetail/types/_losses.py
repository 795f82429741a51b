"""Losses that only some values bring: a column of a kind that the other library lacks. Refused by column, unless allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from dovetail.errors import ConversionError

if TYPE_CHECKING:
    import pyarrow as pa

_ALLOWED: ContextVar[bool] = ContextVar("losses allowed", default=False)
_UTC = frozenset(("UTC", "Etc/UTC", "Z", "+00:00"))
Judge = Callable[["pa.DataType"], "str | None"]
"""Of a type, what would be lost of its values, or None. It is asked of types inside others too."""


@contextlib.contextmanager
def losing(allowed: bool = True) -> Iterator[None]:
    """Within it, conversions may lose what they would refuse; if it is not ``allowed``, nothing changes."""
    token = _ALLOWED.set(allowed or _ALLOWED.get())
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def check_losses(schema: pa.Schema, target: str, judge: Judge, instead: str) -> None:
    """Refuse columns of which a library would lose something, unless that was allowed.

    Args:
        schema: The columns.
        target: Declared name of what they are converted to.
        judge: Says of a type what is lost: ``"the zone Europe/Berlin"``.
        instead: What to do with the column first, for the message: ``"cast it to text"``.

    Raises:
        ConversionError: A column loses something, and neither ``allow_lossy=True`` nor ``dt.Lossy()`` allows it.
    """
    if _ALLOWED.get():
        return
    for field in schema:
        lost = _first(field.type, judge)
        if lost is not None:
            raise ConversionError(
                f"the column {field.name!r} ({field.type}) would lose {lost} as a {target}",
                why=f"a {target} has no place for it, and what is lost does not come back",
                fix=f"{instead} first; or allow the loss, in the annotation by Annotated[..., dt.Lossy()], "
                "or by convert(value, type, allow_lossy=True)",
                column=field.name,
                lost=lost,
            )


def lost_zone(kind: pa.DataType) -> str | None:
    """What a library loses of moments that keeps them in UTC alone."""
    import pyarrow.types as t

    named = t.is_timestamp(kind) and kind.tz is not None and kind.tz not in _UTC
    return f"the zone {kind.tz}" if named else None


def lost_categories(kind: pa.DataType) -> str | None:
    """What a library loses of categories that makes plain values of them."""
    import pyarrow.types as t

    return "its categories and their order" if t.is_dictionary(kind) else None


def _first(kind: pa.DataType, judge: Judge) -> str | None:
    lost = judge(kind)
    for position in range(kind.num_fields):
        lost = lost or _first(kind.field(position).type, judge)
    return lost
