"""A suite may say itself what share may fail; what a gate says of that check is stronger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from dovetail.quality import Gate
from dovetail.spec import CheckOutcome
from dovetail.types import current_types

TABLE = pa.table({"a": range(10)})


@pytest.mark.parametrize(
    ("options", "status", "fail"),
    [
        ({}, "warn", "20%"),
        ({"fail": 0}, "warn", "20%"),  # of all checks: the suite knows this one better
        ({"thresholds": {"a.*": 1}}, "fail", 1),
        ({"thresholds": {"b.*": 1}}, "warn", "20%"),
        ({"warn": 2}, "pass", "20%"),
    ],
)
def test_the_share_is_the_fail_limit(
    scripted: Any, outcome: Callable[..., CheckOutcome], options: dict[str, Any], status: str, fail: object
) -> None:
    suite = scripted([outcome([1, 2], tolerated=0.2)])
    check = Gate(suite, **options).evaluate(TABLE, types=current_types()).report.checks[0]
    assert check.status == status
    assert check.thresholds["fail"] == fail


def test_more_than_the_share_fails(scripted: Any, outcome: Callable[..., CheckOutcome]) -> None:
    suite = scripted([outcome([1, 2, 3], tolerated=0.2)])
    assert Gate(suite).evaluate(TABLE, types=current_types()).report.decision == "block"
