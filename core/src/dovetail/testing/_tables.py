"""The suite of transformers of tables: the kit brings the values, in every kind of column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest

from dovetail.errors import ConversionError
from dovetail.spec import TypeRef
from dovetail.testing._base import fail
from dovetail.testing._marks import requires
from dovetail.testing._same_tables import same_table, values_of
from dovetail.testing._strategies import TABLE_KINDS, column_tables, for_each, rechunked, some, tables
from dovetail.testing._transformers import TransformerSuite
from dovetail.testing._transformers_inward import ARROW, leads
from dovetail.types import Lossy
from dovetail.types.arrow import hash_table

if TYPE_CHECKING:
    import pyarrow as pa
    from hypothesis.strategies import SearchStrategy

    from dovetail.testing._harness import HubHarness


class TableTransformerSuite(TransformerSuite):
    """What every transformer of a table keeps, beside what :class:`TransformerSuite` asks.

    Values are Arrow tables of every kind of column of :data:`~dovetail.testing.TABLE_KINDS`, brought to the type by its own
    declared roads. A kind that does not come back as it went in is a gap that is stated:
    ``gaps = {"carries.timestamp_s": never("polars has no seconds")}``; even then its values must come back, or be refused.
    """

    _of_tables: ClassVar[bool] = True

    def values(self) -> SearchStrategy[Any] | Sequence[Any]:
        """Further values, for what Arrow tables do not have, such as an index. Default: none."""
        return ()

    def equal(self, left: Any, right: Any) -> bool:
        """Whether two tables have the same columns of the same types with the same values; NaN equals NaN."""
        transformer = self._found
        return same_table(transformer.to_arrow(left), transformer.to_arrow(right))

    # -- the suite's own -----------------------------------------------------------------------

    _found: Any = None

    @pytest.fixture(autouse=True)
    def _transformer_of_tables(self, hub: HubHarness) -> None:
        self._found = self._transformer(hub)

    def _carried(self) -> tuple[str, ...]:
        """The kinds of column that come back as they went in."""
        return tuple(kind for kind in TABLE_KINDS if f"carries.{kind}" not in self.gaps)

    def _from_arrow(self, hub: HubHarness, table: pa.Table) -> Any:
        """A table brought to the type by its declared roads."""
        return hub.types.convert(table, TypeRef(self.type))

    def _each(self, hub: HubHarness, check: Callable[[Any], None]) -> None:
        """Try a check on the kit's tables and on the suite's further values."""
        self._each_table(lambda table: check(self._from_arrow(hub, table)))
        for_each(self.values(), check, self.examples)

    def _each_table(self, check: Callable[[pa.Table], None]) -> None:
        """Try a check on the kit's Arrow tables."""
        for_each(self._tables(), check, self.examples)

    def _tables(self) -> SearchStrategy[pa.Table]:
        return tables(self._carried(), min_columns=1 if "no_columns" in self.gaps else 0)

    def _few(self, hub: HubHarness, number: int = 8) -> list[Any]:
        """Some tables, each with rows and columns where there is a choice, and some of the further values."""
        found = [table for table in some(self._tables(), 4 * number) if table.num_rows and table.num_columns]
        return [*(self._from_arrow(hub, table) for table in found[:number]), *some(self.values(), number)]

    def _operations(self, hub: HubHarness) -> dict[str, Callable[[Any], Any]]:
        """What may be done with a table without changing it."""
        transformer = self._transformer(hub)

        def take_rows(value: Any) -> Any:
            return transformer.take_rows(value, list(range(0, transformer.to_arrow(value).num_rows, 2)))

        found = {**super()._operations(hub), "to_arrow": transformer.to_arrow}
        return found if "take_rows" in self.gaps else {**found, "take_rows": take_rows}

    # -- roads ---------------------------------------------------------------------------------

    def test_roads_lead_to_arrow_and_back(self, hub: HubHarness) -> None:
        """By declared converters that lose nothing."""
        for source, target in ((self.type, ARROW), (ARROW, self.type)):
            if not leads(hub, source, target):
                fail(
                    f"no faithful road leads from {source} to {target}",
                    why="Arrow is where tables of different libraries meet, and gates need it",
                    fix=f'declare ConverterSpec("{source}", "{target}", ...)',
                )

    @requires("carries.{kind}")
    @pytest.mark.parametrize("kind", TABLE_KINDS)
    def test_carries(self, hub: HubHarness, kind: str) -> None:
        """A column of the kind comes back from the type with its type and values; nulls and no rows too."""
        transformer = self._transformer(hub)

        def check(table: pa.Table) -> None:
            again = transformer.to_arrow(self._from_arrow(hub, table))
            if values_of(again) != values_of(table):
                fail(f"a column of {kind} comes back with other values: {values_of(table)} became {values_of(again)}")
            if not same_table(table, again):
                fail(
                    f"a column of {kind} comes back as {again.schema.types[0]}, not {table.schema.types[0]}",
                    fix=f'keep the type, or gaps = {{"carries.{kind}": never("...")}}',
                )

        for_each(column_tables(kind), check, self.examples)

    def test_what_it_does_not_carry_is_not_falsified(self, hub: HubHarness) -> None:
        """A kind with a stated gap is refused, or comes back with the same values in another type.

        What is refused because it would lose something arrives where the loss is allowed, with as many rows.
        """
        transformer = self._transformer(hub)
        for kind in TABLE_KINDS:
            if kind in self._carried():
                continue
            for table in some(column_tables(kind), self.examples):
                try:
                    again = transformer.to_arrow(self._from_arrow(hub, table))
                except self.gaps[f"carries.{kind}"].raises as error:  # refused, as is stated
                    if isinstance(error, ConversionError) and "lost" in error.details:
                        self._check_allowed(hub, table, kind)
                    continue
                if values_of(again) != values_of(table):
                    fail(
                        f"a column of {kind} comes back with other values, and without a word",
                        why=f"{values_of(table)} became {values_of(again)}",
                        fix="refuse what cannot be carried: raise dovetail.errors.ValueMismatch",
                    )

    def _check_allowed(self, hub: HubHarness, table: pa.Table, kind: str) -> None:
        """What would lose something is converted where that is allowed."""
        types, ref = hub.types, TypeRef(self.type)
        marked: Any = Annotated[ref, Lossy()]
        for made in (types.convert(table, ref, allow_lossy=True), types.accept(table, marked)):
            if self._transformer(hub).to_arrow(made).num_rows != table.num_rows:
                fail(f"a column of {kind} loses rows where a loss is allowed", fix="lose what the error says, no more")

    # -- rows and columns ----------------------------------------------------------------------

    def test_counts_rows_and_names_columns(self, hub: HubHarness) -> None:
        """`num_rows` and `schema` agree with `to_arrow`."""
        transformer = self._transformer(hub)

        def check(value: Any) -> None:
            table = transformer.to_arrow(value)
            rows, schema = transformer.num_rows(value), transformer.schema(value)
            allowed = (None, table.num_rows) if transformer.lazy else (table.num_rows,)
            if rows not in allowed:
                fail(f"num_rows() gave {rows}, to_arrow() has {table.num_rows} rows")
            if schema is None:
                fail("schema() gave None for a table", fix="name its columns")
            names = [field.name for field in schema.fields]
            if names != table.column_names[len(table.column_names) - len(names) :]:
                fail(f"schema() names {names}, to_arrow() {table.column_names}", fix="one field per column, in order")

        def check_table(table: pa.Table) -> None:
            value = self._from_arrow(hub, table)
            check(value)
            schema = transformer.schema(value)
            # Only a value of the author's own may have labels of rows, which come first as columns of the Arrow form.
            if schema is None or len(schema.fields) != table.num_columns:
                fail(f"schema() does not name the columns {table.column_names}: {schema}", fix="one field per column")

        self._each_table(check_table)
        for_each(self.values(), check, self.examples)

    @requires("take_rows")
    def test_takes_rows_by_ordinal(self, hub: HubHarness) -> None:
        """None, some and all of them, as Arrow's `take` does; ordinals as a list or a numpy array."""
        import pyarrow as pa

        transformer = self._transformer(hub)

        def check(value: Any) -> None:
            table = transformer.to_arrow(value)
            for rows in selections(table.num_rows):
                wanted = table.take(pa.array(list(rows), pa.int64()))
                taken = transformer.take_rows(value, rows)
                if not isinstance(taken, type(value)):
                    fail(f"take_rows() gave a {type(taken).__name__} of a {type(value).__name__}")
                found = transformer.to_arrow(taken)
                if not same_table(found, wanted):
                    fail(
                        f"take_rows({list(rows)}) of {table.num_rows} rows gave {values_of(found)}",
                        why=f"those rows are {values_of(wanted)}; gates publish and quarantine by take_rows()",
                        fix="ordinals count from 0, whatever labels the rows have",
                    )

        self._each(hub, check)

    # -- hashes --------------------------------------------------------------------------------

    def test_hash_ignores_chunks(self, hub: HubHarness) -> None:
        """However the same rows are chunked."""
        transformer = self._transformer(hub)

        def check(table: pa.Table) -> None:
            digests = {
                transformer.content_hash(self._from_arrow(hub, form))
                for form in (table, table.combine_chunks(), rechunked(table, range(table.num_rows)))
            }
            if len(digests) > 1:
                fail(
                    "the content hash depends on how the table is chunked",
                    why="the same data read from two files or from one would not hit the cache",
                    fix="hash_table(to_arrow(value)) of dovetail.types.arrow does not",
                )

        self._each_table(check)

    @requires("arrow_hash")
    def test_hash_is_that_of_arrow(self, hub: HubHarness) -> None:
        """Equal tables of any two libraries hash the same."""
        transformer = self._transformer(hub)

        def check(table: pa.Table) -> None:
            value = self._from_arrow(hub, table)
            if transformer.content_hash(value) != hash_table(transformer.to_arrow(value)):
                fail(
                    f"a {self.type} hashes differently from the same table in Arrow",
                    why="equal data must hash the same in every library",
                    fix="content_hash() = hash_table(to_arrow(value)) of dovetail.types.arrow",
                )

        self._each_table(check)

    def test_hash_sees_every_row(self, hub: HubHarness) -> None:
        """Also the last one."""
        transformer = self._transformer(hub)

        def check(table: pa.Table) -> None:
            digests = [
                transformer.content_hash(self._from_arrow(hub, table.slice(0, rows)))
                for rows in range(table.num_rows + 1)
                if table.num_columns
            ]
            if len(set(digests)) != len(digests):
                fail("tables that differ by their last row have one content hash", why="caches go by the hash")

        self._each_table(check)

    # -- looking -------------------------------------------------------------------------------

    def _large(self, hub: HubHarness) -> Sequence[Any]:
        """Wide and long tables, and cells that hold much."""
        import pyarrow as pa

        tables = (
            pa.table({f"column {number}": [1, 2] for number in range(60)}),
            pa.table({"n": list(range(5_000))}),
            pa.table({"text": ["x" * 100_000] * 12, "list": [list(range(5_000))] * 12}),
        )
        return [*(self._from_arrow(hub, table) for table in tables), *self.large_values()]

    @requires("no_columns")
    def test_a_table_without_columns(self, hub: HubHarness, tmp_path: Path) -> None:
        """It stays one, also when it is stored."""
        import pyarrow as pa

        value = self._from_arrow(hub, pa.table({}))
        if self._transformer(hub).to_arrow(value).num_columns:
            fail(f"a {self.type} without columns has columns as an Arrow table")
        for written in self._write(hub, value, tmp_path):
            self._must_equal(value, written.read(), f"{written.codec.code}, a table without columns")


def selections(rows: int) -> list[Any]:
    """Ordinals to take: none, all, every second one, the last one; as lists and as a numpy array where there is numpy."""
    found: list[Any] = [[], list(range(rows)), list(range(0, rows, 2)), list(range(rows))[-1:]]
    try:
        import numpy as np
    except ImportError:  # a gate then gives lists only
        return found
    return [*found, np.arange(0, rows, 2)]
