"""Write, audit, publish: what a gate refuses nobody ever sees in the table."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import dovetail
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import DefinitionError, GateBlocked, UsageError
from dovetail.hub import Hub
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.quality import Gate
from dovetail.quality.checks import in_range, not_null, unique
from dovetail_sql import execute, sql, table, to_table

GOOD = pa.table({"id": [1, 2, 3], "delay": [5, 6, 7]})
BAD = pa.table({"id": [1, None, 3, 4], "delay": [5, 6, 7000, None]})
CHECKS = [not_null("id"), in_range("delay", 0, 100)]


@pytest.fixture(autouse=True)
def project(settings: Settings):
    with use_catalogue(build_catalogue(settings)):
        yield


def rows(connection: str, name: str = "t") -> list[dict[str, Any]]:
    found = table(name, connection=connection)().to_pylist()
    return sorted(found, key=lambda row: str(list(row.values())[:2]))


def ours(database: Any) -> list[str]:
    """Tables that are left beside those of the user."""
    return [name for name in database.tables() if name.startswith("_dovetail_") and name != "_dovetail_writes"]


@pytest.mark.parametrize("mode", ["create", "append", "replace", "merge"])
def test_what_passes_is_published_and_nothing_else_is_left(engine: str, database: Any, mode: str) -> None:
    keys = ["id"] if mode == "merge" else []
    if mode != "create":
        to_table("t", connection=engine)(pa.table({"id": [3, 4], "delay": [0, 0]}))
    assert to_table("t", connection=engine, mode=mode, keys=keys, gate=Gate(CHECKS))(GOOD) == 3
    expected = {"create": [1, 2, 3], "replace": [1, 2, 3], "append": [1, 2, 3, 3, 4], "merge": [1, 2, 3, 4]}
    found = rows(engine)
    assert sorted(row["id"] for row in found) == expected[mode] and list(found[0]) == ["id", "delay"]
    assert sorted(database.tables()) == ["t"]


@pytest.mark.parametrize("mode", ["append", "replace", "merge"])
def test_what_is_blocked_leaves_the_table_and_the_staging_table(engine: str, database: Any, mode: str) -> None:
    to_table("t", connection=engine)(GOOD)
    bad = pa.table({"id": [4, 5], "delay": [5, 500]})
    write = to_table("t", connection=engine, mode=mode, keys=["id"] if mode == "merge" else [], gate=Gate(CHECKS))
    with dovetail.collect_reports() as reports, pytest.raises(GateBlocked) as caught:
        write(bad)
    assert rows(engine) == GOOD.to_pylist()
    (left,) = ours(database)
    assert left in str(caught.value.fix) and caught.value.details["staged_table"] == left
    assert reports[0].dataset == {"namespace": engine, "name": "t", "staged": left}
    staged = rows(engine, left)
    assert [row["delay"] for row in staged] == [5, 500] and [row["_dovetail_row"] for row in staged] == [0, 1]
    with pytest.raises(GateBlocked):
        write(bad)
    assert ours(database) == [left]  # the last one is kept
    assert write(GOOD) == 3
    assert ours(database) == []


def test_what_is_blocked_at_the_first_write_makes_no_table(engine: str, database: Any) -> None:
    with pytest.raises(GateBlocked):
        to_table("t", connection=engine, gate=Gate(CHECKS))(BAD)
    assert "t" not in database.tables()
    with pytest.raises(UsageError):
        table("t", connection=engine)()


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_failing_rows_go_to_a_table_of_their_own(engine: str, database: Any, mode: str) -> None:
    gate = Gate(CHECKS, on_fail="quarantine", max_quarantined="60%")
    write = to_table("t", connection=engine, mode=mode, gate=gate)
    for turn in (1, 2):
        with dovetail.collect_reports() as reports:
            assert write(BAD) == 2
        (report,) = reports
        assert (report.rows_clean, report.rows_quarantined) == (2, 2) and report.dataset[
            "quarantined"
        ] == "t_quarantine"
        once = [{"id": 1, "delay": 5}, {"id": 4, "delay": None}]
        assert rows(engine) == sorted(once * (turn if mode == "append" else 1), key=lambda row: row["id"])
        aside = table("t_quarantine", connection=engine)().to_pylist()
        assert len(aside) == 2 * turn
    one, other = sorted(aside[-2:], key=lambda row: row["_dv_row"])
    assert (one["_dv_row"], one["delay"]) == (1, 6) and (other["_dv_row"], other["delay"]) == (2, 7000)
    assert "id.not_null" in one["_dv_checks"] and ours(database) == []


def test_failing_rows_are_dropped(engine: str, database: Any) -> None:
    gate = Gate(CHECKS, on_fail="drop", max_quarantined=2)
    assert to_table("t", connection=engine, gate=gate)(BAD) == 2
    assert [row["id"] for row in rows(engine)] == [1, 4] and database.tables() == ["t"]


def test_too_many_failing_rows_block(engine: str, database: Any) -> None:
    with pytest.raises(GateBlocked):
        to_table("t", connection=engine, gate=Gate(CHECKS, on_fail="quarantine"))(BAD)
    assert "t" not in database.tables() and "t_quarantine" not in database.tables()


def test_what_is_added_is_audited_alone(engine: str) -> None:
    to_table("t", connection=engine)(BAD)  # what is there already is not looked at
    assert to_table("t", connection=engine, mode="append", gate=Gate([*CHECKS, unique("id")]))(GOOD) == 3


def test_a_table_that_exists_is_not_created(engine: str, database: Any) -> None:
    to_table("t", connection=engine)(GOOD)
    with pytest.raises(UsageError, match="exists already"):
        to_table("t", connection=engine, gate=Gate(CHECKS))(GOOD)
    assert database.tables() == ["t"]


def test_names_are_quoted_everywhere(engine: str, database: Any) -> None:
    name = "we\"ird`; drop table t; -- %s :x 'ß'"
    given = pa.table({'a "b" `c` :d %s': [1, -1]})
    gate = Gate([in_range('a "b" `c` :d %s', 0, 9)], on_fail="quarantine", max_quarantined=1)
    for mode in ("create", "append", "replace"):
        assert to_table(name, connection=engine, mode=mode, gate=gate)(given) == 1
    assert table(name, connection=engine)().num_rows == 1 and ours(database) == []


def test_a_view_of_the_table_lives_on(engine: str) -> None:
    if engine == "postgresql":
        pytest.skip("it refuses to drop a table that a view reads, as for any replace")
    to_table("t", connection=engine)(GOOD)
    execute("create view v as select id from t", connection=engine)()
    to_table("t", connection=engine, mode="replace", gate=Gate(CHECKS))(GOOD.slice(0, 1))
    assert sql("select count(*) from v", connection=engine, output=int)() == 1


def test_what_is_no_gate_is_told_at_definition() -> None:
    with pytest.raises(DefinitionError, match="no gate"):
        to_table("t", connection="duckdb", gate=[not_null("id")])  # type: ignore[arg-type]


def test_another_gate_is_another_task() -> None:
    one, other = (to_table("t", connection="duckdb", gate=Gate([in_range("a", 0, n)])) for n in (1, 2))
    assert one.fingerprint() != other.fingerprint()


CRASH = """
import os, sys
import dovetail, pyarrow as pa
from dovetail.hub import Hub
from dovetail.quality import Gate
from dovetail.quality.checks import in_range
from dovetail_sql import _publish, to_table
from dovetail_sql._alchemy import AlchemyDatabase
from dovetail_sql._duckdb import DuckDatabase
from dovetail_sql._postgresql import PostgresDatabase

