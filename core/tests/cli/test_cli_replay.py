"""``dovetail quarantine replay`` and ``gates re-audit``: mended rows join the dataset, once, and a gate is asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

ORDERS = """
from typing import Annotated, NamedTuple
import dovetail as dt
import pyarrow as pa
from dovetail.quality.checks import mean_between, not_null, unique

gate = dt.Gate([not_null("amount"), unique("id"), mean_between("amount", 0, 100)], on_fail="quarantine", name="orders",
               max_quarantined="90%", thresholds={"id.*": "50%"})
rows = pa.table({"id": [1, 2, 3, 4, 5, 5], "amount": [10.0, None, 30.0, None, 50.0, 60.0]})


@dt.task
def read(salt: int) -> pa.Table:
    return rows


@dt.task
def clean(raw: pa.Table) -> Annotated[pa.Table, gate, dt.Dataset("orders", path="orders.parquet")]:
    return raw


@dt.task
def total(raw: Annotated[pa.Table, gate.with_options(name="way_in")]) -> Annotated[pa.Table, dt.Dataset("totals")]:
    return raw.select(["id"])


class Both(NamedTuple):
    orders: pa.Table
    totals: pa.Table


@dt.workflow
def daily(salt: int = 1) -> Both:
    raw = read(salt)
    return Both(clean(raw), total(raw))


@dt.task
def by_country(country: str) -> Annotated[pa.Table, gate]:
    return rows


@dt.workflow
def mapped(countries: list[str] = ["AT", "PT"]) -> list[pa.Table]:
    return dt.map(by_country, countries)
