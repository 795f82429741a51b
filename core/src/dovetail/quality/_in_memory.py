"""What a gate looks at where all rows are in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConversionError, PlatformError
from dovetail.quality import _rows
from dovetail.quality._lookup import catalogue_of, find_frame_spec, load_engine
from dovetail.quality.checks import Suite
from dovetail.quality.checks.engines import FrameChecks
from dovetail.spec import CheckEngine, CheckOutcome, TypeRef
from dovetail.types import TypeEngine
from dovetail.types.arrow import TableTransformer

if TYPE_CHECKING:
    from dovetail.quality.checks import Check
    from dovetail.spec import TypeTransformer

ARROW = "pyarrow.Table"


@dataclass(slots=True)
class InMemory:
    """The value as rows: for a lazy value the rows it was collected to, so that what was checked is what is published.

    Attributes:
        type_name: Type of the value.
        base: The rows.
        transformer: Of the rows.
        rows: How many they are.
        lazy: The value is a plan, which ``base`` was collected from.
        types: The type engine.
    """

    type_name: str
    base: Any
    transformer: TypeTransformer
    rows: int
    lazy: bool
    types: TypeEngine

    @classmethod
    def of(cls, value: Any, types: TypeEngine, gate: str, collected: Any = None) -> InMemory:
        """The rows of a value.

        Args:
            value: Any table.
            types: The type engine.
            gate: Name of the gate.
            collected: Of a lazy value its rows as ``pyarrow.Table``, where they were taken already.
        """
        transformer = types.transformer_for(value)
        name, base, lazy = transformer.type_name, value, transformer.lazy
        if not transformer.is_table:
            raise no_table(name, gate)
        if lazy:
            source = value if collected is None else collected
            base = types.convert(source, TypeRef(_eager_sibling(name, types)))
            transformer = types.transformer_for(base)
        rows = transformer.num_rows(base)
        if rows is None:
            raise PlatformError(f"the transformer of {name} does not count rows", fix="implement its num_rows()")
        return cls(name, base, transformer, rows, lazy, types)

    def engine(self, engine: CheckEngine, suite: Any) -> CheckEngine:
        """The engine that evaluates a native suite on a frame as it is, if a plugin brings one. All count alike."""
        if not isinstance(suite, Suite):
            return engine
        catalogue = catalogue_of(self.types)
        spec = find_frame_spec(self.transformer.type_name, catalogue, self.rows)
        return engine if spec is None else load_engine(spec, catalogue)

    def outcomes(self, engine: CheckEngine, suite: Any) -> list[CheckOutcome]:
        """What the engine found."""
        frames = engine.frames(suite)
        if self.transformer.type_name in frames:
            return engine.evaluate(suite, self.base)
        names = self._names() if isinstance(suite, Suite) and ARROW in frames else None
        if names is None:
            return engine.evaluate(suite, _convert(self.base, frames, self.types))
        return _Narrowed(names, self).evaluate(suite, self.base)

    def _names(self) -> list[str] | None:
        """Names of the columns in Arrow; None where a transformer only selects columns by converting all of them."""
        transformer = self.transformer
        if not isinstance(transformer, TableTransformer) or type(transformer).project is TableTransformer.project:
            return None
        try:
            return list(transformer.head(self.base, 0).column_names)
        except Exception:  # two columns of one name, for example: the conversion says so
            return None

    def narrowed(self, value: Any, columns: Sequence[str]) -> Any:
        """These columns of the rows, or of some of them, as ``pyarrow.Table``; the others are not looked at."""
        return _convert(self.transformer.project(value, dict.fromkeys(columns)), (ARROW,), self.types)

    def pieces(self) -> Iterator[Any]:
        """All rows as ``pyarrow.Table``, piece by piece."""
        yield self.transformer.to_arrow(self.base)

    def shown(self, rows: Any, columns: Sequence[str]) -> Any:
        """These columns of a few rows (ascending int64 Arrow array) as ``pyarrow.Table``, or more of them."""
        names = [name for name in self._names() or () if name in columns]
        if not names:
            return self._taken(rows)
        return self.narrowed(self.transformer.take_rows(self.base, _rows.as_sequence(rows)), names)

    def _taken(self, rows: Any) -> Any:
        return self.transformer.to_arrow(self.transformer.take_rows(self.base, _rows.as_sequence(rows)))

    def failing(self, rows: Any) -> Iterator[Any]:
        """These rows as ``pyarrow.Table``, piece by piece."""
        yield self._taken(rows)

    def whole(self, value: Any) -> Any:
        """What was checked, in the type of the value."""
        return self.types.convert(self.base, TypeRef(self.type_name)) if self.lazy else value

    def without(self, removed: Any) -> tuple[Any, int]:
        """What was checked without these rows, in the type of the value; and how many rows that are."""
        clean = self.transformer.take_rows(self.base, _rows.as_sequence(_rows.complement(removed, self.rows)))
        count = self.transformer.num_rows(clean) or 0
        return self.types.convert(clean, TypeRef(self.type_name)) if self.lazy else clean, count

    def refused(self, value: Any) -> Any:
        """What was checked, for people to look at."""
        return self.whole(value)


class _Narrowed(FrameChecks):
    """Native checks in Arrow, of a frame that no engine looks at: the columns that they read are converted, no others."""

    def __init__(self, names: list[str], table: InMemory) -> None:
        self._names, self._table = names, table

    def columns(self, value: Any) -> list[str]:
        """The names of the frame's columns."""
        return self._names

    def rows(self, value: Any) -> int:
        """The number of the frame's rows."""
        return self._table.rows

    def outcomes(self, checks: Sequence[Check], value: Any) -> list[CheckOutcome | None]:
        """All are left to Arrow."""
        return [None] * len(checks)

    def to_arrow(self, value: Any, columns: Sequence[str]) -> Any:
        """A ``pyarrow.Table`` of these columns of the frame."""
        return self._table.narrowed(value, columns)


def no_table(name: str, gate: str, why: str | None = None) -> ConversionError:
    """The error for a gate behind something else than a table."""
    return ConversionError(
        f"gate {gate!r} looks at tables; what it stands behind is {name}",
        why=why,
        fix="put the gate on an output or input that is a table, or take it off",
    )


def _eager_sibling(name: str, types: TypeEngine) -> str:
    """The table type that a lazy one is collected to: of the same library where there is one, else Arrow."""
    package = name.partition(".")[0]
    for other in catalogue_of(types).transformers():
        if other != name and other.partition(".")[0] == package:
            sibling = types.transformer_named(other)
            if sibling.is_table and not sibling.lazy:
                return other
    return ARROW


def _convert(base: Any, frames: Sequence[str], types: TypeEngine) -> Any:
    refused: ConversionError | None = None
    for frame in frames:
        try:
            return types.convert(base, TypeRef(frame))
        except ConversionError as error:
            refused = refused or error
    raise refused or PlatformError("the check engine names no frame that it looks at", fix="implement its frames()")
