"""What the type engine reads in ``Annotated``: declared columns, the format to store in, how much may be collected.

Everything else that stands there (gates, help texts, datasets) is left to others.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from dovetail.config import parse_size
from dovetail.errors import DefinitionError, nearest, shorten
from dovetail.spec import TypeRef
from dovetail.types._names import NoneType, is_alias, is_union, normalise
from dovetail.types._registry import Registry

_NO_TABLES = ("dovetail.File", "dovetail.Directory")
_R = TypeVar("_R", bound="Refinement")
Extra = Literal["drop", "keep", "refuse"]


class Refinement:
    """Base of what the type engine reads in ``Annotated``. Frozen and hashable.

    Attributes:
        about: What it can be said of: ``"tables"``, ``"files"``.
    """

    __slots__ = ()
    about: ClassVar[tuple[str, ...]] = ("tables",)

    def text(self) -> str:
        """For people and for fingerprints: the same in every process."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Column:
    """One declared column.

    Attributes:
        type: A Python type (``int``, ``float | None``, ``list[str]``), a ``pyarrow.DataType``, or the name of one:
            ``"int32"``, ``"timestamp[us, tz=UTC]"``. ``Any``: whatever there is.
        nullable: Whether nulls may occur; ``X | None`` as type says so too.
    """

    type: Any
    nullable: bool = False

    def __repr__(self) -> str:
        return _type_text(self.type) + (" | None" if self.nullable else "")


@dataclass(frozen=True, slots=True)
class Columns(Refinement):
    """Columns that a table must have; made by :func:`columns`."""

    declared: tuple[tuple[str, Column], ...]
    extra: Extra = "drop"

    def text(self) -> str:
        """``[a: int, b: str | None]``."""
        inside = [f"{name}: {column!r}" for name, column in self.declared]
        if self.extra != "drop":
            inside.append(f"extra={self.extra!r}")
        return f"[{', '.join(inside)}]"

    def __repr__(self) -> str:
        return f"columns{self.text()}"


@dataclass(frozen=True, slots=True)
class Stored(Refinement):
    """``Annotated[pl.DataFrame, dt.Stored("arrow")]``: the format in which this value is stored."""

    about: ClassVar[tuple[str, ...]] = ("tables", "files")
    format: str

    def text(self) -> str:
        """``[stored as arrow]``."""
        return f"[stored as {self.format}]"


@dataclass(frozen=True, slots=True)
class Collect(Refinement):
    """``Annotated[pd.DataFrame, dt.Collect("8GB")]``: how much may be collected into this process for this one value.

    Attributes:
        max_bytes: Bytes, as a number or a text such as ``"8GB"``. Takes the place of the setting ``max_collect_bytes``.
    """

    max_bytes: Any

    def __post_init__(self) -> None:
        try:
            most = parse_size(self.max_bytes) if isinstance(self.max_bytes, str) else self.max_bytes
        except ValueError as error:
            raise DefinitionError(f"Collect({self.max_bytes!r})", why=str(error), fix='Collect("8GB")') from None
        if type(most) is not int or most < 0:
            raise DefinitionError(f"Collect({shorten(self.max_bytes)}): expected a size", fix='Collect("8GB")')
        object.__setattr__(self, "max_bytes", most)

    def text(self) -> str:
        """Nothing: it changes no value."""
        return ""


@dataclass(frozen=True, slots=True)
class Lossy(Refinement):
    """``Annotated[duckdb.DuckDBPyRelation, dt.Lossy()]``: on its way here this value may lose what the type has no place for."""

    def text(self) -> str:
        """``[may lose]``."""
        return "[may lose]"


def columns(declared: Mapping[str, Any] | None = None, /, *, extra: Extra = "drop", **more: Any) -> Columns:
    """Declare the columns of a table, for ``Annotated[pl.DataFrame, dt.columns(a=int, b=str | None)]``.

    Values that cross the border are projected to these columns, in this order, and refused unless names, types and nulls agree.
    Types are compared strictly: an int never becomes a float. What widens without a change is widened: ``int32`` to ``int64``,
    ``float32`` to ``float64``, categories of text to text.

    Args:
        declared: Columns by name, for names that are no identifiers, or called ``extra``.
        extra: What becomes of other columns: ``"drop"``, ``"keep"`` (then the order is that of the value), or ``"refuse"``.
        more: Columns by name: a type as in :class:`Column`, or a Column. Without ``| None`` a column may hold no nulls.

    Raises:
        DefinitionError: A name or type is none, or no column is declared.
    """
    wanted = {**(declared or {}), **more}
    if extra not in get_args(Extra):
        close = nearest(str(extra), get_args(Extra))
        raise DefinitionError(
            f"columns(extra={shorten(extra)})",
            why="a column that is called 'extra' is declared by columns({'extra': type})",
            fix=f'use "{close}"' if close else 'use "drop", "keep" or "refuse"',
        )
    if not wanted:
        raise DefinitionError("columns() declares no column", fix="columns(a=int, b=str)")
    odd = next((name for name in wanted if not isinstance(name, str)), None)
    if odd is not None:
        raise DefinitionError(f"the name of a column is text, not {shorten(odd)}", fix="columns({'a': int})")
    return Columns(tuple((name, _column(name, kind)) for name, kind in wanted.items()), extra)


