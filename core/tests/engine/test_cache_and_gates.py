"""The cache, and gates in durable runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import dovetail as dt
import polars as pl
import pytest
from dovetail.errors import GateBlocked
from dovetail.hub import Hub
from dovetail.quality.checks import in_range, not_null


class TestCache:
    def test_same_code_and_content_are_not_computed_again(self, hub: Hub, tmp_path: Path) -> None:
        calls = tmp_path / "calls"  # a list would be a part of the cache key, with what it holds

        @dt.task(cache=True)
        def cost(frame: pl.DataFrame, n: int) -> int:
            with calls.open("a") as file:
                file.write(str(n))
            return frame.height + n

        @dt.task
        def make(rows: int) -> pl.DataFrame:
            return pl.DataFrame({"a": range(rows)})

        @dt.workflow
        def wf(rows: int, n: int) -> int:
            return cost(make(rows), n)

        assert hub.run(wf, rows=3, n=1).value == 4
        again = hub.run(wf, rows=3, n=1)
        assert again.value == 4
        assert {n.node_id: n.cached for n in again.nodes} == {"make": False, "cost": True}
        assert hub.run(wf, rows=3, n=2).value == 5
        assert hub.run(wf, rows=4, n=1).value == 5
        assert calls.read_text() == "121"

    def test_other_code_is_computed_again(self, hub: Hub) -> None:
        def make(offset: int) -> dt.Workflow:  # type: ignore[type-arg]
            @dt.task(cache=True)
            def shift(x: int) -> int:
                return x + offset

            @dt.workflow
            def wf(x: int) -> int:
                return shift(x)

            return wf

        assert hub.run(make(1), x=1).value == 2
        assert hub.run(make(2), x=1).value == 3

    def test_a_damaged_entry_is_computed_again(self, hub: Hub) -> None:
        @dt.task(cache=True)
        def make(n: int) -> pl.DataFrame:
            return pl.DataFrame({"a": range(n)})

        @dt.workflow
        def wf(n: int) -> pl.DataFrame:
            return make(n)

        first = hub.run(wf, n=3)
        blob = hub.artifacts.open_path(first.outputs["result"].blobs[0])
        blob.chmod(0o600)
        blob.write_bytes(b"no parquet")
        again = hub.run(wf, n=3)
        assert again.nodes[0].cached is False
        assert again.value.height == 3


class TestGates:
    @staticmethod
    def workflow(on_fail: str) -> dt.Workflow:  # type: ignore[type-arg]
        gate = dt.Gate([not_null("a"), in_range("a", 0, 10)], on_fail=on_fail, max_quarantined="50%", name="limits")  # type: ignore[arg-type]

        @dt.task
        def make() -> Annotated[pl.DataFrame, gate, dt.Dataset("clean", path="out/clean.parquet")]:
            return pl.DataFrame({"a": [1, 2, None, 99, 3]})

        @dt.task
        def count(frame: pl.DataFrame) -> int:
            return frame.height

        @dt.workflow
        def wf() -> int:
            return count(make())

        return wf

    def test_quarantine_keeps_the_rows_and_publishes_the_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with Hub(home=tmp_path / "store") as hub:
            result = hub.run(self.workflow("quarantine"))
            assert result.value == 3
            assert result.status == "succeeded_with_warnings"
            (report,) = result.reports
            assert report.decision == "publish_clean_quarantine_rest"
            published = hub.runs.dataset("clean")
            assert hub.types.load(published.artifact, hub.artifacts, pl.DataFrame)["a"].to_list() == [1, 2, 3]
            assert pl.read_parquet(hub.settings.project_root / "out/clean.parquet")["a"].to_list() == [1, 2, 3]
            assert list((hub.settings.project_root / "out").iterdir()) == [
                hub.settings.project_root / "out" / "clean.parquet"
            ]

    def test_block_is_a_data_failure_and_publishes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with Hub(home=tmp_path / "store") as hub:
            with pytest.raises(GateBlocked) as caught:
                hub.run(self.workflow("block"))
            assert caught.value.kind == "data"
            assert hub.runs.list_runs()[0].status == "blocked"
            assert hub.runs.datasets() == []
            assert not (tmp_path / "out").exists()
            staged = hub.runs.artifact(caught.value.details["staged"])
            assert hub.types.load(staged, hub.artifacts, pl.DataFrame).height == 5

    def test_a_gate_as_a_node(self, hub: Hub) -> None:
        gate = dt.Gate(not_null("a"), on_fail="drop", max_quarantined="90%", name="no nulls!")

        @dt.task
        def make() -> pl.DataFrame:
            return pl.DataFrame({"a": [1, None]})

        @dt.workflow
        def wf() -> pl.DataFrame:
            return gate(make())  # type: ignore[no-any-return]

        assert wf().height == 1
        result = hub.run(wf)
        assert result.value.height == 1
        assert "no_nulls_" in {n.node_id for n in result.nodes}
        assert len(result.reports) == 1


def test_what_is_reused_is_published_again_with_the_reports_of_its_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = dt.Gate(not_null("a"), on_fail="quarantine", max_quarantined="50%", name="no nulls")

    @dt.task(cache=True)
    def make(n: int) -> Annotated[pl.DataFrame, gate, dt.Dataset("made", path="out/made.parquet")]:
        return pl.DataFrame({"a": [None, *range(n)]})

    @dt.workflow
    def wf(n: int) -> pl.DataFrame:
        return make(n)

    monkeypatch.chdir(tmp_path)
    with Hub(home=tmp_path / "store") as hub:
        path = hub.settings.project_root / "out" / "made.parquet"
        first = hub.run(wf, n=3)
        hub.run(wf, n=4)
        assert pl.read_parquet(path).height == 4
        again = hub.run(wf, n=3)
        assert again.nodes[0].cached
        assert pl.read_parquet(path).height == 3
        assert hub.runs.dataset("made").version == 3
        assert hub.runs.dataset("made").artifact == first.outputs["result"]
        assert again.status == first.status == "succeeded_with_warnings"
        (report,) = again.reports
        assert (report.rows_in, report.rows_quarantined, report.run_id) == (4, 1, again.run_id)
        assert first.run_id in report.reason
