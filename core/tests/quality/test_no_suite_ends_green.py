"""Wrong, foreign and hostile suites: a table of them, and not one ends green.

What cannot be a gate is refused when it is written; what cannot be evaluated blocks, even where the gate only warns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError, TaskTimeout
from dovetail.quality import Gate, checks
from dovetail.quality.checks import custom, expression, in_range, matches, not_null, row_count
from dovetail.types import current_types

ROWS = 6
TABLE = pa.table(
    {
        "n": pa.array(range(ROWS), pa.int64()),
        "f": pa.array([0.5] * ROWS),
        "t": pa.array(["a", "b", "c", "d", "e", "f"]),
        "b": pa.array([True, False] * 3),
        "day": pa.array(range(ROWS), pa.date32()),
        "at": pa.array(range(ROWS), pa.timestamp("us", "UTC")),
        "raw": pa.array([b"a"] * ROWS),
        "list": pa.array([[1]] * ROWS),
        "record": pa.array([{"x": 1}] * ROWS),
        "money": pa.array([Decimal("1.50")] * ROWS),
    }
)
DOUBLED = pa.table([[1, 2], [3, 4]], names=["n", "n"])

ON_ONE_COLUMN: dict[str, Callable[[str], Any]] = {
    "not_null": not_null,
    "unique": checks.unique,
    "in_range": lambda c: in_range(c, 0, 1),
    "in_set": lambda c: checks.in_set(c, [1]),
    "matches": lambda c: matches(c, "a"),
    "length": lambda c: checks.length(c, 1),
    "compare": lambda c: checks.compare(c, "<=", "f"),
    "compare_right": lambda c: checks.compare("f", "<=", c),
    "expression": lambda c: expression(f"col('{c}') > 0"),
    "monotonic": checks.monotonic,
    "custom": lambda c: custom(lambda table: [True] * table.num_rows, c),
    "custom_whole": lambda c: custom(lambda table: True, c, row_scoped=False),
    "has_type": lambda c: checks.has_type(c, "int64"),
    "mean": lambda c: checks.mean_between(c, 0, 9),
    "stddev": lambda c: checks.stddev_between(c, 0, 9),
    "quantile": lambda c: checks.quantile_between(c, 0.5, 0, 9),
    "sum": lambda c: checks.sum_equals(c, 0),
    "sum_of_other": lambda c: checks.sum_equals("f", c),
    "fresh": lambda c: checks.fresh(c, "1d"),
    "foreign_key": lambda c: checks.foreign_key(c, TABLE, "n"),
    "reconciles": lambda c: checks.reconciles(c, TABLE, "n"),
    "columns_present": lambda c: checks.columns_present("n", c),
}
MISSING = ("m", "N", "n ", "n\x00", "col.n", "*", "ñ")

OF_WRONG_TYPES: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "in_range of numbers": (lambda c: in_range(c, 0, 1), ("t", "day", "at", "raw", "list", "record")),
    "in_range of text": (lambda c: in_range(c, "a", "b"), ("n", "f", "b", "list", "record", "money")),
    "in_set of text": (lambda c: checks.in_set(c, ["x"]), ("n", "f", "b", "day", "list", "record", "money")),
    "matches": (lambda c: matches(c, "a"), ("n", "f", "b", "day", "at", "list", "record", "money")),
    "length": (lambda c: checks.length(c, 1), ("n", "f", "b", "day", "at", "record", "money")),
    "compare with text": (lambda c: checks.compare(c, "<=", "t"), ("n", "f", "b", "list", "record", "money")),
    "mean": (lambda c: checks.mean_between(c, 0, 9), ("t", "raw", "list", "record", "at")),
    "stddev": (lambda c: checks.stddev_between(c, 0, 9), ("t", "raw", "list", "record", "day")),
    "quantile": (lambda c: checks.quantile_between(c, 0.5, 0, 9), ("t", "raw", "list", "record")),
    "sum": (lambda c: checks.sum_equals(c, 0), ("t", "raw", "list", "record", "at")),
    "fresh": (lambda c: checks.fresh(c, "1d"), ("n", "f", "t", "b", "raw", "list", "record", "money")),
    "monotonic": (checks.monotonic, ("list", "record")),
    "expression with text": (lambda c: expression(f"{c} > 'a'"), ("n", "f", "list", "record", "money")),
    "expression with numbers": (lambda c: expression(f"{c} + 1 > 0"), ("t", "b", "raw", "list", "record")),
    "foreign_key of numbers": (
        lambda c: checks.foreign_key(c, TABLE, "n"),
        ("f", "t", "b", "day", "at", "raw", "list"),
    ),
    "reconciles": (lambda c: checks.reconciles(c, TABLE, "n"), ("t", "raw", "list", "record", "at")),
}

PATTERNS = [
    "(",
    ")",
    "[",
    "*",
    "+a",
    "a**",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(a)\\1",
    "(?P=x)",
    "(?R)",
    "[b-a]",
    "\\",
    "a{1001}",
    "(?>a)",
    "a++",
    "\\Z",
    "(?(1)a|b)",
]
PATTERNS += ["[[:wrong:]]", "\\p{Nothing}", "(?i"]


def _raising(error: BaseException) -> Callable[[Any], Any]:
    def check(table: Any) -> Any:
        raise error

    return check


class _Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even that")


RAISED: list[BaseException] = [
    ZeroDivisionError("division"),
    RecursionError("deep"),
    MemoryError(),
    TimeoutError("late"),
    TaskTimeout("late"),
    SystemExit(0),
    StopIteration(),
    GeneratorExit(),
    AssertionError(),
    pa.ArrowInvalid("kernel"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    _Unspeakable(),
    BaseException("base"),
    OSError(28, "no space"),
    KeyError("n"),
    NotImplementedError(),
]
NONSENSE: dict[str, Any] = {
    "nothing": None,
    "text": "yes",
    "a number": 1,
    "an object": object(),
    "no values": [],
    "too few": [True] * (ROWS - 1),
    "too many": [True] * (ROWS + 1),
    "numbers": [1] * ROWS,
    "floats": [1.0] * ROWS,
    "texts": ["True"] * ROWS,
    "lists": [[True]] * ROWS,
    "mixed": [True, "x", 1, None, [], {}],
    "a dictionary": {"n": True},
    "a class": list,
    "nulls": [None] * ROWS,
    "a table": TABLE,
    "a short array": pa.array([True]),
    "an array of numbers": pa.array([1] * ROWS),
    "a scalar": pa.scalar(True),
}


def native_cases() -> Iterator[tuple[str, Callable[[], Any], pa.Table]]:
    """Suites that can be written and cannot be evaluated: what each is, what makes it, what it looks at."""
    for name, make in ON_ONE_COLUMN.items():
        for column in MISSING if name == "not_null" else MISSING[:3]:
            yield f"{name} of the missing column {column!r}", lambda make=make, column=column: make(column), TABLE
        if name != "columns_present":
            yield f"{name} of a column that is there twice", lambda make=make: make("n"), DOUBLED
    for name, (make, columns) in OF_WRONG_TYPES.items():
        for column in columns:
            yield f"{name} of {column}", lambda make=make, column=column: make(column), TABLE
    for pattern in PATTERNS:
        yield f"the pattern {pattern!r}", lambda pattern=pattern: matches("t", pattern), TABLE
    for error in RAISED:
        yield f"a function that raises {type(error).__name__}", lambda e=error: custom(_raising(e), "n"), TABLE
    for error in RAISED[:3]:
        made = f"a function for the whole that raises {type(error).__name__}"
        yield made, lambda e=error: custom(_raising(e), "n", row_scoped=False), TABLE
    for what, said in NONSENSE.items():
        yield f"a function that returns {what}", lambda said=said: custom(lambda table: said, "n"), TABLE
        if said is not True:
            whole = f"a function for the whole that returns {what}"
            yield whole, lambda said=said: custom(lambda table: said, "n", row_scoped=False), TABLE
    yield "a huge least number of rows", lambda: row_count(10**30), TABLE
    yield "an empty table", lambda: not_null("n"), TABLE.slice(0, 0)


NATIVE = list(native_cases())


def test_there_are_enough_of_them_and_no_two_are_the_same() -> None:
    names = [name for name, *_ in NATIVE]
    assert len(names) == len(set(names))
    assert len(names) >= 200


@pytest.mark.parametrize(("name", "make", "table"), NATIVE, ids=[name for name, *_ in NATIVE])
def test_what_cannot_be_evaluated_blocks(name: str, make: Callable[[], Any], table: pa.Table) -> None:
    try:
        gate = Gate(make(), on_fail="warn", max_quarantined="100%")
    except DefinitionError:
        return
    report = gate.evaluate(table, types=current_types()).report
    assert report.decision != "publish", "green"
    fails = (
        name.startswith(("columns_present", "has_type of", "a huge", "an empty"))
        or name == "a function that returns nulls"
    )
    assert report.decision == "block" or fails, report.to_dict()
    assert all(check.message for check in report.checks if check.status == "error")


def test_a_frame_engine_that_leaves_a_native_check_out_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from dovetail.quality.checks.engines import NativeEngine

    whole = NativeEngine.evaluate
    monkeypatch.setattr(NativeEngine, "evaluate", lambda self, suite, value: whole(self, suite, value)[1:])
    # Where polars is loaded already, it would look at the table.
    monkeypatch.setattr("dovetail.quality._in_memory.find_frame_spec", lambda *_: None)
    report = Gate([not_null("n"), not_null("t")], on_fail="warn").evaluate(TABLE, types=current_types()).report
    assert (report.decision, report.checks[-2].message) == ("block", "the engine left it out")
