"""The semantics of checks in words, and the page that tells them to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from unicodedata import combining

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


def semantics() -> str:
    """The generated part of ``docs/reference/check-semantics.md``: rules, checks, shapes and the truth table."""
    return "\n".join([*_rules(), *_checks(), *_shapes(), *_table()]).rstrip()


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
    if isinstance(value, str):  # what cannot be seen is written out
        return (
            f"`{value if value.isprintable() and not combining(value[-1:] or ' ') else ascii(value)[1:-1]}`"
            if value
            else '""'
        )
    return str(value)


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    yield "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
