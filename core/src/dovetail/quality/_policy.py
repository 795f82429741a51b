"""What a gate does with what was found: thresholds, actions, and the one function that decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from dovetail.errors import DefinitionError, listing, nearest
from dovetail.quality._stable import Stable, stable_dict

OnFail = Literal["block", "warn", "drop", "quarantine"]
Status = Literal["pass", "warn", "fail", "error", "skipped"]
Decision = Literal["publish", "publish_with_warnings", "publish_clean_quarantine_rest", "block"]

Downstream = Literal["block", "skip", "continue_with_previous", "continue"]

ACTIONS: tuple[str, ...] = get_args(OnFail)
EFFECTS: tuple[str, ...] = get_args(Downstream)

_PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are tolerated: a count of rows (int) or a fraction of what was evaluated (float in 0..1)."""

    value: int | float

    def exceeded(self, failed: int, evaluated: int) -> bool:
        """True if ``failed`` of ``evaluated`` are more than is tolerated."""
        if isinstance(self.value, int):
            return failed > self.value
        # A quotient, not a product: 29 of 100 is exactly 0.29, but 0.29 * 100 is less than 29.
        return failed / evaluated > self.value if evaluated else failed > 0

    def to_json(self) -> int | str:
        """A count as int, a fraction as text such as ``"5%"``."""
        return self.value if isinstance(self.value, int) else f"{self.value * 100:.10g}%"


