"""What is written is what is read: documents, checks, and the limits of gates."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from dovetail.quality import Check, Gate, Suite
from dovetail.quality.checks import (
    columns_present,
    compare,
    custom,
    expression,
    fresh,
    has_type,
    in_range,
    in_set,
    length,
    matches,
    mean_between,
    monotonic,
    not_null,
    quantile_between,
    row_count,
    sum_equals,
    unique,
)
from dovetail_contracts import parse_contract, write_contract
from dovetail_contracts._yaml import dump, parse
from hypothesis import given, settings
from hypothesis import strategies as st

names = st.sampled_from(["a", "b", "arr delay", "ä", "no", "1", "null", 'qu"ote', "it's", "a.b", "#x", "- y"])
numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
severities = st.sampled_from(["error", "warning"])
nulls = st.sampled_from(["ignore", "fail"])
inclusive = st.sampled_from(["both", "left", "right", "neither"])
UTC = st.just(dt.UTC)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
documents = st.dictionaries(
    words,
    st.recursive(
        scalars, lambda each: st.lists(each, max_size=3) | st.dictionaries(words, each, max_size=3), max_leaves=8
    ),
    max_size=4,
)


def ordered(low: Any, high: Any) -> tuple[Any, Any]:
    return (low, high) if low <= high else (high, low)


@st.composite
def ranges(draw: st.DrawFn) -> Check:
    column, options = draw(names), {"nulls": draw(nulls), "severity": draw(severities), "inclusive": draw(inclusive)}
    moments = [
        each.map(lambda moment: moment.replace(fold=0)) for each in (st.datetimes(), st.datetimes(timezones=UTC))
    ]
    pick = draw(st.sampled_from([numbers, st.dates(), *moments]))
    low, high = ordered(draw(pick), draw(pick))
    open_side = draw(st.sampled_from(["", "low", "high"]))
    bounds = (None if open_side == "low" else low, None if open_side == "high" else high)
    return in_range(column, *bounds, **options)  # type: ignore[arg-type]


TYPES = [
    "int8",
    "int64",
    "uint16",
    "double",
    "float",
    "string",
    "bool",
    "date32[day]",
    "timestamp[us]",
    "timestamp[us, tz=UTC]",
]
kinds = st.sampled_from([*TYPES, "decimal128(10, 2)", "list<item: int64>", int, str, dt.datetime])
counts = st.integers(0, 10**9)
members = words | st.integers() | st.dates()
checks = st.one_of(
    st.builds(not_null, names, severity=severities),
    st.builds(unique, names, nulls=nulls, severity=severities),
    st.lists(names, min_size=2, max_size=3, unique=True).map(lambda found: unique(*found)),
    ranges(),
    st.builds(
        in_set,
        names,
        st.lists(words | st.integers() | st.dates(), min_size=1, max_size=4),
        nulls=nulls,
        severity=severities,
    ),
    st.builds(
        matches, names, st.sampled_from(["[a-z]+", "a|b", "^a$", ")", "(a)(b)", "(?:a)|(?:b)", "[)]", "\\d{3}", ""])
    ),
    st.builds(lambda c, a, b, n: length(c, *ordered(a, b), nulls=n), names, counts, counts, nulls),
    st.builds(lambda c, a: length(c, a), names, counts),
    st.builds(has_type, names, kinds, severity=severities),
    st.builds(lambda a, b: row_count(*ordered(a, b)), counts, counts),
    st.builds(row_count, counts, severity=severities),
    st.builds(compare, names, st.sampled_from(["<", "<=", "==", "!="]), names),
    st.builds(monotonic, names, strict=st.booleans(), descending=st.booleans()),
    st.builds(fresh, names, st.sampled_from(["90m", "1d", 60, 0.5])),
    st.builds(lambda c, a, b: mean_between(c, *ordered(a, b)), names, st.integers(-9, 9), st.integers(-9, 9)),
    st.builds(lambda c: quantile_between(c, 0.5, 0, 1), names),
    st.builds(lambda c, t: sum_equals(c, 5, tolerance=t), names, st.sampled_from([0.0, 0.5])),
    st.builds(lambda n: expression("a > 1 or b in ('x', 'y')", nulls=n), nulls),
    st.builds(lambda c: columns_present(c, exact=True), names),
)


def shown(check: Check) -> str:
    """A check as text that tells it from every other one."""
    params = {key: value for key, value in check.params.items() if key != "declared"}
    return repr((check.info, sorted(params.items()), check.nulls))


@settings(max_examples=150)
@given(st.lists(checks, min_size=1, max_size=6))
def test_checks_that_are_written_are_read_again(given_checks: list[Check]) -> None:
    wanted = {shown(check) for check in given_checks}
    written = write_contract(Suite("s", list({shown(check): check for check in given_checks}.values())))
    assert not written.texts
    suite = parse_contract(written.text).suite()
    found = [step for step in suite.steps if step.info.kind != "logical_type"]
    columns = dict.fromkeys(column for check in given_checks for column in check.info.columns)
    if columns:
        wanted.add(shown(columns_present(*suite.steps[0].info.columns)))
        assert set(suite.steps[0].info.columns) == set(columns)
    assert {shown(step.check) for step in found} == wanted
    assert not any(step.limit or step.demands or step.unsupported for step in found)


@settings(max_examples=50)
@given(st.lists(checks, min_size=1, max_size=6))
def test_writing_again_what_was_read_writes_the_same(given_checks: list[Check]) -> None:
    first = write_contract(Suite("s", list({shown(check): check for check in given_checks}.values()))).text
    read = [step.check for step in parse_contract(first).suite().steps if step.check is not None]
    assert parse_contract(write_contract(read, "s").text).document == parse_contract(first).document


@settings(max_examples=150)
@given(documents)
def test_documents_are_read_as_they_were_written(document: dict[str, Any]) -> None:
    assert parse(dump(document), "x").value == document


@given(st.integers(1, 10**6) | st.sampled_from([0.5, 0.01, 0.001, 0.29, 1.0, 0.123456]))
def test_the_limits_of_a_gate_are_written_with_its_checks(limit: float) -> None:
    given_checks = [not_null("a"), unique("b"), in_set("c", ["x"]), matches("d", "x+"), in_range("e", 0, 1)]
    gate = Gate(Suite("s", given_checks), fail=limit)
    suite = parse_contract(write_contract(gate).text).suite()
    limits = {step.info.id: step.limit for step in suite.steps if step.check is not None and step.info.row_scoped}
    assert limits == {check.info.id: limit for check in given_checks}


def test_a_function_becomes_a_text_that_blocks() -> None:
    written = write_contract([custom(lambda table: table["a"], "a", name="odd")], "s")
    assert written.texts == ["a.custom(odd)"]
    assert [step.unsupported for step in parse_contract(written.text).suite().steps if step.unsupported]


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "yes",
        "on",
        "1e3",
        "0o17",
        "0x1F",
        "1_000",
        "12:30",
        "2026-01-31",
        ".5",
        "=",
        "<<",
        "~",
        "",
        " a",
        "a: b",
        "!x",
    ],
)
def test_texts_stay_texts(text: str) -> None:
    assert parse(dump({"a": text}), "x").value == {"a": text}


def test_countries_and_dates_are_texts() -> None:
    read = parse("a: NO\nb: 2026-01-31\nc: yes\nd: true\ne: 1e3\nf: 0x10\ng: ~\nh: '1'", "x").value
    assert read == {"a": "NO", "b": "2026-01-31", "c": "yes", "d": True, "e": 1000.0, "f": 16, "g": None, "h": "1"}
