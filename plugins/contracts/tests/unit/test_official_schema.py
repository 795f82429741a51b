"""What is written is a contract by the standard's own JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from dovetail.quality import Gate, Suite, propose
from dovetail.quality.checks import (
    has_type,
    in_range,
    in_set,
    length,
    matches,
    mean_between,
    not_null,
    row_count,
    unique,
)
from dovetail_contracts import parse_contract, propose_contract, write_contract

FILE = Path(__file__).parents[1] / "odcs" / "odcs-3.1.0.schema.json"


@pytest.fixture(scope="module")
def official() -> Any:
    schema = json.loads(FILE.read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


CHECKS = [
    has_type("id", "int32"),
    unique("id"),
    not_null("id"),
    has_type("carrier", "string"),
    matches("carrier", "[A-Z]{2}"),
    length("carrier", 2, 2),
    in_set("carrier", ["AA", "UA", 3]),
    has_type("delay", "double"),
    in_range("delay", -120, 1500.5, inclusive="left"),
    in_range("delay", 0, severity="warning"),
    mean_between("delay", 0, 60),
    unique("id", "carrier"),
    row_count(1, 9),
]


@pytest.mark.parametrize("fail", [0, 5, "1%"])
def test_what_is_exported_is_valid(official: Any, fail: Any) -> None:
    written = write_contract(Gate(Suite("flights", CHECKS), fail=fail))
    assert [error.message for error in official.iter_errors(parse_contract(written.text).document)] == []


def test_what_is_proposed_is_valid(official: Any) -> None:
    import pyarrow as pa

    table = pa.table({"n": range(40), "s": ["a", "b"] * 20, "f": [0.5] * 40, "l": [[1]] * 40, "t": [None] * 40})
    written = propose_contract(propose(table), "t")
    assert [error.message for error in official.iter_errors(parse_contract(written.text).document)] == []


def test_the_schema_finds_what_is_wrong(official: Any) -> None:
    wrong = {**parse_contract(write_contract(CHECKS).text).document, "surprise": 1}
    assert list(official.iter_errors(wrong))
