"""What the plugin costs over Great Expectations alone: the same suite on the same frame, CPU seconds, the best of some turns.

    python contrib/great_expectations/benchmarks/overhead.py [--rows 1000000] [--turns 7]

Run it where the plugin and its engine are installed. The exit code is 1 if the plugin takes more than 5 % longer.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from dovetail.quality import Gate
from dovetail.types import current_types
from dovetail_great_expectations.checks import GreatExpectationsEngine

ALLOWED = 1.05


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="What the plugin costs over Great Expectations alone.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    frame, suite = rows(options.rows), expectations()
    gate = Gate(suite, on_fail="quarantine", max_quarantined="50%")
    candidates: dict[str, Callable[[], object]] = {
        "great_expectations": alone(frame, suite),
        "plugin": lambda: GreatExpectationsEngine().evaluate(suite, frame),
        "gate, with quarantine": lambda: gate.evaluate(frame, types=current_types()),
    }
    best = {name: float("inf") for name in candidates}
    for _ in range(options.turns + 1):  # in turns, so that the machine is the same for all; the first warms up
        for name, work in candidates.items():
            started = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - started)
    floor = best["great_expectations"]
    for name, seconds in best.items():
        print(f"{name:24} {seconds:7.3f} s  {seconds / floor:5.2f} x")
    return int(best["plugin"] > ALLOWED * floor)


def rows(count: int) -> pd.DataFrame:
    """A frame in which one of a thousand rows fails each check."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": np.arange(count),
            "x": random.random(count),
            "group": random.choice(["a", "b", "c"], count),
            "y": random.random(count) + 1,
        }
    )
    bad = np.arange(0, count - 3, 1000)
    frame.loc[bad, "x"] = 9.0
    frame.loc[bad + 1, "group"] = "zz"
    frame.loc[bad + 2, "y"] = np.nan
    frame.loc[bad + 3, "id"] = 5
    return frame


def expectations() -> Any:
    """Eight expectations of all kinds."""
    import great_expectations as gx
    import great_expectations.expectations as gxe

    return gx.ExpectationSuite(
        name="overhead",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="y"),
            gxe.ExpectColumnValuesToBeUnique(column="id"),
            gxe.ExpectColumnValuesToBeBetween(column="x", min_value=0, max_value=1),
            gxe.ExpectColumnValuesToMatchRegex(column="group", regex="^[a-c]$"),
            gxe.ExpectColumnValuesToBeInSet(column="group", value_set=["a", "b", "c"]),
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="y", column_B="x"),
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
            gxe.ExpectColumnMeanToBeBetween(column="x", min_value=0, max_value=1),
        ],
    )


def alone(frame: pd.DataFrame, suite: Any) -> Callable[[], object]:
    """Great Expectations as its documentation uses it, with all failing rows asked for and without a progress bar."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("frame")
    definition = asset.add_batch_definition_whole_dataframe("whole")

    def work() -> object:
        batch = definition.get_batch({"dataframe": frame})
        wanted = {"result_format": "COMPLETE", "return_unexpected_index_query": False}
        return batch.validate(suite, result_format=wanted)

    return work


if __name__ == "__main__":
    sys.exit(main())
