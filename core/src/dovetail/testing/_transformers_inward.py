"""What comes into a type from elsewhere: a faithful converter carries it or refuses it, and never drops it in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dovetail.errors import ConversionError, shorten
from dovetail.spec import ConverterSpec, TypeRef
from dovetail.testing._base import fail
from dovetail.testing._same_tables import same_table, values_of

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail.testing._harness import HubHarness
    from dovetail.testing._transformers import TransformerSuite

ARROW = "pyarrow.Table"
_MORE = "one more"
"""What a column, or a key, is called that no value of the type has."""


def check_inward(suite: TransformerSuite, hub: HubHarness, edge: ConverterSpec, convert: Callable[[Any], Any]) -> None:
    """Give a converter into the type more than its own values hold; what it does not refuse has to come back from the type."""
    if _both_ways(hub, suite.type) and _both_ways(hub, edge.source):
        for table in _more_tables(suite, hub):
            _try_table(suite, hub, edge, convert, table)
    elif edge.source == "dict" and leads(hub, suite.type, "dict"):
        for value in suite._few(hub, 4):
            source = {**hub.types.convert(value, dict), _MORE: 1}
            made = _converted(convert, source)
            if made is not None:
                back = hub.types.convert(made, dict)
                must_come_back(source == back, edge, source, back)


def leads(hub: HubHarness, source: str, target: str) -> bool:
    """Whether a faithful road of declared converters leads from one type to another."""
    try:
        hub.types.check_edge(TypeRef(source), TypeRef(target))
    except ConversionError:
        return False
    return True


def _both_ways(hub: HubHarness, name: str) -> bool:
    """Whether values of a type can be made of Arrow tables, and looked at as such."""
    return name == ARROW or (leads(hub, name, ARROW) and leads(hub, ARROW, name))


def _try_table(
    suite: TransformerSuite, hub: HubHarness, edge: ConverterSpec, convert: Callable[[Any], Any], table: pa.Table
) -> None:
    arrow = TypeRef(ARROW)
    source = _converted(lambda given: hub.types.convert(given, TypeRef(edge.source)), table)
    if source is None:
        return
    before = hub.types.convert(source, arrow)
    made = _converted(convert, source)
    if made is None:
        return
    after = hub.types.convert(made, arrow)
    must_come_back(same_table(before, after), edge, values_of(before), values_of(after))


def _converted(convert: Callable[[Any], Any], source: Any) -> Any:
    """What comes out; None if it is refused, which is as good as carrying it."""
    try:
        return convert(source)
    except Exception:  # each library refuses in its own words, and nothing is lost in silence
        return None


def must_come_back(same: bool, edge: ConverterSpec, before: Any, after: Any) -> None:
    """Fail if what came back is not the same."""
    if not same:
        fail(
            f"{edge.code} ({edge.source} -> {edge.target}) is declared faithful and loses something: "
            f"{shorten(before)} came back as {shorten(after)}",
            why="a faithful road is taken without asking, also for what did not come from this type",
            fix='refuse what cannot be carried (dovetail.errors.ValueMismatch), or declare lossy="what is lost"',
        )


def _more_tables(suite: TransformerSuite, hub: HubHarness) -> Iterator[pa.Table]:
    """Tables like those of the type, with one more column, in another order, of other names, with nulls, without rows."""
    import pyarrow as pa

    for value in suite._few(hub, 3):
        table: pa.Table = hub.types.convert(value, TypeRef(ARROW))
        names = table.column_names
        one_more = pa.array(range(table.num_rows), pa.int64())
        yield table.append_column(_MORE, one_more) if names else pa.table({_MORE: [1]})
        yield table.slice(0, 0).append_column(_MORE, one_more.slice(0, 0))
        yield table.select(names[::-1])
        yield table.rename_columns([f"{name} {_MORE}" for name in names])
        yield pa.Table.from_arrays(
            [pa.chunked_array([*column.chunks, pa.nulls(1, column.type)], column.type) for column in table.columns],
            names=names,
        )
        yield table.slice(0, 0)
