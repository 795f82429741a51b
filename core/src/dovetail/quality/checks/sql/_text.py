"""SQL as pieces of code and values that are bound: a value never becomes code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Value:
    """A value that is bound where it stands."""

    value: Any


@dataclass(frozen=True, slots=True)
class Sql:
    """Code and values in order."""

    pieces: tuple[str | Value, ...]

    @property
    def values(self) -> list[Any]:
        """The values, in order."""
        return [piece.value for piece in self.pieces if isinstance(piece, Value)]


def say(*parts: str | Value | Sql) -> Sql:
    """Parts one after the other. Text is code: nothing that somebody else wrote, but by way of ``Dialect.quote``."""
    pieces: list[str | Value] = []
    for part in parts:
        for piece in part.pieces if isinstance(part, Sql) else (part,):
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] += piece
            else:
                pieces.append(piece)
    return Sql(tuple(pieces))


def joined(between: str, parts: Iterable[str | Value | Sql]) -> Sql:
    """Parts with some code between them."""
    found: list[str | Value | Sql] = []
    for part in parts:
        found += [between, part] if found else [part]
    return say(*found)
