"""What a contract asks of a table, as steps that the engine evaluates one by one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from dovetail.quality import Check
from dovetail.spec import CheckInfo

from dovetail_contracts._keys import OPERATORS, is_number

Demands = tuple[tuple[str, Any], ...]
"""Operators of a rule with their values: ``(("mustBeLessThan", 5),)``. All of them must hold."""


@dataclass(frozen=True)
class Step:
    """One thing that is asserted.

    Attributes:
        info: What it is, for the report.
        check: The native check that evaluates it, or None.
        limit: Failing rows that the contract tolerates: a number, or a share of those evaluated; None: no limit of its own.
        demands: What must hold of a count or of the answer of a query, where that is no limit of failing rows.
        percent: The count is compared as a percentage of what was evaluated.
        shape: For a logical type: the property as the contract has it.
        query: For a rule in SQL: the statement.
        unsupported: Why it cannot be evaluated; empty if it can.
    """

    info: CheckInfo
    check: Check | None = None
    limit: int | float | None = None
    demands: Demands = ()
    percent: bool = False
    shape: Mapping[str, Any] | None = field(default=None, hash=False)
    query: str = ""
    unsupported: str = ""

    @classmethod
    def of(cls, check: Check) -> Step:
        """A native check as it is."""
        return cls(check.info, check)

    def named(self, info_id: str) -> Step:
        """The same under another id."""
        return replace(self, info=replace(self.info, id=info_id))


def demands_of(rule: Mapping[str, Any]) -> Demands:
    """The operators of a rule."""
    return tuple((name, rule[name]) for name in OPERATORS if rule.get(name) is not None)


def told(demands: Demands, percent: bool = False) -> str:
    """Demands for people."""
    unit = " %" if percent else ""
    return " and ".join(f"{_WORDS[name][0].format(_text(value))}{unit}" for name, value in demands)


def _text(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


_WORDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "mustBe": ("= {}", lambda found, value: found == value),
    "mustNotBe": ("not {}", lambda found, value: found != value),
    "mustBeGreaterThan": ("> {}", lambda found, value: found > value),
    "mustBeGreaterOrEqualTo": (">= {}", lambda found, value: found >= value),
    "mustBeLessThan": ("< {}", lambda found, value: found < value),
    "mustBeLessOrEqualTo": ("<= {}", lambda found, value: found <= value),
    "mustBeBetween": ("between {}", lambda found, value: value[0] <= found <= value[1]),
    "mustNotBeBetween": ("not between {}", lambda found, value: not value[0] <= found <= value[1]),
}


def holds(demands: Demands, found: Any) -> bool:
    """Whether all demands hold of what was found.

    Raises:
        TypeError: They cannot be compared.
    """
    return all(_WORDS[name][1](found, exact(value)) for name, value in demands)


def exact(value: Any) -> Any:
    """Numbers as fractions, as they were written: 0.1 is a tenth."""
    if isinstance(value, (list, tuple)):
        return [exact(each) for each in value]
    if isinstance(value, float) and math.isfinite(value):
        return Fraction(repr(value))
    return value


def tolerated(demands: Demands, percent: bool) -> int | float | None:
    """How many failing rows (or which share of them) the demands tolerate; None: they are no upper limit."""
    if len(demands) != 1:
        return None
    ((name, value),) = demands
    if name == "mustBeBetween" and value[0] == 0:
        name, value = "mustBeLessOrEqualTo", value[1]
    if name == "mustBe" and is_number(value) and value == 0:
        return 0
    if not is_number(value) or name not in ("mustBeLessThan", "mustBeLessOrEqualTo"):
        return None
    strict = name == "mustBeLessThan"
    if not percent:
        limit = math.ceil(value) - 1 if strict else math.floor(value) if math.isfinite(value) else None
        return limit if limit is not None and limit >= 0 else None
    share = float(Fraction(repr(value)) / 100) if math.isfinite(value) else 2.0
    if strict:
        share = math.nextafter(share, -1.0)  # a share of exactly the limit is too much
    return share if 0 <= share <= 1 else None


def short_hash(text: str) -> str:
    """Eight characters that tell one text from another."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
