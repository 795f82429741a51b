"""Wrong and foreign suites: what is no gate is refused when it is written, and what an engine of a plugin makes up blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError, TaskTimeout, UsageError
from dovetail.quality import Gate, Suite, checks, read_gate
from dovetail.quality.checks import custom, expression, in_range, matches, not_null
from dovetail.spec import CheckInfo, CheckOutcome
from dovetail.types import current_types

ROWS = 6
TABLE = pa.table({"n": range(ROWS), "t": list("abcdef")})


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
    GeneratorExit(),
    pa.ArrowInvalid("kernel"),
    _Unspeakable(),
    BaseException("base"),
]
BAD_OPTIONS: list[dict[str, Any]] = [
    *(
        {option: value}
        for option in ("warn", "fail", "max_quarantined")
        for value in (float("nan"), -1, "all", 1.5, True, None)
    ),
    *({"fail": value} for value in ("101%", "-1%", "1e3%", "%", "", [], float("inf"))),
    *({"min_rows": value} for value in (-1, True, 1.5, "1", None, float("nan"))),
    *({"on_fail": value} for value in ("pass", "", None, "WARN", "ignore")),
    *({"downstream": value} for value in ("go", None, "Skip", True)),
    *({"thresholds": {"n.*": value}} for value in (float("nan"), {"fial": 1}, {"fail": "x"}, None)),
    *({"stable": {"n.*": value}} for value in (float("nan"), -1, "x")),
]
NO_SUITES: list[Any] = [
    None,
    [],
    (),
    "n is not null",
    3,
    {},
    b"",
    [1],
    [None],
    ["not_null"],
    [not_null("n"), 1],
    object(),
    int,
]
NO_CHECKS: list[Callable[[], Any]] = [
    lambda: Suite("s", []),
    lambda: [not_null("n"), not_null("n")],
    lambda: not_null(""),
    lambda: not_null(None),  # type: ignore[arg-type]
    lambda: checks.unique(),
    lambda: in_range("n"),
    lambda: in_range("n", 2, 1),
    lambda: checks.in_set("n", []),
    lambda: checks.in_set("n", "abc"),
    lambda: checks.length("t", -1),
    lambda: checks.length("t", 3, 2),
    lambda: checks.compare("n", "=<", "f"),  # type: ignore[arg-type]
    lambda: checks.columns_present(),
    lambda: checks.has_type("n", "no such type"),
    lambda: checks.mean_between("n", float("nan"), 1),
    lambda: checks.mean_between("n", 2, 1),
    lambda: checks.quantile_between("n", 1.5, 0, 1),
    lambda: checks.quantile_between("n", float("nan"), 0, 1),
    lambda: checks.sum_equals("n", float("nan")),
    lambda: checks.sum_equals("n", 0, tolerance=float("nan")),
    lambda: checks.sum_equals("n", 0, tolerance=-1),
    lambda: checks.fresh("at", "soon"),
    lambda: custom("not callable", "n"),  # type: ignore[arg-type]
    lambda: custom(len),
    lambda: not_null("n", severity="info"),  # type: ignore[arg-type]
    lambda: matches("t", "a", nulls="drop"),  # type: ignore[arg-type]
]
EXPRESSIONS = [
    "",
    "n >",
    "n = 1",
    "__import__('os')",
    "n.real > 0",
    "n if n else 1",
    "lambda: 1",
    "[n] == 1",
    "n > 'x",
    "1 > 0",
    "exec('x') > 0",
]
EXPRESSIONS += ["n @ f > 0", "n ** f > 0", "(n := 1) > 0", "f'{n}' == '1'", "n > date('never')"]
EXPRESSIONS += ["(" * 99, "n < " + "1 + " * 900 + "1"]


def _table(entry: str) -> str:
    return f"[[checks]]\n{entry}\n"


FILES: dict[str, str] = {
    "empty": "",
    "no toml": "not toml at all [",
    "no checks": "name = 's'",
    "checks that are a number": "checks = 1",
    "a check that is text": "checks = ['not_null']",
    "an unknown check": _table("check = 'not_nul'\ncolumn = 'n'"),
    "a function of one's own": _table("check = 'custom'\ncolumns = ['n']"),
    "a private name": _table("check = '__class__'"),
    "a suite in a suite": _table("check = 'Suite'"),
    "an unknown argument": _table("check = 'not_null'\ncolum = 'n'"),
    "no column": _table("check = 'not_null'"),
    "a column that is a number": _table("check = 'not_null'\ncolumn = 1"),
    "bounds that are nan": _table("check = 'mean_between'\ncolumn = 'n'\nminimum = nan\nmaximum = nan"),
    "a threshold that is nan": "[gate]\nfail = nan\n" + _table("check = 'not_null'\ncolumn = 'n'"),
    "a threshold of 200%": "[gate]\nfail = '200%'\n" + _table("check = 'not_null'\ncolumn = 'n'"),
    "a misspelt option": "[gate]\nonfail = 'warn'\n" + _table("check = 'not_null'\ncolumn = 'n'"),
    "an unknown action": "[gate]\non_fail = 'continue'\n" + _table("check = 'not_null'\ncolumn = 'n'"),
    "an unknown table": "[gates]\n" + _table("check = 'not_null'\ncolumn = 'n'"),
    "code in an expression": _table("check = 'expression'\ntext = \"__import__('os').system('true') == 0\""),
    "a name that is a number": "name = 1\n" + _table("check = 'not_null'\ncolumn = 'n'"),
    "one check twice": _table("check = 'not_null'\ncolumn = 'n'") * 2,
    "a missing column": _table("check = 'not_null'\ncolumn = 'm'"),
    "a bad pattern": _table("check = 'matches'\ncolumn = 't'\npattern = '(?=a)'"),
    "a wrong type": _table("check = 'in_range'\ncolumn = 't'\nminimum = 0"),
    "dates for numbers": _table("check = 'in_range'\ncolumn = 'n'\nminimum = 2026-01-01"),
    "a reference that is not there": _table("check = 'foreign_key'\ncolumns = 'n'\nreference = 'nothing.parquet'"),
    "a dataset that is not there": _table("check = 'foreign_key'\ncolumns = 'n'\nreference = 'nobody'"),
    "a reference that is a number": _table("check = 'foreign_key'\ncolumns = 'n'\nreference = 3"),
    "too many rows wanted": _table("check = 'row_count'\nminimum = 99999999999999999999"),
    "a type that does not exist": _table("check = 'has_type'\ncolumn = 'n'\nkind = 'numbery'"),
}

CHECK = CheckInfo("n.asked", "asked")
WHOLE = CheckInfo("n.whole", "whole", row_scoped=False)

JUNK: list[Any] = [None, [], (), {}, "pass", True, 0, [None], [True], ["pass"], [{}], [[]]]


def _said(rows: Any = (), failed: Any = 0, evaluated: Any = ROWS, check: Any = CHECK, status: Any = "evaluated") -> Any:
    return [CheckOutcome(check, status, n_evaluated=evaluated, n_failed=failed, failed_rows=rows)]


ANSWERS: dict[str, Any] = {
    **{f"raises {type(error).__name__}": error for error in RAISED},
    **{f"junk {number}": junk for number, junk in enumerate(JUNK)},
    "more failures than rows": _said([1], 2),
    "fewer failures than rows": _said([1, 2], 1),
    "failures without rows": _said(None, 3),
    "rows without failures": _said([1], 0),
    "a row that does not exist": _said([ROWS], 1),
    "a negative row": _said([-1], 1),
    "a row twice": _said([1, 1], 2),
    "rows out of order": _said([2, 1], 2),
    "rows that are text": _said(["1"], 1),
    "rows that are fractions": _said([1.5], 1),
    "rows that are null": _said([None], 1),
    "rows that are nan": _said([float("nan")], 1),
    "rows that are no sequence": _said(7, 1),
    "more failed than evaluated": _said([1, 2], 2, 1),
    "more evaluated than there are": _said([], 0, ROWS + 1),
    "a negative count": _said([], -1),
    "a count that is nan": _said([], float("nan")),
    "a count that is a fraction": _said([], 0.0),
    "a count that is text": _said([], "0"),
    "a count that is true": _said([], True),
    "evaluated that is nothing": _said([], 0, None),
    "evaluated that is negative": _said([], 0, -1),
    "a whole table never looked at": _said(None, 0, 0, WHOLE),
    "a whole table that failed twice of once": _said(None, 2, 1, WHOLE),
    "an unknown status": _said(status="passed"),
    "no status": _said(status=None),
    "an error without a reason": _said(status="error"),
    "a skip without a reason": _said(status="skipped"),
    "a check that is no check": _said(check="n.asked"),
    "no check": _said(check=None),
    "one good and one junk": [*_said(), None],
    "one good and one error": [*_said(), CheckOutcome(WHOLE, "error", message="engine")],
    "a skip with a reason": [CheckOutcome(CHECK, "skipped", message="learning")],
}


def definition_cases() -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is no suite, no check or no policy."""
    for number, options in enumerate(BAD_OPTIONS):
        yield f"option {number}: {options}", lambda options=options: Gate(not_null("n"), **options)
    for number, suite in enumerate(NO_SUITES):
        yield f"no suite {number}: {suite!r}", lambda suite=suite: Gate(suite).check(current_types())
    for number, make in enumerate(NO_CHECKS):
        yield f"no check {number}", lambda make=make: Gate(make())
    for text in EXPRESSIONS:
        yield f"the expression {text[:30]!r}", lambda text=text: Gate(expression(text))
    for cls in ("DataFrameModel", "ExpectationSuite"):
        foreign = type(cls, (), {"__module__": "unheard_of.library"})
        yield f"a foreign {cls}", lambda foreign=foreign: Gate(foreign()).check(current_types())
        yield f"a foreign class {cls}", lambda foreign=foreign: Gate(foreign).check(current_types())


