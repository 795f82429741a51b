"""A suite that lives somewhere else than in this process: it can be named where Great Expectations is not installed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dovetail.errors import DefinitionError

_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Stored:
    """Stands for a suite. Made by :func:`stored`.

    Attributes:
        source: A JSON file of a suite, the directory of a file context, or ``"module:function"``.
        suite: Name of the suite in the context; "" for the others.
    """

    source: str
    suite: str = ""

    @property
    def name(self) -> str:
        """What the gate is called."""
        return self.suite or (
            self.source.rpartition(":")[2] if self.is_factory else Path(self.source).stem.removesuffix(".gx")
        )

    @property
    def is_factory(self) -> bool:
        """True for ``"module:function"``."""
        return not self.suite and _FACTORY.fullmatch(self.source) is not None


def stored(source: str | Path, suite: str = "") -> Stored:
    """A suite by reference: read where it is evaluated, so that this process needs no Great Expectations.

    Args:
        source: A JSON file of a suite; with ``suite``, the directory of a file context (which holds ``great_expectations.yml``,
            or a directory ``gx`` that does); or ``"module:function"``, a function without arguments that returns a suite.
        suite: Name of the suite in the context.

    Raises:
        DefinitionError: There is no such file or directory.
    """
    found = Stored(str(source), suite)
    if not found.is_factory:
        path = Path(source).absolute()
        if suite and not path.is_dir():
            raise DefinitionError(
                f"there is no directory {str(source)!r} that a context could be in",
                fix="name the directory that holds great_expectations.yml, or a JSON file without suite=",
            )
        if not suite and not path.is_file():
            raise DefinitionError(
                f"there is no suite {str(source)!r}",
                why="it is neither a file nor module:function",
                fix='stored("suite.json"), stored("gx", suite="name") or stored("module:function")',
            )
        found = Stored(str(path), suite)  # the worker that reads it has another working directory
    return found


def read_suite(path: Path, name: str | None, allow_unsupported: bool) -> Stored:
    """The suite of a file on the command line: ``people.gx.json``, or ``gx/great_expectations.yml:people`` of a context.

    Args:
        path: The file.
        name: Of a suite in the context; None for the file of one suite.
        allow_unsupported: Changes nothing: what cannot be evaluated is an error.

    Raises:
        DefinitionError: There is no such file, or it is not said which suite of a context is meant.
    """
    if path.suffix != ".yml":
        if name is not None:
            raise DefinitionError(f"{str(path)!r} holds one suite", fix=f"leave out ':{name}'")
        return stored(path)
    if name is None:
        raise DefinitionError(f"{str(path)!r} is a context, which may hold many suites", fix=f"name one: {path}:NAME")
    return stored(path.parent, name)
