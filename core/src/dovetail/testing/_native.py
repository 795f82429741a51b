"""The suite of engines that evaluate native checks on frames of their own: they count as the core does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st

from dovetail.quality import checks
from dovetail.quality.checks import Check
from dovetail.spec import CheckOutcome
from dovetail.testing import _checks_laws as laws
from dovetail.testing._base import fail
from dovetail.testing._checks import CheckEngineSuite
from dovetail.testing._strategies import for_each, tables
from dovetail.testing._truth import TruthCheck

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail.testing._harness import HubHarness

_PATTERNS = ("[a-z]+", "a|ä", r"\d+", r"\w*", ".", ".*\\n?", "(?i)NULL", "[^a]", r"[\w ]+", "", r"O\'[A-Z]are")


class NativeChecksSuite(CheckEngineSuite):
    """What an engine declared with ``native=`` keeps: the truth table, and the counts of the core on whatever is drawn.

    Subclass it at the top of a test module, with ``plugin``, ``engine`` and ``frames``; nothing is to be translated.

    Attributes:
        examples: Tables that are drawn.
        kinds: Kinds of column that they have, of :data:`~dovetail.testing.TABLE_KINDS`.
    """

    examples: ClassVar[int] = 200
    kinds: ClassVar[tuple[str, ...]] = (
        *("int8", "int64", "uint64", "float64", "float32", "bool", "string", "decimal", "date", "time"),
        *("timestamp_us", "timestamp_ns", "timestamp_zone", "duration_us", "list", "dictionary", "binary"),
    )

    def suite_for(self, check: TruthCheck) -> checks.Suite:
        """The check as a native one."""
        return checks.Suite(check.name, [native_check(check)])

    def suite_for_all(self, checks_: Sequence[TruthCheck]) -> checks.Suite:
        """The checks as native ones."""
        return checks.Suite("all", [native_check(check) for check in checks_])

    def test_drawn_tables_count_as_in_arrow(self, hub: HubHarness) -> None:
        """Every native check, on drawn tables, with bounds from the data: the engine finds what the core finds."""
        engine, core = self._load(hub.catalogue), self._core(hub)

        def compare(drawn: tuple[pa.Table, list[Check]]) -> None:
            table, wanted = drawn
            suite = checks.Suite("drawn", wanted)
            for frame, value in self._looked_at(hub, suite, table):
                same = hub.types.convert(value, type(table))
                for there, here in zip(engine.evaluate(suite, value), core.evaluate(suite, same), strict=True):
                    if _facts(there) != _facts(here):
                        fail(
                            f"{here.check.id} on a {frame} of {same.to_pydict()!r}: {_facts(there)}",
                            why=f"the core finds {_facts(here)}",
                            fix="count the same, or leave the check to Arrow: None in outcomes()",
                        )
                    laws.verify_outcome(there, table.num_rows, here.check.id)

        for_each(_drawn(self.kinds), compare, self.examples)

    def _core(self, hub: HubHarness) -> Any:
        spec = hub.catalogue.check_engines()["native"]
        made: Any = hub.catalogue.load(spec.code, spec)
        return made()


def _facts(outcome: CheckOutcome) -> tuple[Any, ...]:
    """What must agree. Why a check is an error may be said in other words."""
    if outcome.status != "evaluated":
        return (outcome.status,)
    return outcome.status, outcome.n_evaluated, outcome.n_failed, laws.ordinals(outcome), outcome.n_keys


@st.composite
def _drawn(draw: st.DrawFn, kinds: Sequence[str]) -> tuple[pa.Table, list[Check]]:
    table = draw(tables(kinds, min_columns=1, max_columns=3, max_rows=12))
    found: dict[str, Check] = {}
    for _ in range(draw(st.integers(1, 5))):
        check = draw(_checks(table))
        found.setdefault(check.info.id, check)
    return table, list(found.values())


def _checks(table: pa.Table) -> st.SearchStrategy[Check]:
    names = st.sampled_from(table.column_names)
    nulls: Any = st.sampled_from(["ignore", "fail"])
    number = st.integers(0, 4)
    return st.one_of(
        st.builds(checks.not_null, names),
        st.lists(names, min_size=1, max_size=2, unique=True).flatmap(
            lambda keys: nulls.map(lambda treated: checks.unique(*keys, nulls=treated))
        ),
        names.flatmap(lambda name: _ranges(table, name, nulls)),
        names.flatmap(lambda name: _sets(table, name, nulls)),
        st.builds(checks.matches, names, st.sampled_from(_PATTERNS), nulls=nulls),
        st.builds(checks.length, names, number, st.none() | st.just(9), nulls=nulls),
        st.builds(checks.compare, names, st.sampled_from(["<", "<=", "==", "!=", ">=", ">"]), names),
        st.builds(checks.monotonic, names, strict=st.booleans(), descending=st.booleans()),
        st.builds(lambda a, b: checks.expression(f"{a} <= {b} or is_null({a})"), names, names),
        st.builds(checks.row_count, number, st.none() | st.just(9)),
        st.builds(checks.mean_between, names, st.just(-5.0), st.just(5.0)),
        st.builds(checks.columns_present, names, st.just("none"), exact=st.booleans()),
    )


def _cells(table: pa.Table, name: str) -> st.SearchStrategy[Any]:
    """A value of the column, or one of another kind."""
    odd = st.sampled_from([0, 0.5, -1, 2**63, float("inf"), "a"])
    values = [value for value in _plain(table.column(name)) if value is not None and value == value]
    return st.sampled_from(values) | odd if values else odd


def _plain(column: pa.ChunkedArray) -> list[Any]:
    try:
        found: list[Any] = column.to_pylist()
    except ValueError:  # nanoseconds have no Python value
        return []
    return [value for value in found if type(value).__module__ != "pandas"]


def _ranges(table: pa.Table, name: str, nulls: Any) -> st.SearchStrategy[Check]:
    inclusive: Any = st.sampled_from(["both", "left", "right", "neither"])
    cell = _cells(table, name)
    bounds = st.tuples(cell, cell) | st.tuples(st.none(), cell) | st.tuples(cell, st.none())
    return st.builds(
        lambda both, kept, treated: checks.in_range(name, *_in_order(*both), inclusive=kept, nulls=treated),
        bounds,
        inclusive,
        nulls,
    )


def _in_order(minimum: Any, maximum: Any) -> tuple[Any, Any]:
    """Bounds between which something may lie: a range that holds nothing is refused."""
    turned = minimum is not None and type(minimum) is type(maximum) and minimum > maximum
    return (maximum, minimum) if turned else (minimum, maximum)


def _sets(table: pa.Table, name: str, nulls: Any) -> st.SearchStrategy[Check]:
    values = st.lists(_cells(table, name), min_size=1, max_size=3)
    return st.builds(lambda allowed, treated: checks.in_set(name, allowed, nulls=treated), values, nulls)


def native_check(check: TruthCheck) -> Check:
    """One of the twelve checks as a native one."""
    columns, params = check.columns, check.params
    match check.kind:
        case "not_null":
            return checks.not_null(*columns)
        case "unique":
            return checks.unique(*columns)
        case "in_range":
            return checks.in_range(columns[0], params.get("minimum"), params.get("maximum"))
        case "in_set":
            return checks.in_set(columns[0], params["values"])
        case "regex":
            return checks.matches(columns[0], params["pattern"])
        case "compare":
            return checks.compare(columns[0], params["op"], columns[1])
        case "row_count":
            return checks.row_count(params["minimum"], params["maximum"])
        case "mean":
            return checks.mean_between(columns[0], params["minimum"], params["maximum"])
        case "column_exists":
            return checks.columns_present(*columns)
    raise NotImplementedError(check.name)
