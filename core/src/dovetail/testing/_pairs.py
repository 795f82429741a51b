"""Pairs of frames: what one carries of another, found by converting, and the law that nothing changes in silence."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from dovetail.errors import ConversionError, DovetailError, UnknownType, ValueMismatch
from dovetail.spec import TypeRef
from dovetail.testing._pair_probes import column_probes, shape_probes
from dovetail.testing._same_tables import meaning_of, unlike, values_of
from dovetail.types.arrow import normalise_table

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail.types import TypeEngine

ARROW = "pyarrow.Table"
READER = "pyarrow.RecordBatchReader"
CARRIED, REFUSED, CHANGED, CRASHED, LOST = "carried", "refused", "changed", "crashed", "lost"
_REFUSALS = (ConversionError, ValueMismatch)
_TEXTS = ("arrow.uuid", "arrow.json")
"""Extension types whose values are what their text is."""

Findings = dict[str, str]
"""Kind of column, or shape of a table -> what became of it: ``"carried"``, ``"as timestamp[ms]"``, ``"refused: why"``; and
``"lost: as string"``: refused unless the loss is allowed, and then it arrives so."""


class Tried(NamedTuple):
    """What became of one table: a finding, and the types in which columns arrived that came in another one."""

    told: str
    types: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Pair:
    """What was found about one ordered pair of frames.

    Attributes:
        source: Declared name.
        target: Declared name.
        findings: For every kind and shape that the source has.
        lossy: What the only road is declared to lose; empty if there is a faithful one.
    """

    source: str
    target: str
    findings: Findings = field(default_factory=dict)
    lossy: tuple[str, ...] = ()


class PairTable:
    """Measures pairs of frames through a type engine.

    Args:
        types: The engine.
        own: For a source, values that only its library has, by what is special about them.

    Attributes:
        names: Declared names of the frames: every type that Arrow tables become, whose library is installed.
        own: Values that only one library has.
    """

    def __init__(self, types: TypeEngine, own: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> None:
        self.types = types
        self.names = frames(types)
        self.own = own
        self._columns = column_probes()
        self._shapes = shape_probes()
        self._known: dict[Any, Any] = {}

    def once(self, key: Any, find: Callable[[], Any]) -> Any:
        """What ``find`` gives, found once for each key."""
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]

    def forget(self) -> None:
        """Let go of the values that were kept; libraries count those that are there when the process ends."""
        self._known.clear()

    def roads(self, source: str, target: str) -> tuple[bool, tuple[str, ...]]:
        """Whether any road leads there, and what the best one loses."""
        try:
            path = self.types.explain(TypeRef(source), TypeRef(target))
        except (ConversionError, UnknownType):
            return False, ()
        return True, path.lossy

    def made(self, source: str, table: pa.Table) -> Any:
        """An Arrow table as a value of the source. Raises what the conversion raises."""
        return table if source == ARROW else self.types.convert(table, TypeRef(source))

    def native(self, source: str) -> dict[str, tuple[pa.Table, ...]]:
        """The probes that the source has as they are: what it changes or refuses is another pair's finding."""

        def find() -> dict[str, tuple[pa.Table, ...]]:
            found = {}
            for kind, probes in (*self._columns.items(), *self._shapes.items()):
                kept = tuple(table for table in probes if self._has(source, table))
                if kept:
                    found[kind] = kept
            return found

        native: dict[str, tuple[pa.Table, ...]] = self.once(("native", source), find)
        return native

    def _has(self, source: str, table: pa.Table) -> bool:
        if source == ARROW:
            return True
        try:
            value = self.made(source, table)
            return compare(normalise_table(table), self.arrow(value)).told == CARRIED
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # whatever it is, it is the finding of the pair from Arrow
            return False

    def arrow(self, value: Any) -> pa.Table:
        """A value as an Arrow table."""
        return normalise_table(self.types.convert(value, TypeRef(ARROW)))

    def measure(self, source: str, target: str) -> Pair:
        """Try every probe that the source has, and its own values."""
        there, lossy = self.roads(source, target)
        pair = Pair(source, target, lossy=lossy)
        if not there:
            pair.findings["every kind"] = REFUSED
            return pair
        for kind, probes in self.native(source).items():
            told = {}
            for number, table in enumerate(probes):
                form = _form(table) if kind in self._columns else ""
                value = self._value(source, table, (kind, number))
                told[form] = self._found(value, table, target, lossy)
            pair.findings[kind] = _joined(told)
        for kind, value in self.own.get(source, {}).items():
            pair.findings[kind] = self._found_own(value, target, lossy)
        return pair

    def _found_own(self, value: Any, target: str, lossy: tuple[str, ...]) -> str:
        try:
            table = self.arrow(value)
        except _REFUSALS:
            return REFUSED
        except Exception as error:
            return _crashed(error)
        return self._found(value, table, target, lossy)

    def _found(self, value: Any, table: pa.Table, target: str, lossy: tuple[str, ...]) -> str:
        told = self.tried(value, table, target).told
        if told != REFUSED:
            return f"{CRASHED}: a lossy road was taken without permission" if lossy else told
        value = table.to_reader() if READER.endswith(f".{type(value).__name__}") else value
        allowed = self.tried(value, table, target, allow_lossy=True).told
        if lossy:
            return LOST if allowed.startswith(CHANGED) else allowed
        return told if allowed == REFUSED else LOST if allowed.startswith(CHANGED) else f"{LOST}: {allowed}"

    def _value(self, source: str, table: pa.Table, key: Any) -> Any:
        """A table as a value of the source: one for all targets, but for what can be read once."""
        if source == READER:
            return self.made(source, table)
        return self.once(("made", source, *key), lambda: self.made(source, table))

    def halfway(self, table: pa.Table, source: str) -> tuple[Tried, Any, Any]:
        """An Arrow table as a value of the source: what became of it, the value, and its Arrow form; both None if refused."""
        try:
            value = self.made(source, table)
            arrow = self.arrow(value)
        except _REFUSALS:
            return self.tried(table, table, source), None, None
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Tried(_crashed(error)), None, None
        return compare(normalise_table(table), arrow), value, arrow

    def tried(self, value: Any, table: pa.Table, target: str, allow_lossy: bool = False) -> Tried:
        """What becomes of a value whose Arrow form is ``table``."""
        try:
            after = self.types.convert(value, TypeRef(target), allow_lossy=allow_lossy)
            return compare(normalise_table(table), self.arrow(after))
        except _REFUSALS as error:
            return Tried(REFUSED if error.what and (error.why or error.fix) else f"{CRASHED}: refused without a reason")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # engines raise panics that are no Exception
            return Tried(_crashed(error))


