"""Suites of acme-weather, and the engine that evaluates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from dovetail.spec import CheckEngine, CheckInfo, CheckOutcome, SuiteInfo


@dataclass(frozen=True)
class Plausible:
    """What a thermometer may show: every value lies between two bounds.

    Attributes:
        low: The lower bound, itself allowed.
        high: The upper bound, itself allowed.
        column: Where the values are.
    """

    low: float
    high: float
    column: str = "celsius"


class WeatherChecks(CheckEngine):
    """Evaluates :class:`Plausible` on Arrow tables, which everything becomes."""

    name: ClassVar[str] = "weather"

    def describe(self, suite: Plausible) -> SuiteInfo:
        """One check."""
        expected = f"`{suite.column}` lies in [{suite.low}, {suite.high}]"
        check = CheckInfo(
            id=f"{suite.column}.plausible",
            name=f"{suite.column} is plausible",
            kind="in_range",
            columns=(suite.column,),
            expected=expected,
        )
        return SuiteInfo("plausible", (check,))

    def frames(self, suite: Plausible) -> tuple[str, ...]:
        """Arrow tables."""
        return ("pyarrow.Table",)

    def evaluate(self, suite: Plausible, value: Any) -> list[CheckOutcome]:
        """Nulls and NaN are not looked at."""
        import pyarrow.compute as pc

        (check,) = self.describe(suite).checks
        if suite.column not in value.column_names:
            return [CheckOutcome(check, "error", message=f"there is no column {suite.column!r}")]
        try:
            column = pc.cast(value[suite.column], "float64")
            column = pc.if_else(pc.is_nan(column), None, column)
            good = pc.and_(pc.greater_equal(column, suite.low), pc.less_equal(column, suite.high))
        except Exception as error:  # a column of texts, for instance
            return [CheckOutcome(check, "error", message=f"{type(error).__name__}: {error}")]
        verdicts = good.to_pylist()
        failed = [row for row, verdict in enumerate(verdicts) if verdict is False]
        evaluated = sum(verdict is not None for verdict in verdicts)
        return [CheckOutcome(check, "evaluated", n_evaluated=evaluated, n_failed=len(failed), failed_rows=failed)]

    def fingerprint(self, suite: Plausible) -> str:
        """All that it was told."""
        return repr(suite)

    def version(self) -> str:
        """That of this distribution."""
        from importlib.metadata import version

        return version("acme-weather")
