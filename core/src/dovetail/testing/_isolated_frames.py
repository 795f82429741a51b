"""The suite of an environment with types of tables: they cross to it and back, and are stored there, as the hub sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail.errors import DovetailError, listing
from dovetail.graph import Task, Workflow, task, workflow
from dovetail.spec import TransformerSpec, TypeRef
from dovetail.testing import _isolated_tasks
from dovetail.testing._base import fail
from dovetail.testing._isolated import IsolatedSuite
from dovetail.testing._marks import requires
from dovetail.testing._same_tables import same_table, values_of
from dovetail.testing._strategies import TABLE_KINDS, column_tables, for_each, rechunked, some, tables
from dovetail.testing._transformers_inward import ARROW, leads
from dovetail.types.arrow import hash_table

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail.spec import Artifact
    from dovetail.testing._harness import HubHarness

_CHUNKS = 200
_LOOKED_AT = 8


class EnvironmentSuite(IsolatedSuite):
    """What users rely on who have the engine of a plugin in an environment of its own. Subclass it once per environment.

    All types of tables that the plugin declares, and whose engine the environment holds, are tried: a task that takes the type
    by its name, and gives it back, runs in a worker; what the hub gets is what it gave. A kind of column that the type does
    not carry is a gap, under the name that it has in :class:`~dovetail.testing.TableTransformerSuite`:
    ``gaps = {"carries.timestamp_s": never("...")}``.

    Attributes:
        examples: Tables that are drawn for each type.
    """

    examples: ClassVar[int] = 50

    @classmethod
    def covers(cls) -> set[str]:
        """The environment."""
        return {f"environment.{cls.environment}"}

    @classmethod
    def takes_gap(cls, name: str) -> bool:
        """Kinds of columns, beside what checks need."""
        kind = name.removeprefix("carries.")
        return super().takes_gap(name) or (kind != name and kind in TABLE_KINDS)

    # -- crossing ------------------------------------------------------------------------------

    def test_tables_come_back_as_they_went(self, hub: HubHarness) -> None:
        """From the hub to a task that takes the type by its name, and back as Arrow; all through one warm worker."""
        least = 1 if "no_columns" in self.gaps else 0
        for name in self._frames(hub):
            there = self._back_from(hub, name)
            self._placed(hub, there)
            for_each(
                tables(self._carried(), min_columns=least),
                lambda table, there=there, name=name: _comes_back(there, name, table),  # type: ignore[misc]
                self.examples,
            )

    def test_empty_and_cut_tables_come_back(self, hub: HubHarness) -> None:
        """Columns without rows, and rows in many chunks."""
        import pyarrow as pa

        whole = pa.table({"n": list(range(_CHUNKS)), "text": [str(n) for n in range(_CHUNKS)]})
        for name in self._frames(hub):
            there = self._back_from(hub, name)
            for table in (whole.slice(0, 0), rechunked(whole, range(_CHUNKS)), whole.slice(7, 11)):
                _comes_back(there, name, table)

    @requires("no_columns")
    def test_a_table_without_columns_comes_back(self, hub: HubHarness) -> None:
        """It stays one."""
        import pyarrow as pa

        for name in self._frames(hub):
            _comes_back(self._back_from(hub, name), name, pa.table({}))

    def test_what_is_not_carried_is_refused_by_name(self, hub: HubHarness) -> None:
        """A kind of column with a stated gap: the error names the column, or the same values come back in another type."""
        for kind in TABLE_KINDS:
            if f"carries.{kind}" not in self.gaps:
                continue
            told = [
                self._not_carried(self._back_from(hub, name), name, kind, table)
                for name in self._frames(hub)
                for table in some(column_tables(kind), 8)
            ]
            if not any(told):
                fail(f"a column of {kind} comes back as it went", fix=f'take "carries.{kind}" out of gaps')

    def _not_carried(self, there: Task[..., Any], name: str, kind: str, table: pa.Table) -> bool:
        try:
            again = there(table)
        except self.gaps[f"carries.{kind}"].raises as error:
            told = f"{error} {getattr(error, 'details', '')}"
            if repr(kind) not in told:
                fail(
                    f"a column of {kind} is refused by {name}, and the error does not name the column {kind!r}",
                    why=str(error),
                    fix="name it: a table has many columns, and who reads this did not convert it",
                )
            return True
        if values_of(again) != values_of(table):
            fail(f"a column of {kind} comes back from {name} with other values, and without a word")
        return not same_table(again, table)

    # -- storing -------------------------------------------------------------------------------

    def test_what_is_stored_there_is_read_there_and_here(self, hub: HubHarness) -> None:
        """A run stores the value by the type's own codec; the next node reads it there, and the hub as what it knows."""
        for name in self._frames(hub):
            for table in self._stored_tables():
                result = hub.run(self._stored_twice(hub, name), table=table)
                self._was_there(hub.nodes(result))
                _must_equal(result.value, table, name, "the result of the run")
                for artifact in self._artifacts(hub, name, result.run_id):
                    _must_equal(
                        hub.types.load(artifact, hub.artifacts, TypeRef(ARROW)), table, name, "the stored value"
                    )
                    self._check_readers(hub, artifact, table)

    def test_what_is_told_of_it_is_so(self, hub: HubHarness) -> None:
        """Rows and columns that are recorded with what is stored, and the look at the value where its engine is."""
        for name in self._frames(hub):
            for table in self._stored_tables():
                result = hub.run(self._stored_twice(hub, name), table=table)
                true = {"rows": table.num_rows, "columns": table.num_columns}
                for artifact in self._artifacts(hub, name, result.run_id):
                    told = {key: artifact.meta[key] for key in true if key in artifact.meta}
                    if any(true[key] != number for key, number in told.items()):
                        fail(
                            f"a stored {name} is told to have {told}, it has {true}", fix="see num_rows() and schema()"
                        )
                _isolated_tasks.look.__annotations__ = {"frame": TypeRef(name), "return": dict[str, Any]}
                narrow = table.select(table.column_names[:_LOOKED_AT])  # of a wide table, a look may leave columns out
                self._check_look(name, task(_isolated_tasks.look)(narrow), narrow)

    def _check_look(self, name: str, seen: dict[str, Any], table: pa.Table) -> None:
        told = f"of a {name} with {table.num_rows} rows of {table.column_names}, {self.environment} shows {seen}"
        if seen["rows"] not in (None, table.num_rows) or seen["shown"] > table.num_rows:
            fail(told, fix="see num_rows() and preview()")
        if seen["schema"] != table.column_names or seen["columns"] not in ([], table.column_names):
            fail(told, fix="see schema() and preview()")

    @requires("arrow_hash")
    def test_its_hash_is_that_of_arrow(self, hub: HubHarness) -> None:
        """Equal data hash the same, whichever process they were stored by; caches go by it."""
        for name in self._frames(hub):
            for table in self._stored_tables():
                result = hub.run(self._stored_twice(hub, name), table=table)
                for artifact in self._artifacts(hub, name, result.run_id):
                    if artifact.content_hash != hash_table(table):
                        fail(
                            f"a {name} that was stored in {self.environment} hashes differently from the same table in Arrow",
                            fix="content_hash() = hash_table(to_arrow(value)) of dovetail.types.arrow",
                        )

    # -- inside --------------------------------------------------------------------------------

    def _frames(self, hub: HubHarness) -> list[str]:
        """The types of tables, by name."""
        types = [each.type for each, _ in self._needs(hub) if isinstance(each, TransformerSpec)]
        found = [name for name in types if leads(hub, ARROW, name) and leads(hub, name, ARROW)]
        if not found:
            fail(
                f"{self.plugin} declares no type of tables whose engine {self.environment} holds",
                why=f"it declares {listing(types)}, with no roads from pyarrow.Table and back" if types else None,
                fix="for task types there is IsolatedTaskTypeSuite",
            )
        return found

    def _carried(self) -> tuple[str, ...]:
        return tuple(kind for kind in TABLE_KINDS if f"carries.{kind}" not in self.gaps)

    def _back_from(self, hub: HubHarness, name: str) -> Task[..., Any]:
        """A task that takes a type by its name, and gives it back."""
        _isolated_tasks.give_back.__annotations__ = {"frame": TypeRef(name), "return": TypeRef(name)}
        made: Task[..., Any] = task(_isolated_tasks.give_back)
        return made

    def _stored_twice(self, hub: HubHarness, name: str) -> Workflow[..., Any]:
        step = self._back_from(hub, name)

        def stored(table: Any) -> Any:
            return step(step(table))

        stored.__annotations__ = {"table": TypeRef(ARROW), "return": TypeRef(name)}
        return workflow(stored)

    def _stored_tables(self) -> Iterator[pa.Table]:
        """One with a column of each kind that is carried, and the same without rows."""
        import pyarrow as pa

        columns = [
            max(
                some(column_tables(kind), 12),
                key=lambda table: (table.num_rows - table.column(0).null_count, table.num_rows),
            )
            for kind in self._carried()
        ]
        rows = min(table.num_rows for table in columns)
        whole = pa.table({name: table.column(0).slice(0, rows) for table in columns for name in table.column_names})
        yield from (whole, whole.slice(0, 0))

    def _artifacts(self, hub: HubHarness, name: str, run_id: str) -> list[Artifact]:
        """What the nodes of a run have stored: the type, or the Arrow table that a plan comes to."""
        transformers = hub.catalogue.transformers()
        found = [artifact for node in hub.nodes(run_id).values() for artifact in (node.outputs or {}).values()]
        for artifact in found:
            declared = {codec.format for codec in transformers[artifact.type].codecs}
            if artifact.type not in (name, ARROW) or artifact.format not in declared:
                fail(
                    f"a {name} was stored as {artifact.type} in the format {artifact.format}",
                    why=f"the codecs of {artifact.type} are {listing(sorted(declared))}",
                )
        return found

    def _check_readers(self, hub: HubHarness, artifact: Artifact, table: pa.Table) -> None:
        """Other libraries of tables that the hub has, with what they carry."""
        import pyarrow as pa

        names = [each for each in ("pandas.DataFrame", "polars.DataFrame") if each in hub.catalogue.transformers()]
        for other in names:
            try:
                wanted = hub.types.convert(hub.types.convert(table, TypeRef(other)), pa.Table)
            except DovetailError:  # that library's own affair
                continue
            found = hub.types.convert(hub.types.load(artifact, hub.artifacts, TypeRef(other)), pa.Table)
            _must_equal(found, wanted, other, f"what {other} reads of a stored {artifact.type}")


def _comes_back(there: Task[..., Any], name: str, table: pa.Table) -> None:
    try:
        again = there(table)
    except DovetailError as error:
        fail(
            f"a table with the columns {listing(table.column_names) or 'none'} does not come to a {name}: {error.what}",
            why=error.why,
            fix='carry it; or gaps = {"carries....": never("...")} for the kind of column',
        )
    _must_equal(again, table, name, "a table")


def _must_equal(found: Any, wanted: pa.Table, name: str, what: str) -> None:
    import pyarrow as pa

    if not isinstance(found, pa.Table):
        fail(f"{what} comes back as {type(found).__name__} from {name}")
    if not same_table(found, wanted):
        fail(
            f"{what} comes back from {name} as something else",
            why=f"{wanted.schema.types} {values_of(wanted)} became {found.schema.types} {values_of(found)}"[:1500],
        )