mode, when = sys.argv[1], sys.argv[2]
gate = Gate([in_range("a", 0, 10)], on_fail="quarantine", max_quarantined="50%")
save = to_table("t", connection="it", mode=mode, keys=["a"] if mode == "merge" else [], gate=gate)

@dovetail.task
def make() -> pa.Table:
    return pa.table({"a": [1, 2, 300]})

@dovetail.workflow
def daily() -> int:
    return save(make())

def dying(cls, name, after):
    def die(self, *args, original=getattr(cls, name), **named):
        if after:
            original(self, *args, **named)
        os._exit(9)
    setattr(cls, name, die)

if when == "audited":
    dying(_publish._Publication, "_publish", False)
elif when == "renaming":
    dying(_publish._Publication, "_rename", False)
elif when == "renamed":
    dying(_publish._Publication, "_finish", False)
elif when == "published":
    dying(_publish._Publication, "_publish", True)

if __name__ == "__main__":
    with Hub() as hub:
        if when != "resume":
            hub.run(daily, run_id="it")
        else:
            print(hub.resume("it", daily).value)
"""


@pytest.mark.parametrize(
    ("mode", "when"),
    [("create", "audited"), ("append", "published")],
)
def test_a_crash_publishes_once(engine: str, settings: Settings, database: Any, mode: str, when: str) -> None:
    crashes(engine, settings, database, mode, when)


@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
@pytest.mark.parametrize(("mode", "when"), [("create", "renaming"), ("replace", "renaming"), ("create", "renamed")])
def test_a_crash_around_the_rename_publishes_once(
    engine: str, settings: Settings, database: Any, mode: str, when: str
) -> None:
    crashes(engine, settings, database, mode, when)


@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
@pytest.mark.parametrize("mode", ["create", "append"])
def test_a_table_that_was_made_between_crash_and_resume_is_kept(
    engine: str, settings: Settings, database: Any, mode: str
) -> None:
    start = starting(engine, settings, mode)
    assert start("renaming").returncode == 9
    to_table("t", connection=engine)(pa.table({"a": [7]}))
    resumed = start("resume")
    found = sorted(table("t", connection=engine)().column("a").to_pylist())
    if mode == "create":
        assert "exists already" in resumed.stderr and found == [7]
    else:
        assert resumed.stdout.strip() == "2", resumed.stderr
        assert found == [1, 2, 7] and ours(database) == []


def starting(engine: str, settings: Settings, mode: str) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Starts the program above in processes of its own."""
    root = settings.project_root
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.connections[engine].items())
    (root / "dovetail.toml").write_text(f"[connections.it]\n{keys}")
    (root / "daily.py").write_text(CRASH)

    def start(when: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "daily.py", mode, when]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    return start


