"""``dovetail gates``: what gates found, over the runs."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def ran(cli: Any) -> Any:
    for number in (1, 2):
        assert (
            cli("run", "pipeline.py", "warned", "--rows", f"{10 * number}", "--quiet", "--run-id", f"r{number}").code
            == 0
        )
    assert cli("run", "pipeline.py", "blocked", "--quiet", "--run-id", "bad").code == 1
    return cli


class TestHistory:
    def test_the_newest_first_by_gate_by_dataset_and_by_check(self, ran: Any) -> None:
        found = ran("gates", "history", "good_rows", "--check", "x.not_null", "--json").json["results"]
        assert [(each["run_id"], each["n_failed"], each["value"]) for each in found] == [
            ("r2", 10, 0.5),
            ("r1", 5, 0.5),
        ]
        assert set(found[0]) == {
            *("check_id", "dataset", "run_id", "node_id", "gate"),
            *("time", "status", "value", "n_evaluated", "n_failed"),
        }
        assert len(ran("gates", "history", "rows", "--json").json["results"]) == 6
        assert len(ran("gates", "history", "--limit", "2", "--json").json["results"]) == 2
        assert "x.not_null" in ran("gates", "history").out

    def test_a_misspelt_name_gets_the_nearest(self, ran: Any) -> None:
        done = ran("gates", "history", "good_row")
        assert done.code == 2 and "did you mean good_rows?" in done.err


class TestReports:
    def test_of_a_run_and_of_a_node(self, ran: Any) -> None:
        for which in ("bad", "latest", "bad:block"):
            shown = ran("gates", "show", which, "--json").json
            assert (shown["run_id"], [report["decision"] for report in shown["reports"]]) == ("bad", ["block"])
        assert "x.not_null" in ran("gates", "show", "bad").out

    def test_of_a_node_without_a_gate(self, ran: Any) -> None:
        done = ran("gates", "show", "bad:table")
        assert done.code == 2 and "block" in done.err

    def test_of_a_run_without_gates(self, cli: Any) -> None:
        cli("run", "pipeline.py", "plain", "--month", "1", "--quiet", "--run-id", "p")
        assert cli("gates", "show", "p").out == "run p has no gates\n"
