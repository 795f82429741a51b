"""Every frame with every other: nothing changes without a word, and the reference says what each pair carries."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dovetail.testing._pair_suite import check_law, check_recorded
from dovetail.testing._pairs import Pair, PairTable

RECORDED = Path(__file__).with_name("frame_pairs.json")
SOURCES = list(json.loads(RECORDED.read_text(encoding="utf-8"))["kinds"]) if RECORDED.exists() else []


@pytest.mark.parametrize("source", SOURCES)
def test_values_arrive_or_are_refused_with_a_reason(table: PairTable, source: str) -> None:
    check_law(table, source, table.names, examples=200)


def test_what_each_pair_carries_is_as_recorded(table: PairTable) -> None:
    found: list[Pair] = [table.measure(a, b) for a in table.names for b in table.names if a != b]
    check_recorded(found, RECORDED)


@pytest.mark.parametrize("source", ["pyarrow.Table", "pandas.DataFrame"])
def test_the_law_sees_a_value_that_one_pair_alone_changes(
    table: PairTable, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """Also where both halves of the road are right, by way of Arrow."""
    convert = table.types.convert

    def changed(value: object, annotation: object, **options: bool) -> object:
        made = convert(value, annotation, **options)
        wrong = source.startswith(type(value).__module__.split(".")[0])
        return made[1:] if wrong and type(made).__module__.startswith("polars.dataframe") and len(made) > 3 else made

    monkeypatch.setattr(table.types, "convert", changed)
    with pytest.raises(AssertionError, match=rf"{source} -> polars\.DataFrame: changed: \d rows became"):
        check_law(PairTable(table.types), source, ["polars.DataFrame"], examples=20)