def crashes(engine: str, settings: Settings, database: Any, mode: str, when: str) -> None:
    before = [] if mode == "create" else [2]
    if before:
        to_table("t", connection=engine)(pa.table({"a": before}))
    database.close()  # DuckDB's file is open in one process

    start = starting(engine, settings, mode)
    crashed = start(when)
    assert crashed.returncode == 9, crashed.stderr
    resumed = start("resume")
    assert resumed.stdout.strip() == "2", resumed.stderr
    found = sorted(table("t", connection=engine)().column("a").to_pylist())
    assert found == {"create": [1, 2], "replace": [1, 2], "append": [1, 2, 2], "merge": [1, 2]}[mode]
    assert table("t_quarantine", connection=engine)().num_rows == 1


def test_the_report_is_kept_with_the_run(engine: str, settings: Settings) -> None:
    save = to_table("t", connection=engine, gate=Gate(CHECKS, on_fail="quarantine", max_quarantined="60%"))
    strict = to_table("u", connection=engine, gate=Gate(CHECKS, name="strict"))

    @dovetail.task
    def make() -> pa.Table:
        return BAD

    @dovetail.workflow
    def daily() -> int:
        return save(make())

    @dovetail.workflow
    def blocked() -> int:
        return strict(make())

    with Hub(settings) as hub:
        result = hub.run(daily)
        (report,) = result.reports
        assert (report.run_id, report.rows_quarantined) == (result.run_id, 2)
        with pytest.raises(GateBlocked) as caught:
            hub.run(blocked, run_id="blocked")
    left = caught.value.details["staged_table"]
    assert left.startswith("_dovetail_blocked_u_") and left in str(caught.value)
    assert caught.value.details["report"]["dataset"]["staged"] == left