def _column(name: str, kind: Any) -> Column:
    from dovetail.types._column_types import expect

    nullable = False
    if isinstance(kind, Column):
        kind, nullable = kind.type, kind.nullable
    if isinstance(kind, str) and kind.replace(" ", "").endswith("|None"):
        kind, nullable = kind.rpartition("|")[0].strip(), True
    if is_union(kind) and NoneType in get_args(kind):
        rest = tuple(arm for arm in get_args(kind) if arm is not NoneType)
        kind, nullable = (Union[rest] if rest else None), True  # noqa: UP007 - the members are known only now
    try:
        expect(kind)
    except ValueError as error:
        raise DefinitionError(
            f"the type {shorten(kind)} of column {name!r} is none that a column can have",
            why=str(error),
            fix='give a Python type such as int, str or list[float], a pyarrow type, or the name of one, such as "int32"',
        ) from None
    return Column(kind, nullable)


def _type_text(kind: Any) -> str:
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return str(kind).replace("typing.", "")


# -- in annotations ------------------------------------------------------------------------------------


def refine(annotation: Any, within: frozenset[Any] = frozenset()) -> Any:
    """Like ``normalise``, but refinements stay, wherever they stand; behind a union they go to its members.

    Args:
        annotation: Any annotation.
        within: Aliases that it stands in.

    Raises:
        DefinitionError: Something stands behind a type inside of an alias that holds itself.
    """
    if is_alias(annotation) and annotation in within:
        raise DefinitionError(
            f"the type {annotation} holds itself, and more than a type stands in it",
            why="columns are declared, and losses allowed, of a type that has an end",
            fix="take what stands behind the type out of it, or write the alias without itself",
        )
    if not _mentions(annotation):
        return normalise(annotation)
    if is_alias(annotation):
        within |= {annotation}
    annotation = _unwrapped(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _attach(refine(args[0], within), [each for each in args[1:] if isinstance(each, Refinement)])
    inner = tuple(refine(arg, within) for arg in args)
    if is_union(annotation):
        return Union[inner]  # noqa: UP007 - the members are known only now
    if isinstance(annotation, types.GenericAlias):
        return types.GenericAlias(origin, inner)
    return annotation.copy_with(inner)


def _attach(annotation: Any, refinements: list[Refinement]) -> Any:
    if not refinements:
        return annotation
    if is_union(annotation):
        arms = (arm if arm is NoneType else _attach(arm, refinements) for arm in get_args(annotation))
        return Union[tuple(arms)]  # noqa: UP007 - the members are known only now
    base, *before = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    by_kind = {type(each).__name__: each for each in (*before, *refinements)}  # the outermost of a kind counts
    return Annotated[(base, *(by_kind[name] for name in sorted(by_kind)))]


def _mentions(annotation: Any, within: frozenset[Any] = frozenset()) -> bool:
    if is_alias(annotation):
        if annotation in within:
            return False
        within |= {annotation}
    annotation = _unwrapped(annotation)
    args = get_args(annotation)
    if not args or get_origin(annotation) is Literal:
        return False
    if get_origin(annotation) is Annotated:
        return any(isinstance(each, Refinement) for each in args[1:]) or _mentions(args[0], within)
    return any(_mentions(arg, within) for arg in args)


def _unwrapped(annotation: Any) -> Any:
    """What a NewType, or a ``type`` statement that is no circle, stands for."""
    seen = 0
    while isinstance(annotation, typing.NewType) or is_alias(annotation):
        annotation = annotation.__supertype__ if isinstance(annotation, typing.NewType) else annotation.__value__
        seen += 1
        if seen > 10:
            break
    return annotation


def refinement(annotation: Any, kind: type[_R]) -> _R | None:
    """The refinement of one kind that stands behind a type; None if there is none."""
    if get_origin(annotation) is not Annotated:
        return None
    found = [each for each in get_args(annotation)[1:] if isinstance(each, kind)]
    return found[-1] if found else None


def check_refined(annotation: Any, registry: Registry) -> None:
    """Raise DefinitionError if what stands behind a type cannot be said of it: columns of an int."""
    base = normalise(annotation)
    spec = registry.leaf(base)
    table = spec.type not in _NO_TABLES if spec is not None else hasattr(base, "__arrow_c_stream__")
    if isinstance(base, TypeRef) or base is Any:
        return
    kind = "tables" if table else "files" if spec is not None else "plain values"
    said = [each for each in get_args(annotation)[1:] if isinstance(each, Refinement) and kind not in each.about]
    if said:
        raise DefinitionError(
            f"{registry.shown(base)} cannot be declared with {said[0]!r}",
            why=f"it says something of {' and '.join(said[0].about)}",
            fix="put it behind the type of a frame: Annotated[pl.DataFrame, ...], also inside a list or a record"
            if "tables" in said[0].about
            else "put it behind dt.File or dt.Directory, also inside a list or a record",
        )


def is_refined(annotation: Any) -> bool:
    """Whether a refinement stands right behind the type."""
    return refinement(annotation, Refinement) is not None
