"""What an annotation asks of a result: a table, one value, or rows as records."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import types
import typing
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, is_typeddict

from dovetail.errors import DefinitionError, ValueMismatch, listing
from dovetail.spec import TypeRef

if TYPE_CHECKING:
    import pyarrow as pa

Shape = Literal["table", "scalar", "record", "records"]

QUERIES = ("dovetail_sql.Query", "dovetail_sql.query.Query")
RELATIONS = ("duckdb.DuckDBPyRelation", "duckdb._relation.DuckDBPyRelation", "_duckdb.DuckDBPyRelation")
"""Names of types whose values are no rows, but will give them; the first is the usual one."""

_SCALARS = (
    bool, int, float, complex, str, bytes, decimal.Decimal, datetime.date, datetime.datetime, datetime.time,
    datetime.timedelta, uuid.UUID,
)  # fmt: skip


def as_annotation(annotation: Any) -> Any:
    """An annotation given as a type or as a dotted string."""
    return TypeRef(annotation) if isinstance(annotation, str) else annotation


def bare(annotation: Any) -> Any:
    """The type without ``Annotated``."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def without_none(annotation: Any) -> Any:
    """``X`` of ``X | None``; anything else as it is."""
    annotation = bare(annotation)
    if get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [member for member in get_args(annotation) if member is not type(None)]
        if len(rest) == 1:
            return bare(rest[0])
    return annotation


def is_value(annotation: Any) -> bool:
    """True if values of this annotation are bound as parameters; False if they are tables."""
    annotation = without_none(annotation)
    origin = get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return all(is_value(member) for member in get_args(annotation))
    if origin is Literal or annotation in (Any, type(None), list, tuple, set, frozenset):
        return True
    if origin in (list, tuple, set, frozenset):
        return all(is_value(member) for member in get_args(annotation) if member is not Ellipsis)
    return isinstance(annotation, type) and (issubclass(annotation, (*_SCALARS, enum.Enum)) or _is_path(annotation))


def is_stream(annotation: Any) -> bool:
    """True if the rows are wanted bit by bit."""
    annotation = without_none(annotation)
    if isinstance(annotation, TypeRef):
        return annotation.name in ("pyarrow.RecordBatchReader", "pyarrow.lib.RecordBatchReader")
    return getattr(annotation, "__module__", "") == "pyarrow.lib" and annotation.__name__ == "RecordBatchReader"


def is_query(annotation: Any) -> bool:
    """True for a :class:`~dovetail_sql.Query`, which fetches no rows."""
    return _named(annotation) in QUERIES


def is_relation(annotation: Any) -> bool:
    """True for DuckDB's relation."""
    return _named(annotation) in RELATIONS


def _named(annotation: Any) -> str:
    annotation = without_none(annotation)
    if isinstance(annotation, TypeRef):
        return annotation.name
    return f"{getattr(annotation, '__module__', '')}.{getattr(annotation, '__qualname__', '')}"


def _is_path(annotation: type) -> bool:
    import os

    return issubclass(annotation, os.PathLike)


def shape_of(annotation: Any, who: str) -> Shape:
    """What the annotation of an output asks for.

    Raises:
        DefinitionError: No result of a statement has this shape.
    """
    annotation = without_none(annotation)
    if _is_record(annotation):
        return "record"
    if get_origin(annotation) is list:
        if _is_record(get_args(annotation)[0]):
            return "records"
    elif annotation is Any or not is_value(annotation):
        return "table"
    elif get_origin(annotation) is None and annotation not in (list, tuple, set, frozenset):
        return "scalar"
    raise DefinitionError(
        f"a SQL task cannot return {annotation}",
        who=who,
        fix="output= is a dataframe type, a single type such as int, a dataclass or TypedDict, or a list of those",
    )


def _is_record(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        return False  # a NamedTuple means several outputs
    return (
        is_typeddict(annotation)
        or (isinstance(annotation, type) and dataclasses.is_dataclass(annotation))
        or (annotation is dict or get_origin(annotation) is dict)
    )


def shaped(rows: pa.Table, annotation: Any, who: str) -> Any:
    """The result of a statement in the shape that the annotation asks for.

    Raises:
        ValueMismatch: There are more or fewer rows or columns than that shape has.
    """
    shape, target = shape_of(annotation, who), without_none(annotation)
    if shape == "table":
        return rows
    if shape == "scalar":
        if rows.num_rows != 1 or rows.num_columns != 1:
            raise ValueMismatch(
                f"the result has {_count(rows.num_rows, 'row')} and {_count(rows.num_columns, 'column')}",
                who=who,
                why=f"the output is {_name(target)}, so it must be exactly one row of one column",
                fix="change the statement, or ask for a table: output=polars.DataFrame",
            )
        return _scalar(rows.column(0)[0].as_py(), target)
    if shape == "records":
        return _records(rows, bare(get_args(target)[0]), who)
    if rows.num_rows != 1:
        raise ValueMismatch(
            f"the result has {_count(rows.num_rows, 'row')}",
            who=who,
            why=f"the output is {_name(target)}, so it must be exactly one",
            fix=f"change the statement, or ask for output=list[{_name(target)}]",
        )
    return _records(rows, target, who)[0]


def _records(rows: pa.Table, target: Any, who: str) -> list[Any]:
    if target is dict or get_origin(target) is dict:
        return list(rows.to_pylist())
    hints = typing.get_type_hints(target)
    if dataclasses.is_dataclass(target):
        fields = [f for f in dataclasses.fields(target) if f.init]
        required = {
            f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        allowed = {f.name for f in fields}
    else:
        required, allowed = set(target.__required_keys__), set(hints)
    found = set(rows.column_names)
    if not required <= found <= allowed:
        raise ValueMismatch(
            f"the columns of the result are not the fields of {_name(target)}",
            who=who,
            why=f"columns: {listing(found)}; fields: {listing(allowed)}",
            fix="select exactly its fields, with 'as' where names differ",
        )
    converted = (
        {name: _scalar(value, without_none(hints[name])) for name, value in row.items()} for row in rows.to_pylist()
    )
    return [target(**row) for row in converted]


def _scalar(value: Any, target: Any) -> Any:
    """The value as the wanted type where nothing is lost: databases have fewer types than Python."""
    if value is None or type(value) is target:
        return value
    try:
        if target is int and isinstance(value, decimal.Decimal) and value == int(value):
            return int(value)  # DuckDB's sum() of ints is a HUGEINT
        if target is float and isinstance(value, int | decimal.Decimal) and not isinstance(value, bool):
            return float(value)
        if target is decimal.Decimal and isinstance(value, int | str):
            return decimal.Decimal(value)
        if target is bool and value in (0, 1) and isinstance(value, int):
            return bool(value)
        if target in (datetime.date, datetime.datetime, datetime.time) and isinstance(value, str):
            return target.fromisoformat(value)
        if target is uuid.UUID and isinstance(value, str):
            return uuid.UUID(value)
        if isinstance(target, type) and issubclass(target, enum.Enum):
            return target(value)
    except (ValueError, ArithmeticError):
        pass  # the type engine words the mismatch
    return value


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _name(target: Any) -> str:
    return getattr(target, "__name__", None) or str(target)
