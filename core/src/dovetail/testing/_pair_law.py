"""The law of pairs: a value arrives with equal values in a known type, or is refused with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dovetail.testing._base import fail
from dovetail.testing._pairs import ARROW, CARRIED, CHANGED, CRASHED, READER, REFUSED, PairTable
from dovetail.testing._strategies import TABLE_KINDS, cells, for_each, kind_type, some, tables

if TYPE_CHECKING:
    import pyarrow as pa
    from hypothesis.strategies import SearchStrategy


_WIDTH = 8
"""Columns of a drawn table, at least: fewer would leave each kind with a dozen examples."""


@dataclass(slots=True)
class Examples:
    """How often a pair was tried: what arrived, and what was refused for its values."""

    carried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def tried(self, target: str) -> int:
        """All examples of the pair."""
        return self.carried[target] + self.refused[target]


@dataclass(frozen=True, slots=True)
class _Traits:
    """What a target makes of the kinds of column: the types they arrive as; those that are missing are refused."""

    types: dict[str, str]
    with_nulls: frozenset[str]
    columns_needed: bool

    def takes(self, table: pa.Table) -> pa.Table:
        """The columns that are not refused as such, and the rows without the nulls that are."""
        import pyarrow.compute as pc

        table = table.select([name for name in table.column_names if name in self.types])
        for name in table.column_names:
            if name not in self.with_nulls and table.column(name).null_count:
                table = table.filter(pc.is_valid(table.column(name)))
        return table


def _tables() -> SearchStrategy[pa.Table]:
    return tables(min_columns=_WIDTH, max_columns=2 * _WIDTH)


class PairLaw:
    """Tries tables of mixed kinds on the pairs from one source; each example serves all targets and all sources.

    Every road is walked from end to end; targets that take the same columns share the value that they are made of. A kind that
    a target refuses as such is left out of its examples, so that it does not hide the others.
    """

    def __init__(self, pairs: PairTable, source: str, targets: Iterable[str]) -> None:
        self.pairs, self.source = pairs, source
        self.examples = Examples()
        self._source = self._traits(source)
        self._targets = {target: self._traits(target) for target in targets if target != source}

    def try_examples(self, number: int) -> Examples:
        """Draw tables until every pair had as many examples. Raises AssertionError where a value is changed."""
        for quarters in (5, 10):  # some are left without a column, and some the source refuses for their values
            self.examples, many = Examples(), number * quarters // 4
            try:
                for table in self.pairs.once(f"{many} tables", lambda many=many: some(_tables(), many)):  # type: ignore[misc]
                    self._check(table)
                    if all(self.examples.tried(target) >= number for target in self._targets):
                        return self.examples
            except AssertionError:
                for_each(_tables(), self._check, many, fixed=True)  # the same ones, and the smallest that fails
                raise
        return self.examples

    def _traits(self, name: str) -> _Traits:
        """Found by one column of each kind, from Arrow."""
        found: _Traits = self.pairs.once(f"traits of {name}", lambda: self._find_traits(name))
        return found

    def _find_traits(self, name: str) -> _Traits:
        import pyarrow as pa

        types, with_nulls = {}, set()
        for kind in TABLE_KINDS:
            item = some(cells(kind, nulls=False), 1)
            for items in (item, [*item, None]):
                table = pa.table({kind: pa.array(items, kind_type(kind))})
                found = self.pairs.tried(table, table, name)
                if found.told == REFUSED:
                    continue
                self._judge(found.told, table, name)
                types[kind] = found.types.get(kind, CARRIED)
                if None in items:
                    with_nulls.add(kind)
        empty = self.pairs.tried(pa.table({}), pa.table({}), name)
        return _Traits(types, frozenset(with_nulls), empty.told != CARRIED)

    def _check(self, drawn: pa.Table) -> None:
        table = self._source.takes(drawn)
        values: dict[tuple[object, ...], Any] = {}
        for target, traits in self._targets.items():
            narrow = traits.takes(table)
            if narrow.num_columns == 0 and (traits.columns_needed or self._source.columns_needed):
                continue
            key = (narrow.num_rows, *narrow.column_names)
            if key not in values:
                values[key] = self._made(narrow)
            made = values[key]
            if made is not None:
                self._convert(made[0], made[1], target, traits)

    def _made(self, table: pa.Table) -> Any:
        """The value of the source, and its Arrow form; None where the source refuses these values."""
        if self.source == ARROW:
            return table, table
        found, value, arrow = self.pairs.halfway(table, self.source)
        if found.told == REFUSED:
            return None
        self._judge(found.told, table, self.source)
        return value, arrow

    def _convert(self, value: Any, before: pa.Table, target: str, traits: _Traits) -> None:
        if self.source == READER:  # it was read
            value = self.pairs.made(READER, before)
        found = self.pairs.tried(value, before, target)
        if found.told == REFUSED:
            self.examples.refused[target] += 1
            return
        self._judge(found.told, before, target)
        for kind, arrived in found.types.items():
            if self._source.types[kind] == CARRIED and traits.types[kind] != arrived:
                fail(
                    f"{self.source} -> {target}: a column of {kind} arrives as {arrived}, and sometimes as "
                    f"{traits.types[kind]}",
                    why="the type of a column must not depend on its values",
                )
        self.examples.carried[target] += 1

    def _judge(self, told: str, before: pa.Table, target: str) -> None:
        if told.startswith((CHANGED, CRASHED)):
            fail(
                f"{self.source} -> {target}: {told}",
                why=f"the columns were {before.schema.names}; nothing may change without a word",
                fix="carry it, refuse it by ValueMismatch, or declare the converter lossy",
            )
