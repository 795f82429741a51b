"""Great Expectations suites: what they assert, and how often it fails. The library is imported with the first suite."""

from __future__ import annotations

from typing import Any

from dovetail.spec import CheckEngine, CheckOutcome, SuiteInfo

from dovetail_great_expectations._infos import infos, limits, source_of
from dovetail_great_expectations._library import library_version
from dovetail_great_expectations._suites import load_suite


class GreatExpectationsEngine(CheckEngine):
    """Evaluates suites of Great Expectations 1.x on pandas frames.

    Every expectation is an outcome, with all failing rows. No data context is made: nothing is written, nothing is sent, and a
    context of the user's stays the current one.
    """

    name = "great_expectations"

    def describe(self, suite: Any) -> SuiteInfo:
        """Name and checks of the suite.

        Raises:
            DefinitionError: It is of another kind, expects nothing, or holds what cannot be read.
        """
        loaded = load_suite(suite)
        return SuiteInfo(loaded.name, tuple(infos(loaded)))

    def frames(self, suite: Any) -> tuple[str, ...]:
        """The frame that suites look at."""
        return ("pandas.DataFrame",)

    def fingerprint(self, suite: Any) -> str:
        """What is asserted, with all parameters, and the code of expectations of the user's own."""
        loaded = load_suite(suite)
        told = [source_of(each) for each in loaded.wanted]
        return repr([(info, source) for info, source in zip(infos(loaded), told, strict=True)])

    def thresholds(self, suite: Any) -> dict[str, float]:
        """``mostly`` as the limit from which on an expectation fails."""
        return limits(load_suite(suite))

    def evaluate(self, suite: Any, value: Any) -> list[CheckOutcome]:
        """Evaluate every expectation on a ``pandas.DataFrame``."""
        from dovetail_great_expectations._evaluate import evaluate_suite

        loaded = load_suite(suite)
        return evaluate_suite(loaded, infos(loaded), value)

    def version(self) -> str:
        """Version of Great Expectations."""
        return library_version()
