"""The semantics of checks in words, and the page that tells them to people."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from dovetail.testing._truth import EXPECTED, NAN, SHAPES, TRUTH_CHECKS, Expect, shape_columns

RULES: dict[str, str] = {
    "not_null": "Every row is evaluated. Null and NaN fail.",
    "unique": (
        "Rows with a null or NaN anywhere in the key are not evaluated. Every row of a key that occurs more than once fails, "
        "the first one too; `n_keys` counts such keys."
    ),
    "in_range": (
        "Null and NaN are not evaluated. Bounds belong to the range. Integers are compared as integers, never as floats, and "
        "instants as instants, whatever their zone."
    ),
    "in_set": "Null is not evaluated. Texts are equal if their code points are; nothing is normalised.",
    "regex": (
        "Null is not evaluated. The whole text must match, a newline at its end included; the pattern is of RE2's subset, and "
        "an alternation is one pattern: `a|b` means `(?:a|b)`."
    ),
    "compare": "A row with null or NaN on either side is not evaluated.",
    "row_count": "The table is evaluated once: `n_evaluated` is 1, `n_failed` 0 or 1, and there are no failing rows.",
    "mean": "Null and NaN are left out of the mean. Without any value there is no mean: status `error`. Counted once.",
    "column_exists": "Counted once. A column that is missing is a failure here, not an error.",
}
"""What a check counts, by kind."""

_SHAPE_TEXTS = {
    "nulls": "nulls in every column that is checked",
    "nan": "NaN beside null",
    "empty": "no rows",
    "all_bad": "every row fails every check of rows",
    "unicode": "texts beyond ASCII, decomposed, empty, and with a newline at the end",
    "duplicate_keys": "keys that occur twice and three times",
    "huge_ints": "integers that floats cannot tell apart, beside a null",
    "time_zones": "instants around both changes of the clock, in a column of the zone Europe/Berlin",
}

_HEAD = """\
# What checks count

Libraries that evaluate the same check on the same data count differently: whether nulls are duplicates, whether the first of two
equal rows fails, whether NaN is a value. A gate decides by counts, so dovetail says what they mean, and `CheckEngineSuite` of
`dovetail.testing` asks every check engine for exactly the numbers below. They were worked out by hand from the rules.

This page is written by `python -m dovetail.testing._truth_rules`; a test fails when it is not current.

## For every check

- A check that cannot be evaluated has the status `error`, with the reason in its message: a column is missing, or is of a kind
  that the check does not know. It is no exception, and a gate blocks.
- `n_evaluated` counts the rows that were looked at. A check of the whole table looks once.
- `n_failed` is always recorded, also when it is 0.
- `failed_rows` holds the ordinals of **all** failing rows: from 0, ascending, each once. Never a sample. A check of the whole
  table has none.
- `n_keys` is for uniqueness: how many keys occur more than once.
- Null is not a value: checks do not evaluate it, except `not_null`. NaN in a column of floats counts as null.
- Evaluating changes nothing in the data.
"""


def page() -> str:
    """The page ``docs/reference/check-semantics.md``, whole."""
    return "\n".join([_HEAD, *_rules(), *_checks(), *_shapes(), *_table()]).rstrip() + "\n"


def _rules() -> Iterable[str]:
    yield "## By kind of check\n"
    yield from _grid(("kind", "rule"), [(f"`{kind}`", rule) for kind, rule in RULES.items()])


def _checks() -> Iterable[str]:
    yield "## The twelve checks\n"
    rows = [
        (f"`{check.name}`", f"`{check.kind}`", check.text, ", ".join(f"`{name}`" for name in check.params) or "-")
        for check in TRUTH_CHECKS.values()
    ]
    yield from _grid(("check", "kind", "asserts", "`params`"), rows)


def _shapes() -> Iterable[str]:
    yield "## The eight shapes of data\n"
    yield "Columns that a shape does not name hold values that no check minds; `note` is missing from `all_bad` alone.\n"
    for shape in SHAPES:
        yield f"### {shape}\n\nShape of data: {_SHAPE_TEXTS[shape]}.\n"
        columns = shape_columns(shape)
        names = [name for name in columns if name != "note"]
        rows = [(str(row), *(_cell(columns[name][row]) for name in names)) for row in range(len(columns["id"]))]
        if rows:
            yield from _grid(("row", *(f"`{name}`" for name in names)), rows)


def _table() -> Iterable[str]:
    yield "## The truth table\n"
    yield (
        "Each cell: evaluated / failed, then the failing rows in brackets, then `k` and the number of keys. "
        "`error`: it cannot be evaluated.\n"
    )
    rows = [(f"`{name}`", *(_expected(EXPECTED[name][shape]) for shape in SHAPES)) for name in TRUTH_CHECKS]
    yield from _grid(("check", *(f"`{shape}`" for shape in SHAPES)), rows)


def _expected(expect: Expect) -> str:
    if expect.error:
        return "error"
    rows = f" [{', '.join(map(str, expect.rows))}]" if expect.rows else ""
    keys = f" k{expect.keys}" if expect.keys is not None else ""
    return f"{expect.evaluated} / {expect.n_failed}{rows}{keys}"


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    if value is NAN:
        return "NaN"
    return ascii(value) if isinstance(value, str) and value not in ("ä", "é", "日本", "🦔") else str(value)


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
