"""Expectations on a pandas frame: all of them at once, as Great Expectations does, and each result read by itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from dovetail.errors import nearest
from dovetail.spec import CheckInfo, CheckOutcome

from dovetail_great_expectations._infos import columns_of
from dovetail_great_expectations._library import validator_of
from dovetail_great_expectations._suites import Suite, Wanted

_COMPLETE = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": False,
}


def evaluate_suite(suite: Suite, infos: Sequence[CheckInfo], value: pd.DataFrame) -> list[CheckOutcome]:
    """An outcome for each expectation, in their order, whatever the data are."""
    frame = _plain(value)
    started = time.perf_counter()
    results = _validate(suite, frame)
    took = (time.perf_counter() - started) * 1000 / len(infos)  # they share what they compute
    outcomes = []
    for position, (wanted, info) in enumerate(zip(suite.wanted, infos, strict=True)):
        outcome = _outcome(wanted, info, results.get(str(position)), frame)
        outcome.duration_ms = took
        outcomes.append(outcome)
    return outcomes


def _plain(value: pd.DataFrame) -> pd.DataFrame:
    """The frame as it is looked at: labels are ordinals, and NaN counts as null in columns that can hold both."""
    if not isinstance(value, pd.DataFrame):
        raise TypeError(f"expected a pandas.DataFrame, not {type(value).__name__}")
    frame = value.reset_index(drop=True)
    for position, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, np.dtype) or getattr(dtype, "kind", "") != "f":
            continue
        series = frame.iloc[:, position]
        nan = np.isnan(series.to_numpy(dtype=float, na_value=0.0))
        if nan.any():
            frame.isetitem(position, series.mask(nan).array)
    return frame


def _validate(suite: Suite, frame: pd.DataFrame) -> dict[str, Any]:
    """Results by position in the suite: Great Expectations gives them in an order of its own."""
    from great_expectations.core.batch import Batch
    from great_expectations.execution_engine import PandasExecutionEngine

    configurations = []
    for position, wanted in enumerate(suite.wanted):
        configuration = wanted.configuration
        configuration.id = str(position)
        configurations.append(configuration)
    validator = validator_of(PandasExecutionEngine(), Batch(data=frame))
    results = validator.graph_validate(configurations, {"result_format": _COMPLETE, "catch_exceptions": True})
    return {str(result.expectation_config.id): result for result in results}


def _outcome(wanted: Wanted, info: CheckInfo, result: Any, frame: pd.DataFrame) -> CheckOutcome:
    if result is None:
        return CheckOutcome(info, "error", message="Great Expectations gave no result")
    raised = _raised(result.exception_info)
    if raised is not None:
        missing = _missing(wanted, frame) if info.kind != "column_exists" else ""
        return CheckOutcome(info, "error", message=missing or raised)
    if inexact := _inexact(wanted, frame):
        return CheckOutcome(info, "error", message=inexact)
    found = result.result or {}
    if not info.row_scoped or (info.kind == "dtype" and "observed_value" in found):
        return _whole(info, result, found)
    if found.get("unexpected_count") is None or "unexpected_index_list" not in found:
        # Great Expectations calls that a success
        return CheckOutcome(info, "error", message="Great Expectations does not say which rows it looked at")
    return _rows(info, found, frame)


def _raised(told: Any) -> str | None:
    """What was raised, if anything: for an expectation, or for one of the metrics that it needs."""
    if not told:
        return None
    entries = [told] if "raised_exception" in told else list(told.values())
    for entry in entries:
        if entry.get("raised_exception"):
            lines = str(entry.get("exception_message") or "").strip().splitlines()
            return lines[0] if lines else "it raised an exception without a message"
    return None


def _missing(wanted: Wanted, frame: pd.DataFrame) -> str:
    """What to say where a column is not there, with the one that may be meant."""
    names = [str(name) for name in frame.columns]
    for column in columns_of(wanted.expectation):
        if column not in names:
            guess = nearest(column, names)
            return f"there is no column {column!r}" + (f"; did you mean {guess!r}?" if guess else "")
    return ""


def _inexact(wanted: Wanted, frame: pd.DataFrame) -> str:
    """What to say where a bound may not be the one that was written: Great Expectations makes a float of an int."""
    for name in ("min_value", "max_value"):
        bound = wanted.configuration.kwargs.get(name)
        if isinstance(bound, (int, float)) and _EXACT <= abs(bound) < float("inf"):
            for column in columns_of(wanted.expectation):
                if getattr(frame[column].dtype, "kind", "") in "iu":
                    return f"{name}={bound:.0f} is beyond 2**53, where Great Expectations cannot tell integers apart"
    return ""


_EXACT = 2**53


def _whole(info: CheckInfo, result: Any, found: dict[str, Any]) -> CheckOutcome:
    """An expectation about the whole table, or about the type of a column: it is met or it is not."""
    info = replace(info, row_scoped=False) if info.row_scoped else info
    observed = _json(found.get("observed_value"))
    if info.kind in _NEED_A_VALUE and (observed is None or observed != observed):
        return CheckOutcome(info, "error", message="there is no value")
    if type(result.success) is not bool and not isinstance(result.success, np.bool_):
        return CheckOutcome(info, "error", message=f"Great Expectations says success={result.success!r}")
    details = found.get("details")
    return CheckOutcome(
        info,
        "evaluated",
        n_evaluated=1,
        n_failed=int(not result.success),
        observed=observed,
        message="" if result.success or not details else str(_json(details)),
    )


_NEED_A_VALUE = ("mean", "quantile", "stddev", "sum")


def _rows(info: CheckInfo, found: dict[str, Any], frame: pd.DataFrame) -> CheckOutcome:
    """An expectation about every row, counted by what it names, never by what it says of its success."""
    evaluated = int(found["element_count"]) - int(found.get("missing_count") or 0)
    named = found["unexpected_index_list"]
    rows: Any = np.unique(np.asarray(named if named is not None else [], dtype=np.int64))
    told = int(found["unexpected_count"])
    if len(rows) != told:
        text = f"Great Expectations counts {told:,} unexpected values and names {len(rows):,} rows"
        return CheckOutcome(info, "error", message=text)
    keys = None
    if info.kind == "unique":
        keys = len(frame.loc[rows, list(info.columns)].drop_duplicates()) if len(rows) else 0
    return CheckOutcome(info, "evaluated", n_evaluated=evaluated, n_failed=len(rows), failed_rows=rows, n_keys=keys)


def _json(value: Any) -> Any:
    """NumPy's scalars as Python's; the rest as it is."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_json(item) for item in value]
    return value
