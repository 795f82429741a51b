"""What a gate looks at where all rows are in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConversionError, PlatformError
from dovetail.quality import _rows
from dovetail.quality._lookup import catalogue_of, find_frame_spec, load_engine
from dovetail.quality.checks import Suite
from dovetail.spec import CheckEngine, CheckOutcome, TypeRef
from dovetail.types import TypeEngine

if TYPE_CHECKING:
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
        own = self.transformer.type_name
        return engine.evaluate(suite, self.base if own in frames else _convert(self.base, frames, self.types))

    def pieces(self) -> Iterator[Any]:
        """All rows as ``pyarrow.Table``, piece by piece."""
        yield self.transformer.to_arrow(self.base)

    def shown(self, rows: Any, columns: Sequence[str]) -> Any:
        """A few rows (ascending int64 Arrow array) as ``pyarrow.Table``."""
        return self.transformer.to_arrow(self.transformer.take_rows(self.base, _rows.as_sequence(rows)))

    def failing(self, rows: Any) -> Iterator[Any]:
        """These rows as ``pyarrow.Table``, piece by piece."""
        yield self.shown(rows, ())

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
