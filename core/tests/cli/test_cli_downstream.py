"""A refusal that need not end the run: what is shown, and the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SOURCE = """
import dovetail as dt
import pyarrow as pa
from dovetail.quality.checks import not_null

good = dt.Gate([not_null("a")], name="good", downstream="skip")


@dt.task
def read() -> pa.Table:
    return pa.table({"a": [1, None]})


@dt.task
def count(rows: pa.Table) -> int:
    return rows.num_rows


@dt.workflow
def lenient() -> int:
    clean = good(read())
    count(clean).named("left_out")
    return count(dt.on_blocked(clean, "continue")).named("kept")


@dt.workflow
def strict() -> int:
    return count(dt.on_blocked(good(read()), "block"))


@dt.workflow
def previous() -> int:
    return count(dt.on_blocked(good(read()), "continue_with_previous"))
"""


@pytest.fixture
def run(cli: Any) -> Any:
    Path("lenient.py").write_text(SOURCE)
    return lambda *arguments: cli("run", "lenient.py", *arguments)


def test_every_reader_can_do_without(run: Any, cli: Any) -> None:
    done = run("lenient", "--run-id", "one")
    assert done.code == 0
    assert "succeeded with warnings" in done.out
    assert "left_out.rows: skipped" in done.out
    assert "kept.rows: went on with what was refused" in done.out
    view = cli("runs", "show", "one", "--json").json
    statuses = {node["node_id"]: node["status"] for node in view["nodes"]}
    assert statuses == {"read": "succeeded", "good": "blocked", "left_out": "skipped", "kept": "succeeded"}
    left_out = next(node for node in view["nodes"] if node["node_id"] == "left_out")
    assert "gate 'good'" in left_out["because"]
    assert view["gates"][0]["downstream"] == {"left_out.rows": "skip", "kept.rows": "continue"}
    assert cli("runs", "list", "--json").json["runs"][0]["warnings"] == 1
    assert "is skipped" in cli("gates", "show", "one").out


def test_strict_warnings(run: Any) -> None:
    assert run("lenient", "--strict-warnings", "--quiet").code == 1


@pytest.mark.parametrize("workflow", ["strict", "previous"])
def test_one_that_cannot_ends_the_run(run: Any, workflow: str) -> None:
    done = run(workflow)
    assert done.code == 1
    assert ("no earlier run of 'previous'" in done.err) is (workflow == "previous")


def test_a_refused_value_is_looked_at_again(run: Any, cli: Any) -> None:
    run("lenient", "--run-id", "two", "--quiet")
    assert cli("gates", "re-audit", "two:good").code == 1


def test_a_suite_proposed_from_columns_of_one_name(cli: Any) -> None:
    Path("doubled.csv").write_text("id,id,n\n1,2,3\n")
    done = cli("check", "init", "doubled.csv", "-o", "suite.toml")
    assert done.code == 0
    assert "warning: left out, because several columns have one name: id" in done.err
    assert "# Left out" in Path("suite.toml").read_text()
    assert cli("check", "init", "doubled.csv", "--json").json["left_out"] == ["id"]


def test_a_suite_proposed_from_a_column_without_a_name(cli: Any) -> None:
    """As pandas writes its index: what is proposed can be used."""
    Path("frame.csv").write_text(",n\n0,2\n1,3\n")
    done = cli("check", "init", "frame.csv", "-o", "suite.toml")
    assert (done.code, "warning: left out, because no check can mean it" in done.err) == (0, True)
    assert cli("check", "frame.csv", "suite.toml").code == 0
    assert cli("check", "init", "frame.csv", "--json").json["left_out"] == [""]


@pytest.mark.parametrize(
    ("suite", "plugin"),
    [
        ("flights.odcs.yaml", "dovetail-contracts"),
        ("flights.odcs.yml:legs", "dovetail-contracts"),
        ("flights.gx.json", "dovetail-great-expectations"),
        ("gx/great_expectations.yml:flights", "dovetail-great-expectations"),
    ],
)
def test_a_suite_whose_plugin_is_not_installed(cli: Any, suite: str, plugin: str) -> None:
    Path("data.csv").write_text("a\n1\n")
    done = cli("check", "data.csv", suite)
    assert (done.code, done.out) == (2, "")
    assert f"no plugin in use reads '{suite}'" in done.err
    assert plugin in done.err


def test_a_file_of_references(cli: Any) -> None:
    Path("customers.csv").write_text("id\n1\n2\n")
    Path("orders.csv").write_text("customer\n1\n3\n")
    Path("orders.toml").write_text(
        '[gate]\non_fail = "quarantine"\nmax_quarantined = "50%"\n\n[[checks]]\ncheck = "foreign_key"\n'
        'columns = "customer"\nreference = "customers.csv"\nreference_columns = "id"\n'
    )
    done = cli("check", "orders.csv", "orders.toml", "--clean", "clean.csv")
    assert done.code == 0
    assert Path("clean.csv").read_text().split() == ['"customer"', "1"]
    Path("customers.csv").unlink()
    done = cli("check", "orders.csv", "orders.toml")
    assert done.code == 1
    assert "no such file" in done.out


def test_a_dataset_that_is_not_published_blocks(cli: Any) -> None:
    Path("orders.csv").write_text("customer\n1\n")
    Path("orders.toml").write_text('[[checks]]\ncheck = "foreign_key"\ncolumns = "customer"\nreference = "customers"\n')
    done = cli("check", "orders.csv", "orders.toml")
    assert done.code == 1, done.err
    assert "could not be evaluated" in done.out
