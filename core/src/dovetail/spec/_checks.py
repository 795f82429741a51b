"""The contract of check engines: they evaluate and count; the core decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Dimension = Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"]


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """What a check asserts.

    Attributes:
        id: Stable over runs; does not depend on thresholds. ``"arr_delay.in_range(-120,1500)"``.
        name: For people.
        kind: Engine-neutral name: ``not_null``, ``unique``, ``in_range``, ``regex``, ``in_set``, ``dtype``, ``column_exists``,
            ``row_count``, ``custom``, ...
        columns: Columns that it reads.
        row_scoped: True if single rows can fail it, so that they can be dropped or quarantined.
        dimension: Quality dimension as in the Open Data Contract Standard, or None.
        severity: ``"error"`` counts towards the decision; ``"warning"`` is only reported.
        expected: What is expected, for people.
    """

    id: str
    name: str
    kind: str = "custom"
    columns: tuple[str, ...] = ()
    row_scoped: bool = True
    dimension: Dimension | None = None
    severity: Literal["error", "warning"] = "error"
    expected: str = ""


@dataclass(slots=True)
class CheckOutcome:
    """What an engine found for one check, before thresholds.

    Attributes:
        check: The check.
        status: ``"evaluated"``; ``"error"`` if it could not be evaluated (blocks); ``"skipped"`` with a reason in ``message``.
        n_evaluated: Values or rows looked at.
        n_failed: How many of them failed; recorded also when it is 0.
        failed_rows: Ordinals (0-based, ascending) of all failing rows for a row-scoped check; may be a numpy array.
        n_keys: For uniqueness: number of keys that occur more than once.
        observed: For aggregate checks: what was found, as JSON-able value.
        message: Reason of an error or a skip.
        duration_ms: Wall time, milliseconds.
    """

    check: CheckInfo
    status: Literal["evaluated", "error", "skipped"]
    n_evaluated: int = 0
    n_failed: int = 0
    failed_rows: Sequence[int] | None = None
    n_keys: int | None = None
    observed: Any = None
    message: str = ""
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SuiteInfo:
    """What is known of a suite without data: its name and the checks that it will make."""

    name: str
    checks: tuple[CheckInfo, ...] = field(default=())


class CheckEngine:
    """Evaluates suites of one library. Subclass it and declare it with a :class:`CheckEngineSpec`."""

    name: ClassVar[str] = ""

    def describe(self, suite: Any) -> SuiteInfo:
        """Name and checks of the suite."""
        raise NotImplementedError(f"{type(self).__name__} does not implement describe()")

    def frames(self, suite: Any) -> tuple[str, ...]:
        """Type names of the frames that the suite can look at, the preferred one first."""
        raise NotImplementedError(f"{type(self).__name__} does not implement frames()")

    def evaluate(self, suite: Any, value: Any) -> list[CheckOutcome]:
        """Evaluate every check of the suite on ``value`` (of one of the types of :meth:`frames`).

        A check that cannot be evaluated is an outcome with status ``"error"``, not an exception; an exception is taken as
        one such outcome for the whole suite.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement evaluate()")

    def fingerprint(self, suite: Any) -> str:
        """What decides the outcomes, equal in every process: part of the gate's version and of cache keys.

        Default: what :meth:`describe` tells. An engine whose checks hold code or parameters that are not told there adds them.
        """
        return repr(self.describe(suite))

    def thresholds(self, suite: Any) -> Mapping[str, Any]:
        """Limits that the suite itself sets, as ``Gate(thresholds=...)`` takes them; those of the gate go before. Default: none.

        They are part of what is asserted: :meth:`fingerprint` is to tell them.
        """
        return {}

    def version(self) -> str:
        """Version of the library."""
        return ""
