"""Datasets from the command line: history, setting back, publishing what a gate had refused, forgetting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

FLIGHTS = """
import os
import dovetail as dt
import pyarrow as pa
from dovetail.quality.checks import not_null, row_count

good = dt.Gate([not_null("x")], name="good", fail=int(os.environ.get("LAX", "0")))
small = dt.Gate([row_count(maximum=int(os.environ.get("MOST", "10")))], name="small")
other = dt.Gate([not_null("x")], name="other")


@dt.task
def make(rows: int) -> pa.Table:
    return pa.table({"x": [None if i == 7 else i for i in range(rows)]})


@dt.workflow
def produce(rows: int) -> pa.Table:
    return dt.publish(make(rows), "flights/clean", gate=[good, small])


@dt.workflow
def nowhere(rows: int) -> pa.Table:
    return other(make(rows))


@dt.workflow
def read(table: pa.Table = dt.dataset("flights/clean")) -> pa.Table:
    return table
"""


@pytest.fixture
def ran(cli: Any, project: Path) -> Any:
    """Versions 1 and 2, and a run whose value was refused."""
    (project / "flights.py").write_text(FLIGHTS, encoding="utf-8")
    for name, rows, code in (("one", 1, 0), ("two", 2, 0), ("bad", 8, 1)):
        done = cli("run", "flights.py", "produce", "--rows", f"{rows}", "--quiet", "--run-id", name)
        assert done.code == code, done.err
    return cli


def history(cli: Any) -> list[tuple[str, int, int | None]]:
    moves = cli("datasets", "history", "flights/clean", "--json").json["moves"]
    return [(move["kind"], move["version"], move["previous"]) for move in moves]


def test_one_version_with_all_that_is_known(ran: Any) -> None:
    shown = ran("datasets", "show", "flights/clean@2", "--json").json
    assert (shown["version"], shown["previous"], shown["current"], shown["forced"]) == (2, 1, True, False)
    assert shown["artifact"]["rows"] == 2 and shown["content_hash"] and shown["run_id"] == "two"
    assert [field["name"] for field in shown["schema"]] == ["x"]
    assert [(report["gate"], report["decision"]) for report in shown["reports"]] == [
        ("good", "publish"),
        ("small", "publish"),
    ]
    text = ran("datasets", "show", "flights/clean@2").out
    assert "v2, current" in text and "instead of    v1" in text
    assert len(ran("datasets", "show", "flights/clean", "--json").json["versions"]) == 2
    done = ran("datasets", "show", "flights/cleen")
    assert done.code == 2 and "did you mean flights/clean?" in done.err


def test_ls_is_list(ran: Any) -> None:
    assert ran("datasets", "ls", "--json").json == ran("datasets", "list", "--json").json


def test_setting_back_is_recorded_with_its_reason(ran: Any) -> None:
    assert ran("datasets", "rollback", "flights/clean").code == 2
    back = ran("datasets", "rollback", "flights/clean", "--reason", "two is wrong", "--json").json
    assert (back["version"], back["instead_of"], back["current"]) == (1, 2, True)
    assert history(ran) == [("rolled_back", 1, 2), ("published", 2, 1), ("published", 1, None)]
    newest = ran("datasets", "history", "flights/clean", "--json").json["moves"][0]
    assert newest["reason"] == "two is wrong" and "@" in newest["who"]
    assert "two is wrong" in ran("datasets", "history", "flights/clean").out
    assert ran("run", "flights.py", "read", "--json").json["inputs"]["table"]["rows"] == 1
    assert ran("datasets", "rollback", "flights/clean@2", "--reason", "it was not").code == 0


def test_setting_back_writes_the_copy_at_its_path_anew(cli: Any, project: Path) -> None:
    for rows in ("10", "12"):
        assert cli("run", "pipeline.py", "warned", "--rows", rows, "--quiet").code == 0
    copy = project / "out/good.parquet"
    later = copy.read_bytes()
    assert cli("datasets", "rollback", "good_rows", "--reason", "x").code == 0
    assert copy.read_bytes() != later


def test_what_still_does_not_pass_is_not_published(ran: Any) -> None:
    done = ran("publish", "bad")
    assert done.code == 1 and "good" in done.err
    assert history(ran)[0] == ("published", 2, 1)


def test_what_passes_now_is_published_without_force(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAX", "1")
    assert "dovetail publish bad:good" in ran("gates", "re-audit", "bad:good").out
    made = ran("publish", "bad:good", "--reason", "one may be missing", "--json").json
    assert (made["version"], made["forced"], made["artifact"]["rows"]) == (3, False, 8)
    assert history(ran)[0] == ("published", 3, 2)


def test_the_gates_after_the_one_that_refused_are_asked_as_well(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAX", "1")
    monkeypatch.setenv("MOST", "5")
    done = ran("publish", "bad:good")
    assert done.code == 1 and "small" in done.err
    assert history(ran)[0] == ("published", 2, 1)


def test_by_force_with_who_and_why(ran: Any) -> None:
    assert "not said why" in ran("publish", "bad", "--force").err
    made = ran("publish", "bad", "--force", "--reason", "known", "--json").json
    assert (made["version"], made["forced"], made["reason"]) == (3, True, "known") and "@" in made["who"]
    assert history(ran)[0] == ("forced", 3, 2)
    shown = ran("datasets", "show", "flights/clean@3", "--json").json
    assert [(report["gate"], report["decision"]) for report in shown["reports"]] == [("good", "block")]
    assert "forced" in ran("datasets", "show", "flights/clean@3").out


def test_not_over_what_was_published_since_unless_that_is_said(ran: Any) -> None:
    assert ran("run", "flights.py", "produce", "--rows", "3", "--quiet").code == 0
    done = ran("publish", "bad", "--force", "--reason", "known")
    assert done.code == 2 and "version 3 is current, not 2" in done.err and "--onto-current" in done.err
    assert ran("publish", "bad", "--force", "--reason", "known", "--onto-current", "--json").json["version"] == 4


def test_what_was_to_become_no_dataset_needs_a_name(ran: Any) -> None:
    assert ran("run", "flights.py", "nowhere", "--rows", "8", "--quiet", "--run-id", "loose").code == 1
    done = ran("publish", "loose", "--force", "--reason", "x")
    assert done.code == 2 and "--as NAME" in done.err
    made = ran("publish", "loose", "--force", "--reason", "x", "--as", "loose/rows", "--json").json
    assert (made["name"], made["version"]) == ("loose/rows", 1)
    assert ran("publish", "loose", "--force", "--reason", "x", "--as", "../rows").code == 2


def test_who_is_meant(ran: Any) -> None:
    assert "did you mean bad:good?" in ran("publish", "bad:goood").err
    assert "no values that gates refused in run one" in ran("publish", "one").err
    staged = ran("runs", "show", "bad", "--json").json["error"]["details"]["staged"]
    assert ran("publish", staged[:12], "--force", "--reason", "x", "--json").json["artifact"]["id"] == staged


def test_gc_forgets_what_was_refused_and_says_so_when_it_is_asked_for(
    ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran("artifacts", "gc", "--older-than", "1s", "--json").json["forgotten"] == 0
    monkeypatch.setenv("DOVETAIL_STAGED_DAYS", "0")
    staged = ran("runs", "show", "bad", "--json").json["error"]["details"]["staged"]
    done = ran("artifacts", "gc", "--older-than", "1s", "--json").json
    assert done["forgotten"] == 1
    for command in (("publish", "bad", "--force", "--reason", "x"), ("gates", "re-audit", "bad:good")):
        refused = ran(*command)
        assert refused.code == 2 and "was forgotten" in refused.err and "dovetail runs resume bad" in refused.err
    # The task's own output is the same bytes, and the run can still be resumed with it.
    assert ran("artifacts", "show", staged).code == 0
