"""Gates as TOML files, and suites proposed from data."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import DataError, DefinitionError, UsageError
from dovetail.quality import Gate, propose, read_gate, write_document
from dovetail.quality._document import CHECKS, gate_from_document
from hypothesis import given, settings
from hypothesis import strategies as st

ARGUMENTS: dict[str, dict[str, Any]] = {
    "not_null": {"column": "a"},
    "unique": {"columns": ["a", "b"], "nulls": "fail"},
    "in_range": {"column": "d", "minimum": dt.date(2026, 1, 1)},
    "in_set": {"column": "a", "values": [1, 2]},
    "matches": {"column": "t", "pattern": r'[a-z]+\d"'},
    "length": {"column": "t", "minimum": 1, "maximum": 9},
    "compare": {"left": "a", "op": "<=", "right": "b"},
    "expression": {"text": "a + b > 0 and t != 'x'"},
    "monotonic": {"column": "a", "strict": True},
    "row_count": {"minimum": 1},
    "columns_present": {"columns": ["a"], "exact": True},
    "has_type": {"column": "a", "kind": "int64"},
    "mean_between": {"column": "a", "minimum": 0, "maximum": 1.5},
    "stddev_between": {"column": "a", "minimum": 0, "maximum": 1},
    "quantile_between": {"column": "a", "quantile": 0.5, "minimum": 0, "maximum": 1},
    "sum_equals": {"column": "a", "expected": "b", "tolerance": 0.5},
    "fresh": {"column": "d", "within": "1d"},
    "foreign_key": {"columns": ["a"], "reference": "b.parquet", "reference_columns": ["c"]},
    "reconciles": {"column": "a", "reference": "b.csv", "reference_column": "c", "tolerance": 0.5},
    "same_row_count": {"reference": "shop/orders"},
}


def test_every_check_but_own_functions_can_stand_in_a_file() -> None:
    assert set(ARGUMENTS) == set(CHECKS)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_a_check_of_a_file_is_what_its_function_makes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(write_document("s", [{"check": name, **ARGUMENTS[name]}], {"on_fail": "warn"}, "two\nlines"))
    given = dict(ARGUMENTS[name])
    columns = given.pop("columns", [])
    gate = read_gate(path)
    assert gate.suite.checks == (CHECKS[name](*columns, **given),)
    assert (gate.name, gate.policy.on_fail) == ("s", "warn")


def test_options_come_from_the_file_and_what_is_given_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "orders.toml"
    policy = '[gate]\nfail = "1%"\non_fail = "drop"\n[gate.thresholds]\n"a.*" = {warn = 1}\n'
    path.write_text(policy + '[[checks]]\ncheck = "not_null"\ncolumn = "a"\n')
    gate = read_gate(path, on_fail="block")
    assert (gate.name, gate.policy.on_fail, gate.policy.thresholds.fail.value) == ("orders", "block", 0.01)
    assert gate.policy.thresholds_of("a.not_null").warn.value == 1
    assert gate.with_options(fail=3).policy.to_dict() == {**gate.policy.to_dict(), "fail": 3}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("checks = 3", "has no checks"),
        ("", "has no checks"),
        ("[[checks]]\ncolumn = 'a'", "its name under 'check'"),
        ("[[checks]]\ncheck = 'not_nul'\ncolumn = 'a'", "did you mean 'not_null'"),
        ("[[checks]]\ncheck = 'custom'\ncolumn = 'a'", "no check 'custom'"),
        ("[[checks]]\ncheck = 'not_null'\ncolum = 'a'", "did you mean 'column'"),
        ("[[checks]]\ncheck = 'not_null'", "cannot be made"),
        ("[[checks]]\ncheck = 'in_range'\ncolumn = 'a'", "has no bound"),
        ("[[checks]]\ncheck = 'unique'\ncolumns = 3", "list of names"),
        ("[[checks]]\ncheck = 'expression'\ntext = '__import__(1)'", "no function __import__"),
        ("names = 'x'\n[[checks]]\ncheck = 'row_count'", "did you mean 'name'"),
        ("name = 3\n[[checks]]\ncheck = 'row_count'", "name is a text"),
        ("[gate]\non_fial = 'drop'\n[[checks]]\ncheck = 'row_count'", "did you mean 'on_fail'"),
        ("[gate]\non_fail = 'stop'\n[[checks]]\ncheck = 'row_count'", "is not an action"),
        ("gate = 1\n[[checks]]\ncheck = 'row_count'", "gate is a table"),
    ],
)
def test_what_makes_no_gate_is_refused_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as refused:
        read_gate(path)
    assert told in str(refused.value)
    assert "s.toml" in str(refused.value.who)


def test_what_is_no_file_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="check init"):
        read_gate(tmp_path / "none.toml")
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbf[[checks]]\r\ncheck = 'not_null'\r\ncolumn = 'a'\r\n")
    assert len(read_gate(tmp_path / "s.toml").suite.checks) == 1  # as Windows writes it
    (tmp_path / "s.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read as TOML"):
        read_gate(tmp_path / "s.toml")


COLUMNS = st.sampled_from(
    [
        (pa.int64(), st.integers(-(2**62), 2**62)),
        (pa.int8(), st.integers(0, 1)),
        (pa.uint64(), st.integers(0, 2**64 - 1)),
        (pa.float64(), st.floats()),
        (pa.string(), st.text(max_size=3)),
        (pa.bool_(), st.booleans()),
        (pa.date32(), st.dates()),
        (pa.list_(pa.int64()), st.lists(st.integers(0, 3), max_size=2)),
        (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b"])),
        (pa.null(), st.none()),
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 40))
    columns = {}
    for number in range(draw(st.integers(1, 4))):
        kind, values = draw(COLUMNS)
        nullable = st.none() | values if draw(st.booleans()) else values
        columns[f"c {number}"] = pa.array(
            draw(st.lists(nullable, min_size=rows, max_size=rows)), kind, from_pandas=False
        )
    return pa.table(columns)


@given(tables())
@settings(max_examples=200)
def test_data_pass_the_suite_that_was_proposed_from_them(table: pa.Table) -> None:
    import tomllib

    document = tomllib.loads(write_document("s", propose(table), {}))
    gate = gate_from_document(document, "here", "s")
    from dovetail.types import current_types

    report = gate.evaluate(table, types=current_types()).report
    assert report.decision == "publish", [(c.name, c.status, c.message) for c in report.checks if c.status != "pass"]


def test_sets_keys_and_ranges_are_seen() -> None:
    table = pa.table(
        {"id": range(100), "kind": ["a", "b"] * 50, "price": [1.234 * n for n in range(100)], "flag": [0, 1] * 50}
    )
    found = {
        (entry["check"], entry.get("column") or tuple(entry.get("columns", ()))): entry for entry in propose(table)
    }
    assert ("unique", ("id",)) in found
    assert found["in_set", "kind"]["values"] == ["a", "b"]
    assert found["in_set", "flag"]["values"] == [0, 1]
    assert (found["in_range", "price"]["minimum"], found["in_range", "price"]["maximum"]) == (0.0, 130.0)
    assert found["row_count", ()]["minimum"] == 50


@pytest.mark.parametrize("table", [pa.table({"a": pa.array([], pa.int64())}), pa.table({})])
def test_nothing_is_learnt_from_nothing(table: pa.Table) -> None:
    with pytest.raises(DataError, match="nothing can be learnt"):
        propose(table)


def test_a_misspelt_option_of_a_gate_is_named() -> None:
    with pytest.raises(DefinitionError, match="did you mean 'on_fail'"):
        Gate([CHECKS["row_count"](1)]).with_options(on_fial="drop")
