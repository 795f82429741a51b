"""A SQL statement and the ``:names`` in it.

The statement is cut into code and parameters once, at definition. A colon inside quotes, comments and dollar quotes, and the
``::`` of a cast, is no parameter; ``\\:`` is a plain colon. Values are never put into the text: every engine gets the statement
with placeholders, and the values beside it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dovetail.errors import DefinitionError, listing, nearest

_TOKEN = re.compile(
    r"""
    (?P<quoted> [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
              | --[^\n]* | /\*.*?\*/ | \$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)\$ | \$\$.*?\$\$ )
  | (?P<cast> ::)
  | (?P<escape> \\:)
  | (?<![\w:]):(?P<name>[^\W\d]\w*)
  | (?P<end> ;)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_PARENTHESES = re.compile(r"\bin\s*\(\s*$", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TRIGGER = re.compile(r"\s*create\s+(temp\w*\s+)?trigger\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A ``:name`` in a statement."""

    name: str


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where one bound value goes: a key of :attr:`Bound.values`."""

    key: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement ready to be sent: code and placeholders in order, and the value of every placeholder."""

    pieces: tuple[str | Placeholder, ...]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """A parsed statement: code and parameters in order."""

    pieces: tuple[str | Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, each once, in order of their first use."""
        return tuple(dict.fromkeys(piece.name for piece in self.pieces if isinstance(piece, Parameter)))

    def mentions(self, identifier: str) -> bool:
        """True if the code of the statement contains this identifier, plain or in double quotes."""
        code = " ".join(piece for piece in self.pieces if isinstance(piece, str))
        quoted = '"' + identifier.replace('"', '""') + '"'
        plain = re.search(rf"(?<!\w){re.escape(identifier)}(?!\w)", _COMMENT.sub(" ", code), re.IGNORECASE)
        return quoted in code or plain is not None

    def bind(self, values: Mapping[str, Any]) -> Bound:
        """Give every parameter its value; a list becomes one placeholder for each of its elements.

        Args:
            values: Value by parameter name. A list, tuple or set stands for the elements of ``in :name``; an empty one
                matches nothing.
        """
        pieces: list[str | Placeholder] = []
        bound: dict[str, Any] = {}
        numbers = {name: index for index, name in enumerate(self.names)}
        for piece in self.pieces:
            if isinstance(piece, str):
                pieces.append(piece)
                continue
            key, value = f"p{numbers[piece.name]}", values[piece.name]
            if isinstance(value, (list, tuple, set, frozenset)):
                before = pieces[-1] if pieces and isinstance(pieces[-1], str) else ""
                keys = [f"{key}_{index}" for index in range(len(value))]
                bound.update(zip(keys, sorted(value) if isinstance(value, (set, frozenset)) else value, strict=True))
                pieces += _elements(keys, parenthesised=bool(_IN_PARENTHESES.search(before)))
            else:
                bound[key] = value
                pieces.append(Placeholder(key))
        return Bound(tuple(pieces), bound)


def _elements(keys: list[str], parenthesised: bool) -> list[str | Placeholder]:
    if not keys:
        # "in ()" is not SQL; a query without rows means the same, also under "not in"
        inner: list[str | Placeholder] = ["select null where 1 = 0"]
    else:
        inner = [Placeholder(keys[0])]
        for key in keys[1:]:
            inner += [", ", Placeholder(key)]
    return inner if parenthesised else ["(", *inner, ")"]


def parse(text: str) -> Statement:
    """Cut a statement into code and parameters.

    Raises:
        DefinitionError: The text is empty, or holds more than one statement.
    """
    found = parse_script(text)
    if len(found) > 1:
        rest = " ".join("".join(p if isinstance(p, str) else f":{p.name}" for p in found[1].pieces).split())
        raise DefinitionError(
            "the SQL text holds more than one statement",
            why=f"after the first semicolon follows: {rest[:60]!r}",
            fix="make one task for each statement and connect them with .after(), or use execute() or sql_file()",
        )
    return found[0]


def parse_script(text: str) -> tuple[Statement, ...]:
    """Cut a text into its statements, which semicolons divide, and those into code and parameters.

    Raises:
        DefinitionError: There is no statement in it.
    """
    if not isinstance(text, str) or "\x00" in text:
        raise DefinitionError("the SQL statement holds a NUL character", fix="remove it; bind such a value instead")
    found = _cut(text)
    if not found:
        raise DefinitionError("the SQL statement is empty", fix="write a statement such as 'select * from flights'")
    return found


@lru_cache(maxsize=1024)
def _cut(text: str) -> tuple[Statement, ...]:
    statements: list[Statement] = []
    pieces: list[str | Parameter] = []
    code: list[str] = []
    position = 0

    def end() -> None:
        nonlocal pieces, code
        pieces.append("".join(code))
        kept = tuple(piece for piece in pieces if piece != "")
        whole = "".join(piece if isinstance(piece, str) else ":" for piece in kept)
        if _COMMENT.sub("", whole).strip(" \t\r\n;"):
            statements.append(Statement(kept))
        pieces, code = [], []

    for match in _TOKEN.finditer(text):
        code.append(text[position : match.start()])
        position = match.end()
        if match["name"]:
            pieces.append("".join(code))
            pieces.append(Parameter(match["name"]))
            code = []
        elif match["end"]:
            before = "".join(p if isinstance(p, str) else ":" for p in [*pieces, *code])
            if _inside_trigger(before):
                code.append(";")
            else:
                end()
        else:
            code.append(":" if match["escape"] else match[0])
    code.append(text[position:])
    end()
    return tuple(statements)


def _inside_trigger(code: str) -> bool:
    """The statements of a trigger end with semicolons too; after the last stands ``end``."""
    plain = _COMMENT.sub(" ", code)
    return (
        _TRIGGER.match(plain) is not None
        and re.search(r"\bbegin\b", plain, re.IGNORECASE) is not None
        and (re.search(r"\bend\s*\Z", plain, re.IGNORECASE) is None)
    )


def joined(statements: Iterable[Statement]) -> Statement:
    """The statements of a script as one, for questions about its names."""
    return Statement(tuple(piece for statement in statements for piece in (*statement.pieces, ";\n")))


def selecting(code: str, conditions: Iterable[tuple[str, Any]], quote: Callable[[str], str]) -> Bound:
    """A ``select`` with conditions on columns: values are bound, a list is any of its elements, None is null."""
    pieces: list[str | Parameter] = [code]
    values: dict[str, Any] = {}
    for index, (column, value) in enumerate(conditions):
        start = f"{' and' if index else ' where'} {quote(column)}"
        if value is None:
            pieces.append(f"{start} is null")
            continue
        many = isinstance(value, (list, tuple, set, frozenset))
        values[f"v{index}"] = value
        pieces += [f"{start} in " if many else f"{start} = ", Parameter(f"v{index}")]
    return Statement(tuple(pieces)).bind(values)


def first_word(statement: Bound) -> str:
    """The word that a statement begins with, in lower case, behind comments and parentheses."""
    code = "".join(piece for piece in statement.pieces if isinstance(piece, str))
    word = re.match(r"[\s(;]*(\w+)", _COMMENT.sub(" ", code))
    return word[1].lower() if word else ""


def check_names(statement: Statement, bound: Iterable[str], frames: Iterable[str], who: str) -> None:
    """Check that the parameters of a statement and the inputs of its task agree exactly.

    Args:
        statement: The statement.
        bound: Names of the inputs that are bound as values.
        frames: Names of the inputs that are tables, read as relations of that name.
        who: The task, for messages.

    Raises:
        DefinitionError: A name is missing on one side, with the nearest name of the other side.
    """
    declared, tables = list(bound), list(frames)
    for name in statement.names:
        if name in tables:
            raise DefinitionError(
                f"the statement binds :{name} as a value, but the input {name!r} is a table",
                who=who,
                fix=f"read it as a relation: from {name} (without the colon)",
            )
        if name not in declared:
            close = nearest(name, declared)
            raise DefinitionError(
                f"the statement uses :{name}, but the task has no input {name!r}",
                who=who,
                why=f"inputs: {listing(declared)}",
                fix=f"write :{close}"
                if close
                else f"add it: inputs={{{name!r}: int}}; for a plain colon write \\:{name}",
            )
    for name in declared:
        if name not in statement.names:
            close = nearest(name, statement.names)
            raise DefinitionError(
                f"the task has an input {name!r}, but the statement does not use :{name}",
                who=who,
                why=f"parameters of the statement: {listing(':' + n for n in statement.names)}",
                fix=f"name the input {close!r}" if close else f"use :{name} in the statement, or drop the input",
            )
    for name in tables:
        if not statement.mentions(name):
            raise DefinitionError(
                f"the input {name!r} is a table, but the statement never reads from {name}",
                who=who,
                fix=f"write: from {name}",
            )
