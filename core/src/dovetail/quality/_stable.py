"""Limits from history: the value of a check should be about what it was in earlier runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from dovetail.errors import DefinitionError, shorten
from dovetail.spec import CheckInfo, CheckOutcome

if TYPE_CHECKING:
    from dovetail.quality._report import CheckReport

History = Callable[[str], Sequence[float] | None]
"""Values of a check, by its id, in earlier runs of the same gate and dataset, the newest first; None where nobody keeps them."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Stable:
    """How far the value of a check may be from what it was: ``median +- k * MAD`` of earlier runs.

    MAD is the median of the absolute deviations from the median. If all earlier values were equal it is 0, and every other
    value is unusual, unless ``at_least`` says more.

    Args:
        k: How many MADs; positive.
        minimum: Fewer earlier values than this are not judged: the check is skipped, as it is still learning. At least 2.
        at_least: Least distance from the median that is unusual, in the unit of the value.
        severity: ``"warning"``, or ``"error"``: what is unusual fails the gate.

    Raises:
        DefinitionError: One of these is not of that kind.
    """

    k: float = 4.0
    minimum: int = 7
    at_least: float = 0.0
    severity: Literal["warning", "error"] = "warning"

    def __post_init__(self) -> None:
        for name, value, least in (("k", self.k, 0), ("at_least", self.at_least, 0), ("minimum", self.minimum, 2)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value < math.inf:
                raise DefinitionError(f"{name}={shorten(value)} of Stable is not a number from {least}")
        if self.k == 0 or not isinstance(self.minimum, int):
            raise DefinitionError("Stable takes a positive k and a whole minimum", fix="Stable(k=4, minimum=7)")
        if self.severity not in ("warning", "error"):
            raise DefinitionError(f"severity={self.severity!r} is not allowed", fix='"warning" or "error"')


def parse_stable(given: Mapping[str, Any] | None) -> tuple[tuple[str, Stable], ...]:
    """Read ``{"pattern": 4, "other": Stable(k=3)}``. Raises DefinitionError."""
    if not isinstance(given, (Mapping, type(None))):
        raise DefinitionError(
            f"stable={shorten(given)} is no table of checks",
            fix='stable={"gate.min_rows": 4}: pattern over check ids -> k',
        )
    return tuple(
        (str(pattern), value if isinstance(value, Stable) else Stable(k=value))
        for pattern, value in (given or {}).items()
    )


def stable_dict(stable: Sequence[tuple[str, Stable]]) -> dict[str, Any]:
    """The JSON-able form of what :func:`parse_stable` gave."""
    return {pattern: asdict(limits) for pattern, limits in stable}


def value_of(check: CheckReport) -> float | None:
    """What is compared over the runs: what an aggregate observed, else the share that failed; None if there is no such number."""
    if check.status in ("error", "skipped"):
        return None
    observed = check.observed
    if isinstance(observed, (int, float)) and not isinstance(observed, bool):
        return float(observed) if math.isfinite(observed) else None
    return check.fraction if check.n_evaluated else None


def stable_outcomes(
    checks: Sequence[CheckReport], stable: Sequence[tuple[str, Stable]], history: History | None
) -> list[tuple[CheckOutcome, dict[str, Any] | None]]:
    """One outcome for every check that a pattern names, with what is told of its history.

    Args:
        checks: The checks of the gate, this time.
        stable: Patterns over check ids; the first that matches counts.
        history: Tells earlier values; None outside of a run.
    """
    found = []
    for check in checks:
        for pattern, limits in stable:
            if pattern == check.check_id or fnmatchcase(check.check_id, pattern):
                found.append(_outcome(check, limits, history))
                break
    return found


def _outcome(check: CheckReport, limits: Stable, history: History | None) -> tuple[CheckOutcome, dict[str, Any] | None]:
    value = value_of(check)
    earlier = history(check.check_id) if history is not None else None
    if value is None:
        return _skipped(check, limits, "the check has no value this time"), None
    if earlier is None:
        return _skipped(check, limits, "no history: the gate is evaluated outside of a run"), None
    if len(earlier) < limits.minimum:
        told = {"points": len(earlier), "previous": earlier[0] if earlier else None}
        return _skipped(check, limits, f"learning ({len(earlier)} of {limits.minimum})", value), told
    middle = median(earlier)
    mad = median(abs(point - middle) for point in earlier)
    reach = max(limits.k * mad, limits.at_least) + _ROUNDING * abs(middle)
    away = abs(value - middle)
    outcome = CheckOutcome(
        _info(check, limits, f"{middle:.6g} +- {max(limits.k * mad, limits.at_least):.6g}"),
        "evaluated",
        n_evaluated=1,
        n_failed=int(away > reach),
        observed=_seen(check, value),
    )
    told = {
        "points": len(earlier),
        "previous": earlier[0],
        "delta": value - earlier[0],
        "median": middle,
        "mad": mad,
        "score": away / mad if mad else None,
    }
    return outcome, told


def _skipped(check: CheckReport, limits: Stable, why: str, value: float | None = None) -> CheckOutcome:
    return CheckOutcome(
        _info(check, limits, f"as before +- {limits.k:g} MAD"), "skipped", observed=_seen(check, value), message=why
    )


def _seen(check: CheckReport, value: float | None) -> Any:
    return check.observed if check.observed == value else value  # a number of rows stays a whole one


def _info(check: CheckReport, limits: Stable, expected: str) -> CheckInfo:
    return CheckInfo(
        id=f"stable({check.check_id})",
        name=f"{check.name}: as before",
        kind="stable",
        columns=tuple(check.columns),
        row_scoped=False,
        dimension="consistency",
        severity=limits.severity,
        expected=expected,
    )
