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


def test_the_law_sees_a_value_that_is_changed(table: PairTable, monkeypatch: pytest.MonkeyPatch) -> None:
    convert = table.types.convert

    def changed(value: object, annotation: object, **options: bool) -> object:
        made = convert(value, annotation, **options)
        return made[1:] if type(made).__module__.startswith("polars.dataframe") and len(made) > 3 else made

    monkeypatch.setattr(table.types, "convert", changed)
    with pytest.raises(AssertionError, match=r"pyarrow\.Table -> polars\.DataFrame: changed: \d rows became"):
        check_law(PairTable(table.types), "pyarrow.Table", ["polars.DataFrame"], examples=50)