DEFINITIONS = list(definition_cases())


def test_there_are_enough_of_them_and_no_two_are_the_same() -> None:
    names = [name for name, _ in DEFINITIONS] + list(FILES) + list(ANSWERS)
    assert len(names) == len(set(names))
    assert len(names) >= 180


@pytest.mark.parametrize(("name", "make"), DEFINITIONS, ids=[name for name, _ in DEFINITIONS])
def test_what_is_no_gate_is_refused(name: str, make: Callable[[], Any]) -> None:
    with pytest.raises(DefinitionError):
        make()


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_a_file_that_is_wrong_is_refused_or_blocks(text: str, tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(text)
    try:
        gate = read_gate(path, on_fail="warn") if "[gate]" not in text else read_gate(path)
    except (DefinitionError, UsageError):
        return
    report = gate.evaluate(TABLE, types=current_types()).report
    assert report.decision == ("publish_with_warnings" if "row_count" in text else "block")


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_engine_of_a_plugin_that_lies_or_raises_blocks(scripted: Any, answer: Any, request: Any) -> None:
    report = Gate(scripted(answer), on_fail="warn").evaluate(TABLE, types=current_types()).report
    amber = "a skip with a reason" in request.node.name
    assert report.decision == ("publish_with_warnings" if amber else "block")
