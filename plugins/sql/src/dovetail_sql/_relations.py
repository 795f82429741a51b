"""Queries as relations of other statements: what stays in the database is written into the statement, its values beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from dovetail_sql._statement import Bound, Placeholder, first_word

_HEAD = re.compile(r"\A(?P<before>(?:\s|--[^\n]*\n|/\*.*?\*/)*)with\b(?P<recursive>\s+recursive\b)?", re.I | re.S)
_END = re.compile(r"[;\s]+\Z")


def renamed(statement: Bound, prefix: str) -> Bound:
    """The same with keys of its own, so that it can stand in another statement; without the semicolon at its end."""
    pieces = list(statement.pieces)
    if isinstance(pieces[-1], str):
        pieces[-1] = _END.sub("", pieces[-1])
    keyed = tuple(Placeholder(prefix + piece.key) if isinstance(piece, Placeholder) else piece for piece in pieces)
    return Bound(keyed, {prefix + key: value for key, value in statement.values.items()})


def inside(before: str, statement: Bound, after: str) -> Bound:
    """A statement with text around it. It may end in a comment, so that a line break follows it."""
    plain = renamed(statement, "")
    return Bound((before, *plain.pieces, f"\n{after}"), plain.values)


def with_relations(statement: Bound, relations: Mapping[str, Bound], quote: Callable[[str], str]) -> Bound | None:
    """A query that reads other queries by name, as one statement; None where that takes a temporary table.

    Args:
        statement: Reads ``relations`` by their names.
        relations: Name -> query.
        quote: Quotes an identifier.
    """
    word, first = first_word(statement), statement.pieces[0] if statement.pieces else ""
    if not relations:
        return statement
    if word not in ("select", "with", "values") or not isinstance(first, str):
        return None
    pieces: list[str | Placeholder] = []
    values = dict(statement.values)
    for number, (name, query) in enumerate(relations.items()):
        inner = renamed(query, f"r{number}_")
        pieces += [f"{', ' if number else ''}{quote(name)} as (", *inner.pieces, "\n)"]
        values |= inner.values
    rest: tuple[str | Placeholder, ...] = statement.pieces
    recursive = ""
    if word == "with":
        head = _HEAD.match(first)
        if head is None:  # in parentheses
            return None
        recursive = head["recursive"] or ""
        rest = (", " + first[head.end() :], *rest[1:])
    return Bound((f"with{recursive} ", *pieces, "\n", *rest), values)