def parse_limit(value: Any, option: str) -> Limit:
    """Read a limit.

    Args:
        value: ``10`` (rows), ``0.05`` or ``"5%"`` or ``"5 %"`` (fraction of what was evaluated).
        option: Name of the option, for the error.

    Raises:
        DefinitionError: It is none of these, negative, or a fraction above 1.
    """
    if isinstance(value, Limit):
        return value
    if isinstance(value, str):
        percent = _PERCENT.fullmatch(value)
        if percent and float(percent[1]) <= 100:
            return Limit(float(percent[1]) / 100)
    elif isinstance(value, bool):
        pass
    elif (isinstance(value, int) and value >= 0) or (isinstance(value, float) and 0 <= value <= 1):
        return Limit(value)
    raise DefinitionError(
        f"{option}={value!r} is not a number of rows or a fraction",
        fix=f'write {option}=10 (rows), {option}=0.05 or {option}="5%" (of the rows)',
    )


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of one check: more failures than ``warn`` are a warning, more than ``fail`` a failure."""

    warn: Limit = Limit(0)
    fail: Limit = Limit(0)

    def to_dict(self) -> dict[str, int | str]:
        """JSON-able: ``{"warn": 0, "fail": "1%"}``."""
        return {"warn": self.warn.to_json(), "fail": self.fail.to_json()}


def parse_thresholds(value: Any, base: Thresholds, option: str) -> Thresholds:
    """Read ``"1%"`` (the fail limit) or ``{"warn": 0, "fail": "1%"}``; what is not said comes from ``base``."""
    if isinstance(value, Thresholds):
        return value
    if not isinstance(value, Mapping):
        return Thresholds(base.warn, parse_limit(value, option))
    for name in value:
        if name not in ("warn", "fail"):
            raise DefinitionError(f"{option} has no limit {name!r}", fix="the limits are 'warn' and 'fail'")
    return Thresholds(
        parse_limit(value["warn"], f"{option}['warn']") if "warn" in value else base.warn,
        parse_limit(value["fail"], f"{option}['fail']") if "fail" in value else base.fail,
    )


def parse_action(on_fail: Any) -> OnFail:
    """Check the name of an action.

    Raises:
        DefinitionError: It is not block, warn, drop or quarantine.
    """
    if on_fail in ACTIONS:
        return on_fail  # type: ignore[no-any-return]
    guess = nearest(str(on_fail), ACTIONS)
    raise DefinitionError(
        f"on_fail={on_fail!r} is not an action of a gate",
        why=f"the actions are {listing(ACTIONS)}",
        fix=f'on_fail="{guess}"' if guess else 'on_fail="block" is the default',
    )


def parse_effect(effect: Any, option: str = "downstream") -> Downstream:
    """Check the name of what happens to those who read a refused value.

    Raises:
        DefinitionError: It is not block, skip, continue_with_previous or continue.
    """
    if effect in EFFECTS:
        return effect  # type: ignore[no-any-return]
    guess = nearest(str(effect), EFFECTS)
    raise DefinitionError(
        f"{option}={effect!r} is nothing that can happen to the readers of a refused value",
        why=f"they are {listing(EFFECTS)}",
        fix=f'{option}="{guess}"' if guess else f'{option}="block" is the default',
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decides, besides the findings.

    Attributes:
        on_fail: What happens when a check fails.
        max_quarantined: Largest share (or number) of rows that drop and quarantine may take away.
        thresholds: Limits of checks that ``overrides`` does not name.
        overrides: Pattern over check ids (as in file names: ``"arr_delay.*"``) -> limits; the first that matches counts.
        min_rows: Fewer rows than this fail, before and after rows were taken away.
        stable: Pattern over check ids -> how far their values may be from those of earlier runs.
        downstream: What happens to those who read the value, where the gate refuses it and they say nothing else.
    """

    on_fail: OnFail = "block"
    max_quarantined: Limit = Limit(0.05)
    thresholds: Thresholds = Thresholds()
    overrides: tuple[tuple[str, Thresholds], ...] = ()
    min_rows: int = 1
    stable: tuple[tuple[str, Stable], ...] = ()
    downstream: Downstream = "block"

    @property
    def takes_rows(self) -> bool:
        """True if failing rows are taken away rather than the whole value refused."""
        return self.on_fail in ("drop", "quarantine")

    def thresholds_of(self, check_id: str) -> Thresholds:
        """The limits of one check."""
        for pattern, thresholds in self.overrides:
            if pattern == check_id or fnmatchcase(check_id, pattern):
                return thresholds
        return self.thresholds

    def with_thresholds(self, limits: Mapping[str, Any]) -> Policy:
        """This policy with the limits that a suite sets itself, behind its own."""
        more = ((pattern, parse_thresholds(each, self.thresholds, pattern)) for pattern, each in limits.items())
        return replace(self, overrides=(*self.overrides, *more))

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {
            "on_fail": self.on_fail,
            "max_quarantined": self.max_quarantined.to_json(),
            "min_rows": self.min_rows,
            **self.thresholds.to_dict(),
            "thresholds": {pattern: limits.to_dict() for pattern, limits in self.overrides},
            **({"stable": stable_dict(self.stable)} if self.stable else {}),
            **({"downstream": self.downstream} if self.downstream != "block" else {}),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What :func:`decide` needs to know of one check."""

    name: str
    status: Status
    row_scoped: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and its reason, for people."""

    decision: Decision
    reason: str = field(default="")


def check_status(
    status: str, *, failed: int, evaluated: int, row_scoped: bool, warning_only: bool, thresholds: Thresholds
) -> Status:
    """The status of one check after thresholds.

    Args:
        status: What the engine said: ``evaluated``, ``error`` or ``skipped``.
        failed: Number of failures.
        evaluated: Number of values or rows looked at.
        row_scoped: Thresholds count rows, so they apply to row-scoped checks only; any other check fails at one failure.
        warning_only: The check never does more than warn.
        thresholds: Its limits.
    """
    if status == "skipped":
        return "skipped"
    if status != "evaluated":
        return "error"
    limits = thresholds if row_scoped else Thresholds()
    if limits.fail.exceeded(failed, evaluated):
        return "warn" if warning_only else "fail"
    return "warn" if limits.warn.exceeded(failed, evaluated) else "pass"


def decide(findings: Iterable[Finding], policy: Policy, rows_in: int, rows_removed: int) -> Verdict:
    """The decision of a gate. Pure: the same findings always give the same verdict.

    Args:
        findings: Every check with its status after thresholds.
        policy: The gate's policy.
        rows_in: Rows that came in.
        rows_removed: Distinct rows that drop or quarantine would take away; 0 for the other actions.
    """
    found = list(findings)
    errors = [f.name for f in found if f.status == "error"]
    if errors:
        return Verdict("block", f"could not be evaluated: {_names(errors)}")
    failed = [f for f in found if f.status == "fail"]
    amber = [f.name for f in found if f.status in ("warn", "skipped")]
    if not failed:
        return Verdict("publish_with_warnings", f"warnings: {_names(amber)}") if amber else Verdict("publish")
    names = _names([f.name for f in failed])
    if policy.on_fail == "warn":
        return Verdict("publish_with_warnings", f"failed, but only warned about: {names}")
    if not policy.takes_rows:
        return Verdict("block", f"failed: {names}")
    whole = [f.name for f in failed if not f.row_scoped]
    if whole:
        return Verdict("block", f"failed, and no single rows are to blame: {_names(whole)}")
    return _decide_removal(policy, rows_in, rows_removed, names)


def _decide_removal(policy: Policy, rows_in: int, rows_removed: int, names: str) -> Verdict:
    word = "dropped" if policy.on_fail == "drop" else "quarantined"
    if policy.max_quarantined.exceeded(rows_removed, rows_in):
        share = f"{rows_removed / rows_in:.2%}" if rows_in else "all"
        limit = policy.max_quarantined.to_json()
        return Verdict(
            "block",
            f"{rows_removed:,} of {rows_in:,} rows ({share}) would be {word}, more than max_quarantined={limit}: {names}",
        )
    if rows_in - rows_removed < policy.min_rows:
        return Verdict(
            "block", f"{rows_in - rows_removed:,} rows would be left, fewer than min_rows={policy.min_rows:,}"
        )
    return Verdict("publish_clean_quarantine_rest", f"{rows_removed:,} of {rows_in:,} rows {word}: {names}")


def _names(names: list[str], limit: int = 6) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
