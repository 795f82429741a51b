"""The statements of the hot path, compiled once per database driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ClauseElement, Dialect, Table, bindparam, func, literal_column, null, select, update

from dovetail.store import _schema as s


class Statement:
    """SQL text for the driver, with its parameters in a known order.

    SQLAlchemy writes the text; it is executed on the driver's cursor, since passing each row through SQLAlchemy costs
    several times what SQLite needs for it.
    """

    def __init__(self, clause: ClauseElement, names: Sequence[str], dialect: Dialect) -> None:
        compiled = clause.compile(dialect=dialect)
        self.sql = str(compiled)
        self._names = tuple(names)
        order = getattr(compiled, "positiontup", None)
        # By name for drivers that want a dict; else by position, and then the order must be the one we pass.
        self._by_name = order is None
        if order is not None and tuple(order) != self._names:
            raise AssertionError(f"parameters in unexpected order: {order}")

    def run(self, cursor: Any, values: tuple[Any, ...]) -> Any:
        """Execute with one tuple of values; returns the cursor."""
        cursor.execute(self.sql, self.bind(values))
        return cursor

    def run_many(self, cursor: Any, rows: list[tuple[Any, ...]]) -> None:
        """Execute for every row."""
        if len(rows) == 1:
            cursor.execute(self.sql, self.bind(rows[0]))
        elif rows:
            cursor.executemany(self.sql, [self.bind(row) for row in rows] if self._by_name else rows)

    def bind(self, values: tuple[Any, ...]) -> Any:
        """The values in the form that the driver wants."""
        return dict(zip(self._names, values, strict=True)) if self._by_name else values


class Statements:
    """All statements of the hot path."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._write_changes_of_runs()
        self._write_publishing()
        self._write_looking_up()
        self.put_node = self._insert(s.node, replace=True)
        self.put_artifact = self._insert(s.artifact, replace=False)
        self.put_cache = self._insert(s.cache, replace=True)
        self.put_report = self._insert(s.report, replace=True)
        self.put_check_result = self._insert(s.check_result, replace=True)
        self.put_staged = self._insert(s.staged, replace=True)
        self.put_event = self._insert(s.event, leave_out="seq")

    def _write_changes_of_runs(self) -> None:
        r = s.run.c
        # Names in the order in which the parameters stand in the text. On a server the row of the run is locked, so
        # that nobody takes the run over between the check and the commit; SQLite has one writer anyway.
        self.owned = self._make(
            select(r.status, r.owner_id, r.workflow).where(r.run_id == bindparam("run")).with_for_update(), "run"
        )
        self.run_row = self._make(
            select(r.status, r.lease_expires, r.owner, r.started).where(r.run_id == bindparam("run")).with_for_update(),
            "run",
        )
        self.put_run = self._insert(s.run)
        self.take = self._make(
            update(s.run)
            .where(r.run_id == bindparam("run"))
            .values(
                status=literal_column("'running'"),
                started=bindparam("begun"),
                ended=null(),
                error=null(),
                owner_id=bindparam("owner_key"),
                owner=bindparam("owner_text"),
                lease_expires=bindparam("expires"),
                claims=r.claims + literal_column("1"),
                cancel_requested=literal_column("0"),
            ),
            "begun owner_key owner_text expires run",
        )
        self.end = self._make(
            update(s.run)
            .where(r.run_id == bindparam("run"))
            .values(
                status=bindparam("state"),
                ended=bindparam("moment"),
                error=bindparam("failure"),
                outputs=bindparam("results"),
            ),
            "state moment failure results run",
        )
        self.ask_cancel = self._make(
            update(s.run).where(r.run_id == bindparam("run")).values(cancel_requested=literal_column("1")), "run"
        )
        self.cancel_idle = self._make(
            update(s.run)
            .where(r.run_id == bindparam("run"))
            .values(status=literal_column("'cancelled'"), ended=bindparam("moment")),
            "moment run",
        )
        self.renew = self._make(
            update(s.run)
            .where(
                r.run_id == bindparam("run"), r.owner_id == bindparam("owner"), r.status == literal_column("'running'")
            )
            .values(lease_expires=bindparam("expires")),
            "expires run owner",
        )

    def _write_publishing(self) -> None:
        d, v = s.dataset.c, s.dataset_version.c
        self.current_version = self._make(
            select(d.current_version).where(d.name == bindparam("dataset")).with_for_update(), "dataset"
        )
        self.set_current = self._make(
            update(s.dataset).where(d.name == bindparam("dataset")).values(current_version=bindparam("current")),
            "current dataset",
        )
        self.published = self._make(
            select(v.version).where(
                v.name == bindparam("dataset"),
                v.run_id == bindparam("run"),
                v.node_id == bindparam("node"),
                v.output == bindparam("output"),
                v.artifact == bindparam("artifact"),
            ),
            "dataset run node output artifact",
        )
        self.version_run = self._make(
            select(v.run_id).where(v.name == bindparam("dataset"), v.version == bindparam("number")), "dataset number"
        )
        self.newest_version = self._make(select(func.max(v.version)).where(v.name == bindparam("dataset")), "dataset")
        m = s.dataset_move.c
        self.newest_move = self._make(select(func.max(m.move)).where(m.name == bindparam("dataset")), "dataset")
        self.put_move = self._insert(s.dataset_move)
        self.put_dataset = self._insert(s.dataset, replace=False)
        self.put_version = self._insert(s.dataset_version)

    def _write_looking_up(self) -> None:
        self.cached = self._make(select(s.cache.c.outputs).where(s.cache.c.key == bindparam("entry")), "entry")
        self.artifact = self._make(select(s.artifact.c.data).where(s.artifact.c.id == bindparam("entry")), "entry")
        self.cancel_requested = self._make(
            select(s.run.c.cancel_requested).where(s.run.c.run_id == bindparam("run")), "run"
        )

    def _make(self, clause: ClauseElement, names: str) -> Statement:
        return Statement(clause, names.split(), self._dialect)

    def _insert(self, table: Table, replace: bool | None = None, leave_out: str = "") -> Statement:
        """An insert of whole rows. ``replace``: on a conflict take the new row (True), keep the old (False), fail (None)."""
        if self._dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
        names = [column.name for column in table.columns if column.name != leave_out]
        clause = insert(table).values({name: bindparam(name) for name in names})
        keys = [column.name for column in table.primary_key.columns]
        if replace is True:
            changes = {name: clause.excluded[name] for name in names if name not in keys}
            clause = clause.on_conflict_do_update(index_elements=keys, set_=changes)
        elif replace is False:
            clause = clause.on_conflict_do_nothing(index_elements=keys)
        return Statement(clause, names, self._dialect)


_made: dict[tuple[str, str], Statements] = {}


def statements_for(dialect: Dialect) -> Statements:
    """The statements for a driver; writing them takes milliseconds, so once per process."""
    key = (dialect.name, dialect.paramstyle)
    if key not in _made:
        _made[key] = Statements(dialect)
    return _made[key]
