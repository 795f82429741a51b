"""``dovetail quarantine``: rows that gates set aside are listed, shown, taken out and forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

RUN = ("run", "pipeline.py", "warned", "--quiet", "--run-id")


@pytest.fixture
def kept(cli: Any) -> Any:
    """A run that quarantined the even rows of ten, and one whose gate refused everything."""
    assert cli(*RUN, "good").code == 0
    assert cli("run", "pipeline.py", "blocked", "--quiet", "--run-id", "bad").code == 1
    return cli


def listed(cli: Any, *options: str) -> list[tuple[str, str, int]]:
    found = cli("quarantine", "ls", "--json", *options).json["quarantine"]
    return [(each["run_id"], each["node_id"], each["rows"]) for each in found]


class TestListing:
    def test_nothing_was_set_aside_and_looking_makes_no_store(self, cli: Any, project: Path) -> None:
        assert cli("quarantine", "ls").out == "no rows were set aside\n"
        assert cli("quarantine", "ls", "--json").json == {"quarantine": []}
        assert cli("gates", "history", "--json").json == {"results": []}
        assert not (project / ".dovetail").exists()

    def test_the_newest_first_and_sifted(self, kept: Any) -> None:
        assert listed(kept) == [("bad", "block", 5), ("good", "quarantine", 5)]
        assert listed(kept, "--dataset", "good_rows") == [("good", "quarantine", 5)]
        assert listed(kept, "--run", "bad") == [("bad", "block", 5)]
        assert listed(kept, "--dataset", "other") == []
        assert "blocked" in kept("quarantine", "ls").out


class TestLooking:
    @pytest.mark.parametrize("which", ["good", "good:quarantine", "good:quarantine.quarantine"])
    def test_rows_come_with_the_checks_that_they_failed(self, kept: Any, which: str) -> None:
        shown = kept("quarantine", "show", which, "--json", "--rows", "2").json
        assert shown["checks"] == {"x.not_null": 5}
        assert shown["preview"]["columns"] == ["_dv_row", "_dv_checks", "x", "name"]
        assert [row[0] for row in shown["preview"]["rows"]] == ["0", "2"]
        assert "x.not_null      5" in kept("quarantine", "show", which).out

    def test_by_the_beginning_of_its_id(self, kept: Any) -> None:
        whole = kept("quarantine", "show", "good", "--json").json["artifact"]
        assert kept("quarantine", "show", whole[:10], "--json").json["run_id"] == "good"

    def test_the_address_of_artifacts(self, kept: Any) -> None:
        assert kept("artifacts", "export", "good:quarantine.quarantine", "rows.parquet").code == 0
        rows = pq.read_table("rows.parquet")
        assert rows["_dv_row"].to_pylist() == [0, 2, 4, 6, 8]
        assert rows["_dv_run"].unique().to_pylist() == ["good"]
        assert kept("artifacts", "show", "bad:block.quarantine", "--json").json["rows"] == 5

    @pytest.mark.parametrize(
        ("which", "told"),
        [
            ("good:table", "did you mean"),
            ("good:quarantin", "did you mean good:quarantine?"),
            ("nothing", "dovetail quarantine ls"),
            ("", "dovetail quarantine ls"),
        ],
    )
    def test_what_is_not_there(self, kept: Any, which: str, told: str) -> None:
        done = kept("quarantine", "show", which)
        assert done.code == 2
        assert told in done.err or "there are: quarantine" in done.err


class TestForgetting:
    def test_it_must_be_said_what(self, kept: Any) -> None:
        assert kept("quarantine", "purge").code == 2
        assert kept("quarantine", "purge", "--keep-bytes", "much").code == 2
        assert kept("quarantine", "purge", "--older-than", "soon").code == 2

    def test_a_dry_run_forgets_nothing(self, kept: Any) -> None:
        told = kept("quarantine", "purge", "--keep-bytes", "0", "--dry-run", "--json").json
        assert [entry["run_id"] for entry in told["purged"]] == ["good", "bad"]
        assert kept("quarantine", "show", "good").code == 0

    def test_the_young_and_what_fits_stay(self, kept: Any) -> None:
        assert kept("quarantine", "purge", "--older-than", "1h", "--keep-bytes", "1MB", "--json").json["purged"] == []
        size = kept("quarantine", "show", "bad", "--json").json["bytes"]
        told = kept("quarantine", "purge", "--keep-bytes", str(size), "--json").json
        assert [entry["run_id"] for entry in told["purged"]] == ["good"]  # the older one

    def test_files_go_with_gc_and_the_reports_say_so(self, kept: Any) -> None:
        exported = kept("quarantine", "show", "good", "--json").json["artifact"]
        assert kept("artifacts", "gc", "--older-than", "1ms", "--json").json["files"] == 0
        told = kept("quarantine", "purge", "--keep-bytes", "0", "--json").json
        assert told["held"] == 0
        assert kept("artifacts", "gc", "--older-than", "1ms", "--json").json["files"] == 2
        done = kept("quarantine", "show", "good")
        assert done.code == 2 and "purged at" in done.err
        assert kept("artifacts", "show", exported).code != 0
        assert "purged at" in kept("runs", "show", "good").out
        (record, _) = kept("quarantine", "ls", "--json").json["quarantine"][::-1]
        assert (record["rows"], record["artifact"]) == (5, exported) and record["purged"]
        events = kept("runs", "show", "good", "--events", "--json").json["events"]
        assert [event["data"]["rows"] for event in events if event["type"] == "quarantine.purged"] == [5]
        # What the runs made is still whole.
        assert kept("artifacts", "show", "good:quarantine").code == 0
        assert kept("artifacts", "show", "good:table").code == 0

    def test_twice_is_once(self, kept: Any) -> None:
        assert kept("quarantine", "purge", "--keep-bytes", "0").code == 0
        assert kept("quarantine", "purge", "--keep-bytes", "0", "--json").json["purged"] == []
