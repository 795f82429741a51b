"""Rows that were set aside, as somebody has mended them: checked against those that were."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail.errors import DataError, UsageError, listing
from dovetail.quality._quarantine import original_rows

if TYPE_CHECKING:
    from dovetail.quality._gate import Gate
    from dovetail.types import TypeEngine

_ROW, _RUN, _CHECKS = "_dv_row", "_dv_run", "_dv_checks"


@dataclass(frozen=True, slots=True)
class Mended:
    """Mended rows.

    Attributes:
        rows: Without our columns, typed as they were set aside (``pyarrow.Table``).
        ordinals: ``_dv_row`` of each (``pyarrow`` int64 array).
        checks: Ids of the checks for which rows were set aside.
    """

    rows: Any
    ordinals: Any
    checks: tuple[str, ...]

    def without(self, known: Collection[int]) -> Mended:
        """Those whose ordinals are not among these."""
        return self.drop([n for n, ordinal in enumerate(self.ordinals.to_pylist()) if ordinal in known])

    def drop(self, positions: Sequence[int]) -> Mended:
        """Those that are not at these positions."""
        import pyarrow as pa

        gone = set(positions)
        kept = pa.array([n for n in range(self.rows.num_rows) if n not in gone], pa.int64())
        return Mended(self.rows.take(kept), self.ordinals.take(kept), self.checks) if gone else self

    def joined(self, base: Any) -> Any:
        """The table with these rows below it, typed as it is.

        Raises:
            DataError: They have other columns, or a value does not fit.
        """
        import pyarrow as pa

        _same_columns(self.rows.column_names, base.column_names, "the dataset")
        return pa.concat_tables([base, _cast(self.rows.select(base.column_names), base.schema)])

    def sift(self, gate: Gate, base: Any, types: TypeEngine) -> tuple[Mended, Any]:
        """The rows that pass, and a table of those that do not with the ``_dv_checks`` that they fail, or None.

        Args:
            gate: The gate. A check for which rows were set aside tolerates no failure here, whatever its limits.
            base: The table that the rows are to join, which is looked at with them (``pyarrow.Table``); None: there is none.
            types: The type engine.

        Raises:
            DataError: As :meth:`joined`.
        """
        import pyarrow as pa

        if not self.rows.num_rows:
            return self, None
        named = dict.fromkeys(self.checks, 0)
        strict = {**named, **dict(gate.policy.overrides), **named}  # the first that matches counts
        strict_gate = gate.with_options(on_fail="quarantine", max_quarantined="100%", min_rows=0, thresholds=strict)
        table, before = (self.rows, 0) if base is None else (self.joined(base), base.num_rows)
        failing = strict_gate.evaluate(table, types=types).quarantined
        if failing is None:
            return self, None
        places = [n - before for n in failing[_ROW].to_pylist()]
        bad = [n for n in places if n >= 0]
        if not bad:
            return self, None
        checks = failing.filter(pa.array([n >= 0 for n in places]))[_CHECKS]
        return self.drop(bad), self.told().take(bad).append_column(_CHECKS, checks)

    def told(self) -> Any:
        """The rows with their ordinals: what a later replay must not append again."""
        return self.rows.append_column(_ROW, self.ordinals)


def read_mended(aside: Any, table: Any) -> Mended:
    """The mended rows of a table.

    Args:
        aside: The rows as they were set aside (``pyarrow.Table``).
        table: The mended ones; some of them, or all (``pyarrow.Table``).

    Raises:
        UsageError: It is not said which rows these are, or they are not among those that were set aside.
        DataError: They have other columns or types.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _ROW not in table.column_names:
        raise UsageError(
            f"the mended rows have no column {_ROW}, so it is not known which rows they are",
            fix="export them with dovetail artifacts export RUN:NODE.quarantine rows.parquet, and keep that column",
        )
    try:
        ordinals = table[_ROW].combine_chunks().cast(pa.int64())
    except pa.ArrowException as error:
        raise UsageError(f"{_ROW} of the mended rows holds no row numbers", why=str(error)) from error
    known = pc.is_in(ordinals, value_set=aside[_ROW].combine_chunks())
    strangers = ordinals.filter(pc.invert(known)).to_pylist()
    if strangers:
        raise UsageError(
            f"{len(strangers):,} of the mended rows were not set aside there",
            why=f"{_ROW} {listing(map(str, strangers))}",
            fix="look which rows were: dovetail quarantine show WHICH",
        )
    if len(ordinals.unique()) != len(ordinals):
        raise UsageError(f"some of the mended rows are there twice: {_ROW} must be unique")
    if _RUN in table.column_names:
        there = set(aside[_RUN].unique().to_pylist())
        others = set(table[_RUN].unique().to_pylist()) - there
        if others:
            raise UsageError(
                "the mended rows come from another run",
                why=f"{_RUN} is {listing(map(str, others))}, not {listing(map(str, there))}",
            )
    before = original_rows(aside)
    rows = original_rows(table)
    _same_columns(rows.column_names, before.column_names, "the rows that were set aside")
    checks = aside[_CHECKS].combine_chunks().flatten().unique().to_pylist()
    return Mended(_cast(rows.select(before.column_names), before.schema), ordinals, tuple(checks))


def _same_columns(have: Sequence[str], want: Sequence[str], whose: str) -> None:
    missing, more = [n for n in want if n not in have], [n for n in have if n not in want]
    told = [f"missing: {listing(missing)}"] * bool(missing) + [f"not there: {listing(more)}"] * bool(more)
    if told:
        raise DataError(
            f"the mended rows do not have the columns of {whose}",
            why="; ".join(told),
            fix="keep all columns as they were; those that begin with _dv_ may be left out, but for _dv_row",
        )


def _cast(rows: Any, schema: Any) -> Any:
    import pyarrow as pa

    columns = []
    for name, column in zip(schema.names, rows.columns, strict=True):
        wanted = schema.field(name).type
        try:
            columns.append(column if column.type == wanted else column.cast(wanted))
        except pa.ArrowException as error:
            raise DataError(
                f"column {name!r} of the mended rows does not fit", why=f"{column.type} to {wanted}: {error}"
            ) from error
    return pa.table(columns, schema=schema)
