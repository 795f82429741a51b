"""Whoever counts otherwise than the truth table says is caught, with a message that tells the rule."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from dovetail.testing import CheckEngineSuite, never

Play = Callable[[type[CheckEngineSuite], str], None]

FOUND = "        return outcome\n"
EVALUATE = "        return [self.found(check, table, value) for check in suite.checks]\n"


def when(kind: str, *lines: str) -> str:
    """Code that changes the outcome of one kind of check that was evaluated."""
    body = "".join(f"            {line}\n" for line in lines)
    return f"        if outcome.status == 'evaluated' and check.info.kind == {kind!r}:\n{body}{FOUND}"


def rows(kind: str, expression: str) -> str:
    """Code that says that other rows fail."""
    return when(
        kind,
        "column = table[check.info.columns[0]].to_pylist()",
        f"outcome.failed_rows = {expression}",
        "outcome.n_failed = len(outcome.failed_rows)",
    )


# what is broken: (what stands in the engine or its suite, what is put there instead, the check, what it says)
MUTANTS: dict[str, tuple[str, str, str, str]] = {
    "nothing is looked at": (
        'return ("polars.DataFrame",)',
        "return ()",
        "test_counts[unique-nulls]",
        "the engine 'mutant' looks at no frame",
    ),
    "nulls are duplicates": (
        FOUND,
        rows("unique", "doubled(column)"),
        "test_counts[unique-nulls]",
        "failed_rows is [0, 1, 3, 4], expected [0, 1]",
    ),
    "nulls are evaluated for uniqueness": (
        FOUND,
        when("unique", "outcome.n_evaluated = table.num_rows"),
        "test_counts[unique-nulls]",
        "n_evaluated is 6, expected 4",
    ),
    "the first of two equal rows passes": (
        FOUND,
        rows("unique", "[row for row in outcome.failed_rows if column[row] in column[:row]]"),
        "test_counts[unique-duplicate_keys]",
        "Every row of a key that occurs more than once fails",
    ),
    "rows are counted as keys": (
        FOUND,
        when("unique", "outcome.n_keys = outcome.n_failed"),
        "test_counts[unique-duplicate_keys]",
        "n_keys is 5, expected 2",
    ),
    "a key of one column of two": (
        FOUND,
        rows("unique", "doubled(column)"),
        "test_counts[unique_together-time_zones]",
        "expected []",
    ),
    "NaN is a value": (
        FOUND,
        when("not_null", "outcome.failed_rows = [4]", "outcome.n_failed = 1"),
        "test_counts[not_null-nan]",
        "Null and NaN fail",
    ),
    "NaN is out of range": (
        FOUND,
        when("in_range", "outcome.n_evaluated = 4", "outcome.failed_rows = [0, 2, 3]", "outcome.n_failed = 3"),
        "test_counts[in_range-nan]",
        "Null and NaN are not evaluated",
    ),
    "NaN spoils the mean": (
        FOUND,
        when("mean", "outcome.n_failed = 1"),
        "test_counts[mean_between-nan]",
        "Null and NaN are left out",
    ),
    "bounds are outside": (
        FOUND,
        rows("in_range", "[r for r, x in enumerate(column) if x is not None and not 0 < x < 1]"),
        "test_counts[in_range-nulls]",
        "Bounds belong to the range",
    ),
    "integers become floats": (
        FOUND,
        rows("in_range", "[r for r, x in enumerate(column) if x is not None and float(x) > 2.0**53]"),
        "test_counts[at_most-huge_ints]",
        "never as floats",
    ),
    "instants by the clock on the wall": (
        FOUND,
        rows("in_range", "[r for r, t in enumerate(column) if t.replace(tzinfo=None).hour < 12]"),
        "test_counts[since-time_zones]",
        "whatever their zone",
    ),
    "texts are normalised": (
        FOUND,
        rows("in_set", "[r for r in outcome.failed_rows if r != 7]"),
        "test_counts[in_set-unicode]",
        "nothing is normalised",
    ),
    "a search instead of a full match": (
        FOUND,
        rows("regex", "[r for r, x in enumerate(column) if x and not __import__('re').search('[a-z]|[é日本]+', x)]"),
        "test_counts[matches-nulls]",
        "The whole text must match",
    ),
    "a newline at the end is overlooked": (
        FOUND,
        rows("regex", "[r for r in outcome.failed_rows if r != 6]"),
        "test_counts[matches-unicode]",
        "a newline at its end included",
    ),
    "a comparison with null fails": (
        FOUND,
        when("compare", "outcome.n_evaluated, outcome.n_failed, outcome.failed_rows = 6, 4, [0, 1, 2, 3]"),
        "test_counts[compare-nulls]",
        "null or NaN on either side is not evaluated",
    ),
    "rows are counted one by one": (
        FOUND,
        when("row_count", "outcome.n_evaluated = table.num_rows"),
        "test_counts[row_count-nulls]",
        "n_evaluated is 6, expected 1",
    ),
    "the mean of nothing is fine": (
        FOUND,
        "        if check.info.kind == 'mean':\n"
        "            return CheckOutcome(check.info, 'evaluated', 1, 0)\n" + FOUND,
        "test_counts[mean_between-empty]",
        "Without any value there is no mean",
    ),
    "a missing column is an error": (
        FOUND,
        "        if outcome.n_failed and check.info.kind == 'column_exists':\n"
        "            return CheckOutcome(check.info, 'error', message='no column')\n" + FOUND,
        "test_counts[columns_present-all_bad]",
        "A column that is missing is a failure here",
    ),
    "a whole table that is row by row": (
        FOUND,
        when("row_count", "outcome.check, outcome.failed_rows = replace(check.info, row_scoped=True), [0]"),
        "test_counts[row_count-empty]",
        "failed_rows [0] of 0 rows",
    ),
    "rows in disorder": (
        FOUND,
        when("unique", "outcome.failed_rows = outcome.failed_rows[::-1]"),
        "test_counts[unique-nulls]",
        "not ascending",
    ),
    "rows twice": (
        FOUND,
        when("unique", "outcome.failed_rows = [0, 0]"),
        "test_counts[unique-nulls]",
        "each ordinal once",
    ),
    "no rows": (
        FOUND,
        when("unique", "outcome.failed_rows = None"),
        "test_counts[unique-nulls]",
        "2 rows fail and none is named",
    ),
    "a count that is not that of the rows": (
        FOUND,
        when("unique", "outcome.n_failed = 1"),
        "test_counts[unique-nulls]",
        "n_failed is 1, and failed_rows names 2 rows",
    ),
    "ordinals from 1": (
        FOUND,
        when("not_null", "outcome.failed_rows = [row + 1 for row in outcome.failed_rows]"),
        "test_counts[not_null-all_bad]",
        "ordinals count from 0",
    ),
    "a status of its own": (
        FOUND,
        "        return replace(outcome, status='failed')\n",
        "test_counts[not_null-nulls]",
        "there is no status 'failed'",
    ),
    "an error where there is none": (
        FOUND,
        "        return CheckOutcome(check.info, 'error', message='busy')\n",
        "test_counts[not_null-nulls]",
        "status 'error': busy",
    ),
    "something else than outcomes": (
        EVALUATE,
        "        return [True]\n",
        "test_counts[not_null-nulls]",
        "gave a bool",
    ),
    "nothing": (
        EVALUATE,
        "        return []\n",
        "test_counts[not_null-nulls]",
        "give a list with an outcome per check",
    ),
    "a sample of the rows": (
        FOUND,
        "        if outcome.failed_rows is not None:\n"
        "            outcome.failed_rows = outcome.failed_rows[:20]\n"
        "            outcome.n_failed = len(outcome.failed_rows)\n" + FOUND,
        "test_counts_all_rows_of_a_large_table",
        "n_failed is 20, expected 200",
    ),
    "chunks are forgotten": (
        "        table = value.to_arrow()\n",
        "        table = value.to_arrow().slice(0, 65_537)\n",
        "test_counts_all_rows_of_a_large_table",
        "n_evaluated is 65537, expected 200000",
    ),
    "an exception instead of an outcome": (
        EVALUATE,
        "        for check in suite.checks:\n"
        "            for column in check.info.columns:\n"
        "                table[column]\n" + EVALUATE,
        "test_a_missing_column_is_an_error_that_blocks",
        "evaluate() raised KeyError",
    ),
    "a missing column passes": (
        FOUND,
        "        if outcome.status == 'error':\n            return CheckOutcome(check.info, 'evaluated', failed_rows=[])\n"
        + FOUND,
        "test_a_missing_column_is_an_error_that_blocks",
        "must not pass for evaluated",
    ),
    "an error without words": (
        FOUND,
        "        outcome.message = ''\n" + FOUND,
        "test_a_missing_column_is_an_error_that_blocks",
        "without a message",
    ),
    "text is in any range": (
        FOUND,
        "        if 'text' in str(table.to_pydict()):\n"
        "            return CheckOutcome(check.info, 'evaluated', failed_rows=[])\n" + FOUND,
        "test_a_column_of_the_wrong_kind_is_an_error_that_blocks",
        "must not pass for evaluated",
    ),
    "outcomes in another order": (
        EVALUATE,
        EVALUATE.replace("return [", "return [")[:-1] + "[::-1]\n",
        "test_is_described_without_data",
        "in the order of describe()",
    ),
    "passing checks are left out": (
        EVALUATE,
        "        found = [self.found(check, table, value) for check in suite.checks]\n"
        "        return [one for one in found if one.n_failed] or found[:1]\n",
        "test_is_described_without_data",
        "whatever the data",
    ),
    "one id for all": (
        'SuiteInfo("mutant", tuple(check.info for check in suite.checks))',
        'SuiteInfo("mutant", tuple(replace(check.info, id="check") for check in suite.checks))',
        "test_is_described_without_data",
        "thresholds and history go by the id",
    ),
    "columns that are not named": (
        'SuiteInfo("mutant", tuple(check.info for check in suite.checks))',
        'SuiteInfo("mutant", tuple(replace(check.info, columns=()) for check in suite.checks))',
        "test_says_which_columns_it_reads[not_null]",
        "describe() of not_null does not name the column v,",
    ),
    "ids that differ by process": (
        'SuiteInfo("mutant", tuple(check.info for check in suite.checks))',
        'SuiteInfo("mutant", tuple(replace(check.info, id=str(hash(check.info.id))) for check in suite.checks))',
        "test_ids_and_fingerprints_are_the_same_in_other_processes",
        "ids of not_null differ by process",
    ),
    "a fingerprint that differs by process": (
        "return NativeEngine().fingerprint(self.native(suite))",
        "return str(set('abcdefgh')) + NativeEngine().fingerprint(self.native(suite))",
        "test_ids_and_fingerprints_are_the_same_in_other_processes",
        "the order of sets",
    ),
    "a fingerprint of the object": (
        "return NativeEngine().fingerprint(self.native(suite))",
        "return repr(suite)",
        "test_fingerprints_tell_suites_apart",
        "two equal suites",
    ),
    "a fingerprint without parameters": (
        "return NativeEngine().fingerprint(self.native(suite))",
        "return repr([(check.info.kind, check.info.columns) for check in suite.checks])",
        "test_fingerprints_tell_suites_apart",
        "would be taken for the other",
    ),
    "a translation without parameters": (
        'check.params["values"]',
        '("a", "b", "ä")',
        "test_fingerprints_tell_suites_apart",
        "suite_for() takes them from check.columns and check.params",
    ),
    "data that are changed": (
        FOUND,
        "        value.drop_in_place('y')\n" + FOUND,
        "test_evaluation_changes_nothing",
        "what was checked is what is published",
    ),
    "an engine for one thread": (
        "        table = value.to_arrow()\n",
        "        owner = suite.__dict__.setdefault('owner', threading.get_ident())\n"
        "        if owner != threading.get_ident():\n"
        "            raise RuntimeError('made in another thread')\n"
        "        table = value.to_arrow()\n",
        "test_two_threads_evaluate_one_suite",
        "RuntimeError: made in another thread",
    ),
    "another name": ('    name = "mutant"\n', '    name = "other"\n', "test_contract", "calls itself 'other'"),
    "another name in the declaration": ('Spec("mutant"', 'Spec("mutants"', "test_contract", 'engine = "mutants"'),
    "no version": ('return "1"', 'return ""', "test_contract", "does not tell a version"),
    "suites that lead nowhere": (
        'suites=("mutant_engine.Suite",)',
        'suites=("mutant_engine.Other",)',
        "test_contract",
        "does not lead to the engine",
    ),
    "frames that are not said": ('frames = ("polars.DataFrame",)', "frames = ()", "test_contract", "frames = ('polars"),
    "a frame that nobody knows": (
        'return ("polars.DataFrame",)',
        'return ("nobody.Frame",)',
        "test_counts[not_null-nulls]",
        "name the plugin that knows it in with_plugins",
    ),
    "hooks that need the library": (
        "DOVETAIL_API = 1\n",
        "DOVETAIL_API = 1\nimport polars\n\ndef CheckEngineSpec(*a, **k):\n"
        "    from dovetail.spec import CheckEngineSpec\n    return CheckEngineSpec(*a, **k, engine='polars')\n",
        "test_missing_library_names_what_to_type",
        "No module named 'polars'",
    ),
    "no word on installing": (
        'suites=("mutant_engine.Suite",), install="pip install m"',
        'suites=("mutant_engine.Suite",), engine="polars"',
        "test_missing_library_names_what_to_type",
        "does not say how to install",
    ),
}

Mutate = Callable[[str, str], type[CheckEngineSuite]]


@pytest.fixture
def mutate(mutated: Callable[..., None]) -> Mutate:
    """Makes an engine, and its suite, in which something is replaced."""

    def make(old: str, new: str) -> type[CheckEngineSuite]:
        mutated("engine", old, new)
        found: type[CheckEngineSuite] = importlib.import_module("mutant_suite").Mutant
        return found

    return make


def test_the_engine_that_is_mutated_keeps_every_law(mutate: Mutate, play: Play, checks_of: Any) -> None:
    suite = mutate("", "")
    for test in checks_of(suite):
        play(suite, f"{test}[matches-unicode]")


def test_every_check_is_broken_by_some_mutant(checks_of: Any) -> None:
    assert {mutant[2].partition("[")[0] for mutant in MUTANTS.values()} == checks_of(CheckEngineSuite)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_engine_is_caught(mutate: Mutate, play: Play, mutant: str) -> None:
    old, new, test, told = MUTANTS[mutant]
    suite = mutate(old, new)
    with pytest.raises(AssertionError) as caught:
        play(suite, test)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("gap", "meant"),
    [
        ("check.matchs", "check.matches"),
        ("check.matches.unicod", "check.matches.unicode"),
        ("columns.matchs", "columns.matches"),
    ],
)
def test_a_gap_of_no_cell_of_the_table_is_refused(gap: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"did you mean '{meant}'"):
        type("Misspelt", (CheckEngineSuite,), {"gaps": {gap: never("it has no texts")}})
