"""The main job on real data, by the command line: its result, and that it survives kill -9 at any moment."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from dovetail.hub import Hub

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
FILES = ("dovetail.toml", "pipeline.py", "flights_data.py", "report_page.py")
JANUARY = ("run", "pipeline.py", "flights", "--last-month", "1")

pytestmark = pytest.mark.slow


def copy_project(target: Path) -> Path:
    """The example without what earlier runs left beside it."""
    target.mkdir(parents=True)
    for name in FILES:
        shutil.copy(FLIGHTS / name, target / name)
    return target


def dovetail(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dovetail", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, env=clean_environment())


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DOVETAIL_")}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project after one run that nobody disturbed."""
    project = copy_project(tmp_path_factory.mktemp("reference") / "flights")
    done = dovetail(project, *JANUARY)
    assert done.returncode == 0, done.stderr
    yield project


def open_hub(project: Path) -> Hub:
    return Hub(home=project / ".dovetail")


def outputs(project: Path) -> dict[str, str]:
    """Content hashes of what the newest run gave."""
    with open_hub(project) as hub:
        record = hub.runs.get_run("latest")
        assert record.status == "succeeded_with_warnings"
        return {name: artifact.content_hash for name, artifact in record.outputs.items()}


def test_the_gate_quarantines_real_rows_and_publishes_the_rest(reference: Path) -> None:
    with open_hub(reference) as hub:
        record = hub.runs.get_run("latest")
        (report,) = [r.report for r in hub.runs.reports(record.run_id)]
        clean = hub.types.load(hub.runs.dataset("clean_flights").artifact, hub.artifacts, pl.DataFrame)
        page = hub.runs.dataset("flights_report")
    assert report["decision"] == "publish_clean_quarantine_rest"
    assert report["rows_in"] == report["rows_clean"] + report["rows_quarantined"]
    assert report["rows_quarantined"] > 0
    assert clean.height == report["rows_clean"]
    assert clean["arr_delay"].null_count() == 0
    assert pl.read_parquet(reference / "out" / "clean_flights.parquet").equals(clean)
    html = (reference / "out" / "report.html").read_text()
    assert "<svg" in html and "Mean arrival delay by carrier" in html
    assert page.path is not None and page.path.endswith("report.html")


def test_the_figures_are_those_of_the_data(reference: Path) -> None:
    """The summary agrees with one that is computed here, straight from the published rows."""
    with open_hub(reference) as hub:
        record = hub.runs.get_run("latest")
        summary = hub.types.load(record.outputs["by_carrier"], hub.artifacts, pl.DataFrame)
    expected = (
        pl.read_parquet(reference / "out" / "clean_flights.parquet")
        .group_by("carrier")
        .agg(flights=pl.len(), mean_arr_delay=pl.col("arr_delay").mean().round(2))
    )
    both = summary.join(expected, on="carrier", suffix="_expected")
    assert both.height == expected.height == summary.height
    assert (both["flights"].cast(int) == both["flights_expected"].cast(int)).all()
    assert ((both["mean_arr_delay"] - both["mean_arr_delay_expected"]).abs() <= 0.0101).all()


def test_the_summary_in_the_warehouse_is_the_same(reference: Path) -> None:
    import duckdb

    with duckdb.connect(str(reference / "warehouse.duckdb"), read_only=True) as connection:
        count = connection.sql("select count(*) from delays_by_carrier").fetchall()[0]
        raw = connection.sql("select count(*) from flights").fetchall()[0]
    with open_hub(reference) as hub:
        record = hub.runs.get_run("latest")
        assert count == (hub.types.load(record.outputs["rows"], hub.artifacts),)
    assert raw == (336_776,)


def test_it_runs_in_process_and_stores_nothing(tmp_path: Path, reference: Path) -> None:
    project = copy_project(tmp_path / "flights")
    script = "from pipeline import flights; print(flights(last_month=1).by_carrier.to_json(orient='records'))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project, capture_output=True, text=True, env=clean_environment()
    )
    assert done.returncode == 0, done.stderr
    with open_hub(reference) as hub:
        record = hub.runs.get_run("latest")
        stored = hub.types.load(record.outputs["by_carrier"], hub.artifacts)
    assert json.loads(done.stdout) == json.loads(stored.to_json(orient="records"))
    assert not (project / ".dovetail").exists()


@pytest.mark.parametrize("seed", range(5))
def test_kill_9_then_resume_gives_the_same_and_runs_no_finished_node_twice(
    tmp_path: Path, reference: Path, seed: int
) -> None:
    """Killed once at a random number of finished nodes, then, while being resumed, once more."""
    project = copy_project(tmp_path / "flights")
    dice = random.Random(seed)
    first = dice.randint(0, 15)
    kill_when(project, first, *JANUARY)
    with open_hub(project) as hub:
        known = hub.runs.list_runs()
    if known:
        assert known[0].status == "crashed"
        kill_when(project, dice.randint(first, 18), "runs", "resume", "latest")
        resumed = dovetail(project, "runs", "resume", "latest")
    else:  # killed before the run was recorded
        resumed = dovetail(project, *JANUARY)
    with open_hub(project) as hub:
        record = hub.runs.get_run("latest")
        finished = collections.Counter(
            event.node_id for event in hub.runs.events(record.run_id, limit=10_000) if event.type == "node.succeeded"
        )
    if record.status == "succeeded_with_warnings" and resumed.returncode == 2:
        assert "has already succeeded" in resumed.stderr  # the second kill came after the end
    else:
        assert resumed.returncode == 0, resumed.stderr
    assert set(finished.values()) == {1}
    assert len(finished) == 19
    assert outputs(project) == outputs(reference)


def kill_when(project: Path, nodes: int, *arguments: str) -> None:
    """Start dovetail, and kill it when so many nodes are finished."""
    command = [sys.executable, "-m", "dovetail", *arguments]
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment()
    )
    while process.poll() is None and _finished(project) < nodes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.01)  # looking again at once would take a core from what is looked at
    process.send_signal(signal.SIGKILL)
    process.wait()


def _finished(project: Path) -> int:
    if not (project / ".dovetail" / "runs.db").exists():
        return 0
    # Plain SQLite: cheap enough to be asked again and again while the other process works.
    with contextlib.closing(sqlite3.connect(f"file:{project}/.dovetail/runs.db?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("select count(*) from node where status = 'succeeded'").fetchone()[0])
        except sqlite3.OperationalError:  # the tables are being made
            return 0
