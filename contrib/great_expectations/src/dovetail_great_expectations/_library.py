"""Great Expectations, imported when the first suite is looked at: without telemetry, progress bars or a context."""

from __future__ import annotations

import os
import threading
import warnings
from functools import cache
from importlib.metadata import version
from typing import Any

_lock = threading.Lock()


@cache
def library() -> Any:
    """The module ``great_expectations``. No context is made, so nothing is written and none of the user's is replaced."""
    with _lock:
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read while it is imported
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import great_expectations
            import great_expectations.expectations  # registers the expectations that it brings
    return great_expectations


@cache
def library_version() -> str:
    """Version of Great Expectations."""
    return version("great_expectations")


def validator_of(engine: Any, batch: Any) -> Any:
    """What validates expectations on one batch, without a data context and without a progress bar."""
    library()
    from great_expectations.validator.validator import Validator

    class QuietValidator(Validator):  # type: ignore[misc]
        def _determine_progress_bars(self) -> bool:
            return False

    return QuietValidator(execution_engine=engine, batches=[batch])
