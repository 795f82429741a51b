"""Contracts as files, and as suites of gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dovetail.errors import DefinitionError, UsageError, listing, nearest, shorten

from dovetail_contracts import _yaml
from dovetail_contracts._lint import Problem, lint
from dovetail_contracts._steps import Step
from dovetail_contracts._translate import steps_of


@dataclass(frozen=True)
class Contract:
    """A data contract.

    Attributes:
        document: As the file has it.
        source: Where it comes from, for people.
        parsed: The document with its lines.
    """

    document: Mapping[str, Any]
    source: str = "contract"
    parsed: _yaml.Parsed = field(default_factory=lambda: _yaml.Parsed(None), repr=False, compare=False)

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with its shape."""
        return tuple(lint(self.parsed if self.parsed.lines else _yaml.Parsed(self.document)))

    @property
    def schemas(self) -> tuple[str, ...]:
        """The names of its objects."""
        found = self.document.get("schema")
        return tuple(str(each["name"]) for each in found) if isinstance(found, list) else ()

    def check(self) -> Contract:
        """The contract itself.

        Raises:
            DefinitionError: Something is wrong with it; names the first problems with their lines.
        """
        wrong = [problem for problem in self.problems if problem.level == "error"]
        if not wrong:
            return self
        more = "".join(f"\nline {each.line}: {each.what}" for each in wrong[1:4])
        rest = f"\nand {len(wrong) - 4} more" if len(wrong) > 4 else ""
        first = wrong[0]
        raise DefinitionError(
            "the contract cannot be used",
            who=f"{self.source}, line {first.line}",
            why=f"{first.what}{more}{rest}",
            fix=first.fix or f"dovetail contract lint {self.source}",
        )

    def suite(self, schema: str | None = None, *, allow_unsupported: bool = False) -> ContractSuite:
        """What it asks of one table.

        Args:
            schema: Name of the object; may be left out where there is one.
            allow_unsupported: Rules that cannot be evaluated are skipped, with a reason, rather than errors that block.

        Raises:
            DefinitionError: Something is wrong with it, or it asks nothing of the table.
            UsageError: There is no such object, or there are several and none is named.
        """
        self.check()
        found = {str(each["name"]): each for each in self.document.get("schema") or ()}
        found = {**{str(each["physicalName"]): each for each in found.values() if each.get("physicalName")}, **found}
        if not self.schemas:
            raise DefinitionError("the contract has no schema", who=self.source, fix="schema:\n  - name: ...")
        if schema is None:
            if len(self.schemas) > 1:
                raise UsageError(
                    f"the contract is about {len(self.schemas)} tables, and none is named",
                    who=self.source,
                    why=f"it has {listing(self.schemas)}",
                    fix=f"contract(..., schema={self.schemas[0]!r}), or {self.source}:{self.schemas[0]}",
                )
            schema = self.schemas[0]
        if schema not in found:
            close = nearest(schema, found)
            raise UsageError(
                f"the contract has no schema {shorten(schema)}",
                who=self.source,
                why=f"it has {listing(self.schemas)}",
                fix=f"did you mean {close!r}?" if close else None,
            )
        suite = ContractSuite(str(found[schema]["name"]), self.document, found[schema], allow_unsupported)
        if not suite.steps:
            raise DefinitionError(f"the contract asks nothing of {schema!r}", who=self.source, fix="give it properties")
        return suite


@dataclass(frozen=True, eq=False)
class ContractSuite:
    """What a contract asks of one table: the suite of a gate. Made by :func:`contract`.

    Attributes:
        name: Of the object, and of the gate.
        document: The contract.
        element: The object, as the contract has it.
        allow_unsupported: Rules that cannot be evaluated are skipped, with a reason, rather than errors.
    """

    name: str
    document: Mapping[str, Any] = field(repr=False)
    element: Mapping[str, Any] = field(repr=False)
    allow_unsupported: bool = False

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All that is asserted, in the order of the contract."""
        return steps_of(self.document, self.element)


def read_contract(path: str | Path) -> Contract:
    """Read a contract from a file.

    Args:
        path: Of a YAML or JSON file.

    Raises:
        UsageError: There is no such file, or it cannot be read.
        DefinitionError: It is no YAML, or holds a key twice, a tag, or more than a contract can; says the line.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_yaml.MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {str(path)!r}", fix=f"dovetail contract init DATA --output {path}"
        ) from None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read", why=str(error)) from error
    return parse_contract(data, str(path))


def parse_contract(text: str | bytes, source: str = "contract") -> Contract:
    """Read a contract from text; see :func:`read_contract`."""
    parsed = _yaml.parse(text, source)
    document = parsed.value
    if not isinstance(document, dict):
        raise DefinitionError(
            f"a contract is a table, not {shorten(document)}",
            who=f"{source}, line {parsed.line(())}",
            fix="apiVersion: ...",
        )
    return Contract(document, source, parsed)


def contract(path: str | Path, schema: str | None = None, *, allow_unsupported: bool = False) -> ContractSuite:
    """What the contract in a file asks of a table: ``dt.Gate(contract("flights.odcs.yaml"))``.

    Args:
        path: Of the contract.
        schema: Name of the object; may be left out where there is one.
        allow_unsupported: Rules that cannot be evaluated are skipped, with a reason, rather than errors that block.

    Raises:
        UsageError: There is no such file or object.
        DefinitionError: The contract cannot be used; says the line.
    """
    return read_contract(path).suite(schema, allow_unsupported=allow_unsupported)


def read_suite(path: Path, name: str | None, allow_unsupported: bool) -> ContractSuite:
    """What ``dovetail check`` calls for a file that ends in ``.odcs.yaml``."""
    return contract(path, name, allow_unsupported=allow_unsupported)
