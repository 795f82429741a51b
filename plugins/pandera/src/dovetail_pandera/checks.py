"""Pandera schemas as suites: what they assert, and how often it fails."""

from __future__ import annotations

import time
from functools import cache
from importlib.metadata import version
from typing import Any

from dovetail.spec import CheckEngine, CheckOutcome, SuiteInfo

from dovetail_pandera._evaluate import evaluate_step
from dovetail_pandera._frames import Frame
from dovetail_pandera._plan import plan, source_of
from dovetail_pandera._suites import Suite, load_suite


class PanderaEngine(CheckEngine):
    """Evaluates Pandera's ``DataFrameSchema`` objects and ``DataFrameModel`` classes, for polars and pandas.

    Checks run one by one through Pandera's own check backends, never through ``validate()``: the counts are exact, Pandera's
    switches ``PANDERA_VALIDATION_ENABLED`` and ``PANDERA_VALIDATION_DEPTH`` cannot turn a gate off, and data are not changed.
    """

    name = "pandera"

    def describe(self, suite: Any) -> SuiteInfo:
        """Name and checks of the schema; columns that are named by a pattern appear as that pattern.

        Raises:
            DefinitionError: The schema is of a kind that this version does not evaluate, or has no check.
        """
        loaded = load_suite(suite)
        return SuiteInfo(loaded.name, tuple(step.info for step in plan(loaded)))

    def frames(self, suite: Any) -> tuple[str, ...]:
        """The frame type that the schema is written for."""
        return (load_suite(suite).frame,)

    def fingerprint(self, suite: Any) -> str:
        """What is asserted, with the parameters and the code of custom checks."""
        loaded = load_suite(suite)
        return repr([(step.info, source_of(step)) for step in plan(loaded)])

    def evaluate(self, suite: Any, value: Any) -> list[CheckOutcome]:
        """Evaluate every check on a frame of the schema's type."""
        loaded = load_suite(suite)
        frame = _frame(loaded, value)
        outcomes = []
        for step in plan(loaded, frame):
            started = time.perf_counter()
            outcome = evaluate_step(step, frame)
            outcome.duration_ms = (time.perf_counter() - started) * 1000
            outcomes.append(outcome)
        return outcomes

    def version(self) -> str:
        """Version of Pandera."""
        return _version()


@cache
def _version() -> str:
    return version("pandera")


def _frame(suite: Suite, value: Any) -> Frame:
    if suite.frame == "polars.DataFrame":
        from dovetail_pandera._polars import PolarsFrame

        return PolarsFrame(value, suite.schema)
    from dovetail_pandera._pandas import PandasFrame

    return PandasFrame(value, suite.schema)
