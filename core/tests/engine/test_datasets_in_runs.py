"""dt.publish and dt.dataset in runs: staged, audited, published by one move of the pointer; read as it was at the start."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.errors import DefinitionError, GateBlocked, PublishConflict, UsageError, WiringError
from dovetail.hub import Hub, replay, roll_back
from dovetail.quality import checks

good = dt.Gate([checks.not_null("x")], name="good")
some = dt.Gate([checks.row_count(1, 100)], name="some")
lenient = dt.Gate([checks.not_null("x")], name="lenient", downstream="continue")


@dt.task
def make(rows: int) -> pa.Table:
    """One null in tables of thirteen rows."""
    return pa.table({"x": [None if rows == 13 and i == 7 else i for i in range(rows)]})


@dt.task
def height(table: pa.Table) -> int:
    return table.num_rows


@dt.task(cache=True)
def cached_height(table: pa.Table) -> int:
    return table.num_rows


@dt.workflow
def produce(rows: int = 3) -> pa.Table:
    return dt.publish(make(rows), "flights/clean", gate=[good, some])


@dt.workflow
def latest() -> int:
    return height(dt.dataset("flights/clean"))


@dt.workflow
def first() -> int:
    return height(dt.dataset("flights/clean@1"))


@dt.workflow
def by_default(table: pa.Table = dt.dataset("flights/clean")) -> int:  # noqa: B008
    return height(table)


@dt.workflow
def cached() -> int:
    return cached_height(dt.dataset("flights/clean"))


def versions(hub: Hub) -> list[int]:
    return [version.version for version in hub.runs.datasets("flights/clean")][::-1]


# -- publishing ---------------------------------------------------------------------------------------


def test_what_passes_its_gates_becomes_the_next_version(hub: Hub) -> None:
    for rows in (3, 5):
        assert hub.run(produce, rows=rows).value.num_rows == rows
    version = hub.runs.dataset("flights/clean")
    assert (version.version, version.previous, version.artifact.meta["rows"]) == (2, 1, 5)
    assert version.gates == (("good", "good"), ("some", "some"))
    made = hub.runs.node(version.run_id, "make").outputs
    assert made is not None and made["result"].id == version.artifact.id  # the audited copy itself, not another
    told = {report.gate: report.report["dataset"]["name"] for report in hub.runs.reports(version.run_id)}
    assert told == {"good": "flights/clean", "some": "flights/clean"}


def test_what_a_gate_blocks_leaves_the_version_before_and_is_staged(hub: Hub) -> None:
    hub.run(produce)
    with pytest.raises(GateBlocked) as caught:
        hub.run(produce, rows=13)
    assert versions(hub) == [1] and hub.run(latest).value == 3
    (staged,) = hub.runs.staged()
    assert (staged.gate, staged.dataset) == ("good", "flights/clean")
    assert staged.artifact == caught.value.details["staged"]


def test_a_gate_that_quarantines_publishes_the_clean_rows(hub: Hub) -> None:
    soft = good.with_options(on_fail="quarantine", max_quarantined="50%")

    @dt.workflow
    def softly() -> pa.Table:
        return dt.publish(make(13), "flights/clean", gate=soft)

    assert hub.run(softly).status == "succeeded_with_warnings"
    assert hub.runs.dataset("flights/clean").artifact.meta["rows"] == 12


def test_what_a_gate_refused_is_not_published_even_if_readers_go_on(hub: Hub) -> None:
    @dt.workflow
    def lax() -> int:
        value = lenient(make(13))
        dt.publish(value, "flights/clean")
        return height(value)

    assert hub.run(lax).value == 13
    assert hub.runs.datasets() == []
    assert hub.runs.node(hub.runs.get_run("latest").run_id, "publish_flights_clean").status == "skipped"


def test_called_like_a_function_it_publishes_nothing(hub: Hub) -> None:
    assert produce(4).num_rows == 4
    with pytest.raises(GateBlocked):
        produce(13)
    assert hub.runs.datasets() == []


# -- two publishers -----------------------------------------------------------------------------------


@dt.task
def meddle(rows: int) -> pa.Table:
    """Somebody else publishes while this run is under way."""
    from dovetail.hub import default_hub

    default_hub().run(produce, rows=rows)
    return pa.table({"x": [0]})


def meddled(on_conflict: Any) -> Any:
    @dt.workflow
    def late() -> int:
        table = meddle(5)
        aside = height.options(cache=False)(table)
        dt.publish(table, "flights/clean", on_conflict=on_conflict).after(aside)
        return aside

    return late


def test_who_comes_late_loses_with_a_clear_error(hub: Hub) -> None:
    hub.run(produce)
    with pytest.raises(PublishConflict, match="version 2 is current, not 1") as caught:
        hub.run(meddled("fail"), run_id="late")
    assert "datasets history flights/clean" in (caught.value.fix or "")
    assert versions(hub) == [1, 2] and hub.runs.dataset("flights/clean").artifact.meta["rows"] == 5
    assert {node.node_id: node.status for node in hub.runs.nodes("late")} == {
        "meddle": "succeeded",
        "height": "succeeded",
        "publish_flights_clean": "failed",
    }
    assert not [e for e in hub.runs.events("late") if e.type == "dataset.published"]
    with pytest.raises(PublishConflict):  # and again: what the run was to follow was fixed when it started
        hub.resume("late", meddled("fail"))


def test_or_comes_after_where_it_says_so(hub: Hub) -> None:
    hub.run(produce)
    assert hub.run(meddled("retry"), run_id="late").value == 1
    assert versions(hub) == [1, 2, 3] and hub.runs.dataset("flights/clean").previous == 2


def test_one_run_may_publish_twice(hub: Hub) -> None:
    @dt.workflow
    def twice() -> None:
        one = dt.publish(make(1), "flights/clean")
        dt.publish(make(2), "flights/clean").after(one)

    hub.run(twice)
    assert versions(hub) == [1, 2]


# -- reading ------------------------------------------------------------------------------------------


def test_readers_get_the_version_that_is_current_when_they_start(hub: Hub) -> None:
    for rows in (3, 5):
        hub.run(produce, rows=rows)
    assert [hub.run(each).value for each in (latest, first, by_default)] == [5, 3, 5]
    assert hub.run(by_default, table=dt.dataset("flights/clean@1")).value == 3
    assert hub.run(by_default, table=pa.table({"x": [1]})).value == 1
    roll_back(hub, "flights/clean", None, "five are too many")
    assert [hub.run(each).value for each in (latest, by_default)] == [3, 3]


def test_a_run_that_is_resumed_reads_what_it_read_before(hub: Hub, tmp_path: Path) -> None:
    hub.run(produce)

    @dt.task
    def wait_for(path: str) -> int:
        if not Path(path).exists():
            raise ValueError("not yet")
        return 0

    @dt.workflow
    def late(path: str, other: pa.Table = dt.dataset("flights/clean")) -> list[int]:  # noqa: B008
        begin = wait_for(path)
        return [height(dt.dataset("flights/clean")).after(begin), height(other).after(begin)]

    flag = tmp_path / "go"
    with pytest.raises(dt.errors.TaskFailed):
        hub.run(late, path=str(flag), run_id="late")
    hub.run(produce, rows=5)
    flag.touch()
    assert hub.resume("late", late).value == [3, 3]
    assert hub.run(late, path=str(flag)).value == [5, 5]


def test_the_cache_knows_a_version_by_its_content(hub: Hub) -> None:
    seen = []
    for rows in (3, 3, 5):
        hub.run(produce, rows=rows)
        done = hub.run(cached)
        seen.append((done.value, hub.runs.node(done.run_id, "cached_height").cached))
    assert versions(hub) == [1, 2, 3] and seen == [(3, False), (3, True), (5, False)]


def test_wherever_nodes_are_made_and_run(hub: Hub) -> None:
    hub.run(produce, executor="processes")

    @dt.dynamic
    def expanded(rows: int) -> int:
        dt.publish(make(rows), "made/while_running")
        return height(dt.dataset("flights/clean"))

    @dt.workflow
    def grows() -> int:
        return expanded(2)

    @dt.workflow
    def each(number: int, table: pa.Table = dt.dataset("flights/clean")) -> int:  # noqa: B008
        return height(table)

    @dt.workflow
    def spread() -> list[int]:
        return dt.map(each, [1, 2])

    assert hub.run(latest, executor="processes").value == 3
    assert hub.run(grows).value == 3 and hub.runs.dataset("made/while_running").artifact.meta["rows"] == 2
    assert hub.run(spread).value == [3, 3]


def test_mended_rows_join_what_was_published(hub: Hub) -> None:
    soft = good.with_options(on_fail="quarantine", max_quarantined="50%")

    def softly(gates: list[dt.Gate]) -> dt.Workflow[..., Any]:
        def publishing() -> pa.Table:
            return dt.publish(make(13), "flights/clean", gate=gates)

        return dt.workflow(publishing)

    hub.run(softly([soft]))
    (entry,) = hub.runs.quarantined()
    assert entry.artifact is not None and entry.dataset == "flights/clean"
    rows = hub.types.load(entry.artifact, hub.artifacts)
    mended = rows.set_column(0, "x", pa.array([100], pa.int64()))
    done = replay(hub, entry, entry.artifact, mended, publish=True, workflow=softly([soft]))
    assert done.version is not None and (done.version.version, done.version.artifact.meta["rows"]) == (2, 13)
    assert done.version.gates == (("replay", "good"),)
    with pytest.raises(UsageError) as caught:  # they would pass the other gate by
        replay(hub, entry, entry.artifact, mended, publish=True, workflow=softly([soft, some]))
    assert "other gates stand before" in (caught.value.why or "")


def test_what_is_not_published_is_told_before_anything_runs(hub: Hub) -> None:
    hub.run(produce)

    @dt.workflow
    def misspelt() -> int:
        return height(dt.dataset("flight/clean"))

    @dt.workflow
    def too_new(table: pa.Table = dt.dataset("flights/clean@9")) -> int:  # noqa: B008
        return height(table)

    with pytest.raises(UsageError, match="no dataset 'flight/clean'") as caught:
        hub.run(misspelt)
    assert caught.value.fix == "did you mean flights/clean?"
    with pytest.raises(UsageError, match="no version 9"):
        hub.run(too_new)
    assert hub.runs.get_run("latest").workflow == "produce"


def test_outside_of_runs_it_is_read_from_the_store_of_the_project(
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = python(
        """
        import dovetail as dt, pyarrow as pa
        from dovetail.errors import UsageError
        @dt.task
        def height(table: pa.Table) -> int:
            return table.num_rows
        @dt.task
        def make() -> pa.Table:
            return pa.table({"x": [1, 2]})
        @dt.workflow
        def produce() -> pa.Table:
            return dt.publish(make(), "d")
        @dt.workflow
        def read(table: pa.Table = dt.dataset("d")) -> int:
            return height(table) if False else height(dt.dataset("d"))
        try:
            read()
        except UsageError as error:
            print(error.what)
        dt.run(produce)
        print(read(), dt.dataset("d@1").load(pa.Table).num_rows, type(dt.dataset("d").load()).__name__)
        """
    )
    assert done.stdout.splitlines() == ["there is no dataset d", "2 2 Table"], done.stderr


# -- wiring -------------------------------------------------------------------------------------------


def test_wrong_names_and_wrong_values_are_told_at_definition() -> None:
    for name in ("", "../x", "a//b", "/a", "a b", "x" * 129, "a/", 3):
        with pytest.raises(DefinitionError, match="cannot name a dataset"):
            dt.dataset(name)  # type: ignore[arg-type]
    for name in ("a@", "a@0", "a@x", "a@1@2"):
        with pytest.raises(DefinitionError):
            dt.dataset(name)
    with pytest.raises(DefinitionError, match="did you mean 'retry'"):
        dt.publish(pa.table({}), "a", on_conflict="retri")  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="is no gate"):
        dt.publish(pa.table({}), "a", gate=[checks.not_null("x")])  # type: ignore[list-item]

    def constant() -> int:
        return dt.publish(5, "a")

    with pytest.raises(DefinitionError, match="no result of a task"):
        dt.workflow(constant)


def test_a_builder_and_a_document_make_the_same_workflow(hub: Hub) -> None:
    builder = dt.WorkflowBuilder("produce")
    rows = builder.input("rows", int, default=3)
    builder.output(builder.publish(builder.add(make, rows), "flights/clean", gate=[good, some]), pa.Table)
    built = builder.build()
    assert [node.id for node in built.graph.nodes] == [node.id for node in produce.graph.nodes]
    assert built.graph.hash() == produce.graph.hash()
    for workflow in (built, by_default, first):
        document = json.loads(json.dumps(workflow.to_spec()))
        again = dt.load_workflow_spec(document)
        assert again.to_spec() == document and again.graph.hash() == workflow.graph.hash()
        hub.run(again)
    assert by_default.to_spec()["inputs"][0]["default"] == {"$dataset": "flights/clean"}


def test_a_dataset_is_read_as_the_type_that_is_wanted_or_refused(hub: Hub) -> None:
    hub.run(produce)

    @dt.task
    def number(value: int) -> int:
        return value

    @dt.workflow
    def wrong() -> int:
        return number(dt.dataset("flights/clean"))

    with pytest.raises((WiringError, DefinitionError, dt.errors.ConversionError, dt.errors.ValueMismatch)):
        hub.run(wrong)
