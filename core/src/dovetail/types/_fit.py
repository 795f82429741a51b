"""Tables at a border with declared columns: projected, widened where that changes nothing, otherwise refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dovetail.errors import ValueMismatch, listing, nearest
from dovetail.spec import TypeTransformer
from dovetail.types._arrow_layout import plain_type, project_table
from dovetail.types._column_types import expect, fits
from dovetail.types._exact import Acceptor
from dovetail.types._graph import HUB
from dovetail.types._mismatch import Mismatch, render_path
from dovetail.types._refine import Column, Columns
from dovetail.types._registry import Registry
from dovetail.types._roads import Roads

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 5
_NUMPY = {"double": "float64", "float": "float32", "halffloat": "float16"}
"""Arrow's names that people know from elsewhere, or by another meaning."""
Projection = Mapping[str, Any]


class ColumnsMismatch(Mismatch):
    """Raised where a table does not have the columns that were declared.

    Args:
        value: The table, or its type name where there is none yet.
        declared: What was declared.
        problems: One dict each: ``column``, ``expected``, ``got``, ``fix``.
    """

    def __init__(self, value: Any, declared: Columns, problems: Sequence[dict[str, str]]) -> None:
        super().__init__(value, f"a table with the columns {declared.text()}")
        self.problems = problems

    def error(self, annotation: Any) -> ValueMismatch:
        """The public error: the first problem as the message, the others behind it."""
        first, *others = self.problems
        place = render_path(self.path)
        more = [
            f"column {each['column']!r}: expected {each['expected']}, got {each['got']}" for each in others[:_SHOWN]
        ]
        if len(others) > _SHOWN:
            more.append(f"and {len(others) - _SHOWN} more")
        return ValueMismatch(
            f"column {first['column']!r}{f' at {place}' if place else ''}: expected {first['expected']}, got {first['got']}",
            why="\n".join((f"the annotation declares {self.expected.partition('columns ')[2]}", *more)),
            fix=first["fix"],
            path=place,
            expected=self.expected,
            columns=[{key: each[key] for key in ("column", "expected", "got")} for each in self.problems],
        )


class Fit:
    """Declared columns, compiled: what has to be done to a table with a given schema."""

    def __init__(self, declared: Columns) -> None:
        self.declared = declared
        self._columns = dict(declared.declared)
        self._expected = {name: expect(column.type) for name, column in self._columns.items()}
        self.without_nulls = tuple(name for name, column in self._columns.items() if not column.nullable)

    def projection(self, schema: pa.Schema, value: Any) -> Projection | None:
        """Column -> type to widen it to, or None, in the order wanted; None if the table is right as it is.

        Raises:
            ColumnsMismatch: It cannot be made right.
        """
        names: list[str] = schema.names
        problems, wider = [], {}
        for name, column in self._columns.items():
            if names.count(name) != 1:
                problems.append(_missing(name, column, names))
                continue
            actual = schema.field(name).type
            wanted = fits(actual, self._expected[name])
            if wanted is None:
                problems.append(_wrong_type(name, column, actual))
            elif wanted != plain_type(actual):
                wider[name] = wanted
        if self.declared.extra == "refuse":
            problems += [_not_declared(name) for name in names if name not in self._columns]
        if problems:
            raise ColumnsMismatch(value, self.declared, problems)
        order = names if self.declared.extra == "keep" else list(self._columns)
        if order == names and not wider:
            return None
        return {name: wider.get(name) for name in order}

    def refuse_nulls(self, counts: Mapping[str, int], value: Any) -> None:
        """Raise ColumnsMismatch for columns that hold nulls and may not."""
        problems = [
            {
                "column": name,
                "expected": repr(self._columns[name]),
                "got": f"{counts[name]} null{'s' if counts[name] > 1 else ''}",
                "fix": f"drop or fill the nulls before this border, or declare {name}={self._columns[name]!r} | None",
            }
            for name in self.without_nulls
            if counts.get(name)
        ]
        if problems:
            raise ColumnsMismatch(value, self.declared, problems)


def _missing(name: str, column: Column, names: list[str]) -> dict[str, str]:
    if name in names:
        got, fix = f"{names.count(name)} columns of that name", "rename or drop the others"
    else:
        close = nearest(name, names)
        got = f"none of that name ({f'the nearest is {close!r}' if close else f'there are {listing(names, 8)}'})"
        fix = f"rename {close!r} to {name!r}, or declare {close}=..." if close else "declare columns that the table has"
    return {"column": name, "expected": repr(column), "got": got, "fix": fix}


def _wrong_type(name: str, column: Column, actual: pa.DataType) -> dict[str, str]:
    return {
        "column": name,
        "expected": repr(column),
        "got": _NUMPY.get(str(actual), str(actual)),
        "fix": f'cast {name!r} before this border, or declare {name}="{_NUMPY.get(str(actual), plain_type(actual))}"',
    }


def _not_declared(name: str) -> dict[str, str]:
    fix = f'drop {name!r}, declare it, or use extra="drop" or "keep"'
    return {"column": name, "expected": "none of that name (extra='refuse')", "got": "one", "fix": fix}


class Projector:
    """Applies compiled declarations to values of declared types."""

    def __init__(self, registry: Registry, roads: Roads) -> None:
        self._registry = registry
        self._roads = roads

    def around(self, inner: Acceptor, declared: Columns) -> Acceptor:
        """The acceptor of the type, for values with these columns. What can be dropped is dropped before it is converted."""
        fit = Fit(declared)

        def accept(value: Any) -> Any:
            value, done = self._project(value, fit, last=False)
            value = inner(value)
            if not done:
                value, _ = self._project(value, fit, last=True)
            self._refuse_nulls(value, fit)
            return value

        return accept

    def _project(self, value: Any, fit: Fit, *, last: bool) -> tuple[Any, bool]:
        transformer = self._table(value)
        if transformer is None:
            if last:
                raise Mismatch(value, "a table", "only tables of a known type have declared columns")
            return value, False
        schema = transformer.arrow_schema(value)
        if schema is None:
            if not last:
                return value, False
            schema = transformer.to_arrow(value).schema
        projection = fit.projection(schema, value)
        if projection is None:
            return value, True
        try:
            return transformer.project(value, projection), True
        except NotImplementedError:
            if not last:
                return value, False
        spec = self._registry.find_class(type(value))
        table = project_table(transformer.to_arrow(value), projection)
        return self._roads.between(HUB, spec.type)(table), True  # type: ignore[union-attr]

    def _refuse_nulls(self, value: Any, fit: Fit) -> None:
        transformer = self._table(value) if fit.without_nulls else None
        counts = transformer.null_counts(value, fit.without_nulls) if transformer is not None else None
        if counts:
            fit.refuse_nulls(counts, value)

    def _table(self, value: Any) -> TypeTransformer | None:
        spec = self._registry.leaf(type(value))
        transformer = self._registry.transformer(spec) if spec is not None else None
        return transformer if transformer is not None and transformer.is_table else None