def frames(types: TypeEngine) -> tuple[str, ...]:
    """Declared names of the types that Arrow tables come from or become, whose libraries are installed; Arrow first."""
    found = []
    for name, spec in sorted(types.catalogue.transformers().items()):
        ends = {edge.source for edge in spec.converters} | {edge.target for edge in spec.converters}
        if name == ARROW or not ends or name.startswith("dovetail."):
            continue
        try:
            types.transformer_named(name)
            table = column_probes()["int64"][0]
            types.convert(table, TypeRef(name))
        except (DovetailError, ImportError):
            continue
        found.append(name)
    return (ARROW, *found)


def compare(before: pa.Table, after: pa.Table) -> Tried:
    """What became of a table; chunks and metadata aside."""
    if before.num_rows != after.num_rows:
        return Tried(f"{CHANGED}: {before.num_rows} rows became {after.num_rows}")
    if before.column_names != after.column_names:
        return Tried(f"{CHANGED}: the columns {before.column_names} became {after.column_names}")
    odd = unlike(before, after)
    if not odd:
        return Tried(CARRIED)
    before, after = before.select(odd), after.select(odd)
    old, new = (_by_position(table) for table in (before, after))
    if values_of(old) != values_of(new) and _meant(old) != _meant(new):
        return Tried(f"{CHANGED}: {values_of(old)} became {values_of(new)}")
    forgotten = _forgotten(before, after)
    if forgotten:
        return Tried(f"{CHANGED}: {forgotten}")
    types = {
        name: _named(now)
        for name, then, now in zip(before.column_names, before.schema.types, after.schema.types, strict=True)
        if meaning_of(then) != meaning_of(now)
    }
    return Tried("as " + ", ".join(dict.fromkeys(types.values())) if types else CARRIED, types)


def _forgotten(before: pa.Table, after: pa.Table) -> str:
    """What became of a column of an extension type that came as what it is stored as: a period as its number."""
    import pyarrow as pa

    for name, then, now in zip(before.column_names, before.schema.types, after.schema.types, strict=True):
        meaning = isinstance(then, pa.BaseExtensionType) and then.extension_name not in _TEXTS
        if meaning and not isinstance(now, pa.BaseExtensionType):
            return f"the column {name!r} of the type {then.extension_name} became {now}"
    return ""


def _crashed(error: BaseException) -> str:
    return f"{CRASHED}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _by_position(table: pa.Table) -> pa.Table:
    return table.rename_columns([f"{number} {name}" for number, name in enumerate(table.column_names)])


def _named(kind: Any) -> str:
    """A type as it stands in a cell: of a dictionary, what it is of."""
    import pyarrow.types as t

    return (
        f"{'ordered ' if kind.ordered else ''}categories of {kind.value_type}" if t.is_dictionary(kind) else str(kind)
    )


def _form(table: pa.Table) -> str:
    if not table.num_rows:
        return "no rows"
    return "nulls" if table.column(0).num_chunks > 1 else ""


def _joined(told: Mapping[str, str]) -> str:
    """One finding for all forms of a kind."""
    kinds = set(told.values())
    if len(kinds) == 1:
        return kinds.pop()
    plain = told.get("")
    others = {form: text for form, text in told.items() if text != plain}
    if plain is None or plain.startswith(REFUSED):
        return "; ".join(f"{form or 'values'}: {text}" for form, text in told.items())
    return "; ".join([plain, *(f"with {form}: {text}" for form, text in others.items())])


def _meant(table: pa.Table) -> str:
    """The values of a table as text, where a moment is the same in every zone, and a UUID is its text."""
    return repr([[_plain(item) for item in column.to_pylist()] for column in table.columns])


def _plain(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: _plain(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_plain(value) for value in item]
    if isinstance(item, dt.datetime) and item.tzinfo is not None:
        return item.astimezone(dt.UTC)
    return str(item) if isinstance(item, uuid.UUID) else item