"""


@pytest.fixture
def ran(cli: Any, project: Path) -> Any:
    """A run that published 4 orders and set aside two, those without an amount."""
    Path("orders.py").write_text(ORDERS, encoding="utf-8")
    assert cli("run", "orders.py", "daily", "--quiet", "--run-id", "r").code == 0
    assert cli("artifacts", "export", "r:clean.quarantine", "aside.parquet").code == 0
    return cli


def mend(path: str = "mended.parquet", **columns: list[Any]) -> str:
    aside = pq.read_table("aside.parquet")
    for name, values in columns.items():
        at = aside.column_names.index(name)
        aside = aside.set_column(at, name, pa.array(values, aside.schema.field(name).type))
    pq.write_table(aside, path)
    return path


def replay(cli: Any, *arguments: str) -> dict[str, Any]:
    found = cli("quarantine", "replay", "r:clean", *arguments, "--json").json
    assert "error" not in found, found["error"]
    assert found["given"] == found["passed"] + found["failing"] + found["already"]
    return found


def orders(cli: Any) -> list[tuple[int, float]]:
    table = pq.read_table("orders.parquet")
    shown = cli("datasets", "show", "orders", "--json").json["versions"][0]
    assert shown["artifact"]["rows"] == table.num_rows
    return list(zip(table["id"].to_pylist(), table["amount"].to_pylist(), strict=True))


CLEAN = [(1, 10.0), (3, 30.0), (5, 50.0), (5, 60.0)]


class TestReplay:
    def test_without_publish_nothing_changes(self, ran: Any) -> None:
        done = replay(ran, mend(amount=[20.0, 40.0]))
        assert (done["passed"], done["failing"], done["published"]) == (2, 0, None)
        assert orders(ran) == CLEAN
        assert "--publish" in ran("quarantine", "replay", "r:clean", "mended.parquet").out

    def test_rows_that_pass_join_the_dataset_as_a_new_version(self, ran: Any) -> None:
        done = replay(ran, mend(amount=[20.0, None]), "--publish")
        assert (done["passed"], done["failing"], done["exit_code"]) == (1, 1, 1)
        assert (done["checks"], done["published"]["version"]) == ({"amount.not_null": 1}, 2)
        assert orders(ran) == [*CLEAN, (2, 20.0)]
        versions = ran("datasets", "show", "orders", "--json").json["versions"]
        assert [(v["version"], v["current"]) for v in versions] == [(2, True), (1, False)]

    def test_twice_is_once_row_by_row(self, ran: Any) -> None:
        replay(ran, mend(amount=[20.0, None]), "--publish")
        again = replay(ran, "mended.parquet", "--publish")
        assert (again["already"], again["passed"], again["failing"], again["published"]) == (1, 0, 1, None)
        rest = replay(
            ran, mend(amount=[25.0, 40.0]), "--publish"
        )  # the first was mended otherwise: it is there already
        assert (rest["already"], rest["passed"], rest["published"]["version"]) == (1, 1, 3)
        assert orders(ran) == [*CLEAN, (2, 20.0), (4, 40.0)]
        last = replay(ran, "mended.parquet", "--publish")
        assert (last["already"], last["published"], last["exit_code"]) == (2, None, 0)

    def test_rows_that_nobody_mended_fail_however_large_the_dataset(self, ran: Any) -> None:
        done = replay(ran, mend(), "--publish")
        assert (done["passed"], done["failing"], done["published"]) == (0, 2, None)

    def test_a_key_that_the_dataset_has_already_counts(self, ran: Any) -> None:
        # 50 % of the ids may be double, and two of six are; with these it would be four.
        done = replay(ran, mend(id=[1, 3], amount=[20.0, 40.0]), "--publish")
        assert (done["failing"], done["checks"]) == (2, {"id.unique": 2})

    def test_the_whole_is_audited_before_it_is_published(self, ran: Any) -> None:
        done = replay(ran, mend(amount=[9000.0, 40.0]), "--publish")
        assert (done["report"]["decision"], done["published"], done["exit_code"]) == ("block", None, 1)
        assert orders(ran) == CLEAN

    def test_csv_with_columns_in_another_order(self, ran: Any) -> None:
        pyarrow.csv.write_csv(pa.table({"_dv_row": [3], "amount": [40], "id": [4]}), "mended.csv")
        assert replay(ran, "mended.csv", "--publish")["passed"] == 1
        assert orders(ran) == [*CLEAN, (4, 40.0)]

    def test_it_is_recorded_as_a_run_that_cannot_be_resumed(self, ran: Any) -> None:
        run_id = replay(ran, mend(amount=[20.0, 40.0]), "--publish")["published"]["run_id"]
        shown = ran("runs", "show", run_id, "--json").json
        assert (shown["status"], shown["workflow"], shown["gates"][0]["rows_in"]) == (
            "succeeded_with_warnings",
            "quarantine replay",
            6,
        )
        assert [(each["name"], each["version"]) for each in shown["datasets"]] == [("orders", 2)]
        assert [each["name"] for each in ran("datasets", "list", "--json").json["datasets"]] == ["orders", "totals"]
        assert ran("runs", "resume", run_id).code == 2


class TestRefused:
    @pytest.mark.parametrize(
        ("table", "told"),
        [
            ({"id": [2], "amount": [1.0]}, "no column _dv_row"),
            ({"id": [2], "amount": [1.0], "_dv_row": [2]}, "were not set aside there"),
            ({"id": [2, 2], "amount": [1.0, 2.0], "_dv_row": [1, 1]}, "twice"),
            ({"id": [2], "amount": [1.0], "_dv_row": [1], "_dv_run": ["other"]}, "another run"),
            ({"id": [2], "_dv_row": [1]}, "missing: amount"),
            ({"id": [2], "amount": [1.0], "_dv_row": [1], "more": [1]}, "not there: more"),
            ({"id": ["two"], "amount": [1.0], "_dv_row": [1]}, "'id' of the mended rows does not fit"),
            ({"id": [2], "amount": [1.0], "_dv_row": ["one"]}, "no row numbers"),
        ],
    )
    def test_rows_that_are_others(self, ran: Any, table: dict[str, Any], told: str) -> None:
        pq.write_table(pa.table(table), "mended.parquet")
        done = ran("quarantine", "replay", "r:clean", "mended.parquet", "--publish")
        assert done.code in (1, 2) and told in done.err
        assert orders(ran) == CLEAN

    def test_a_gate_of_an_input_has_nothing_to_append_to(self, ran: Any) -> None:
        mended = mend(amount=[20.0, 40.0])
        done = ran("quarantine", "replay", "r:total", mended, "--publish")
        assert done.code == 2 and "guards an input" in done.err
        assert ran("quarantine", "replay", "r:total", mended, "--json").json["passed"] == 2

    def test_an_element_of_a_map_finds_its_gate(self, ran: Any) -> None:
        assert ran("run", "orders.py", "mapped", "--quiet", "--run-id", "m").code == 0
        assert ran("artifacts", "export", "m:by_country[1].quarantine", "aside.parquet", "--force").code == 0
        mended = mend(amount=[20.0, 40.0])
        assert ran("quarantine", "replay", "m:by_country[1]", mended, "--json").json["passed"] == 2
        assert "has no dt.Dataset" in ran("quarantine", "replay", "m:by_country[1]", mended, "--publish").err

    def test_a_dataset_that_was_published_anew(self, ran: Any) -> None:
        assert ran("run", "orders.py", "daily", "--salt", "2", "--quiet", "--run-id", "later").code == 0
        mended = mend(amount=[20.0, 40.0])
        done = ran("quarantine", "replay", "r:clean", mended, "--publish")
        assert done.code == 2 and "goes back to run later" in done.err and "--onto-current" in done.err
        assert replay(ran, mended, "--publish", "--onto-current")["published"]["version"] == 3

    def test_a_gate_that_is_no_longer_there(self, ran: Any) -> None:
        Path("orders.py").write_text(ORDERS.replace('name="orders"', 'name="other"'), encoding="utf-8")
        done = ran("quarantine", "replay", "r:clean", mend())
        assert done.code == 2 and "its gates are now: other" in done.err
        Path("orders.py").unlink()
        assert ran("quarantine", "replay", "r:clean", "mended.parquet").code == 2

    def test_rows_that_were_purged(self, ran: Any) -> None:
        ran("quarantine", "purge", "--keep-bytes", "0")
        done = ran("quarantine", "replay", "r:clean", mend(amount=[20.0, 40.0]))
        assert done.code == 2 and "purged" in done.err


class TestAskingAgain:
    def test_with_the_checks_as_they_are_now(self, cli: Any, project: Path) -> None:
        assert cli("run", "pipeline.py", "blocked", "--quiet", "--run-id", "b").code == 1
        again = cli("gates", "re-audit", "b:block", "--json").json
        assert (again["exit_code"], again["report"]["rows_in"], again["checks_changed"]) == (1, 10, False)
        source = Path("pipeline.py").read_text(encoding="utf-8").replace('not_null("x")', 'not_null("name")')
        Path("pipeline.py").write_text(source, encoding="utf-8")
        again = cli("gates", "re-audit", "b:block", "--json").json
        assert (again["exit_code"], again["report"]["decision"], again["checks_changed"]) == (0, "publish", True)
        assert "dovetail runs resume b" in cli("gates", "re-audit", "b:block").out
        assert cli("runs", "resume", "b", "--quiet").code == 0
        assert "no gate has refused" in cli("gates", "re-audit", "b:block").err

    @pytest.mark.parametrize("which", ["b", "b:", "b:table", "b:blok"])
    def test_where_nothing_was_refused(self, cli: Any, which: str) -> None:
        cli("run", "pipeline.py", "blocked", "--quiet", "--run-id", "b")
        assert cli("gates", "re-audit", which).code == 2
