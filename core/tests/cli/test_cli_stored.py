"""Looking at what is stored: runs, artifacts, datasets; going on, cancelling, exporting."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from dovetail.config import load_settings
from dovetail.store import ArtifactStore, NewRun, RunStore, current_owner, open_artifact_store, open_run_store


@pytest.fixture
def runs(project) -> RunStore:
    with open_run_store(load_settings()) as store:
        yield store


def blob_of(project: Path, digest: str) -> Path:
    (found,) = (
        p for p in (project / ".dovetail").rglob("*") if p.is_file() and digest.startswith(p.parent.name + p.name)
    )
    return found


# -- runs --------------------------------------------------------------------------------------------


def test_an_empty_project_has_no_runs_and_looking_makes_no_store(cli, project):
    assert cli("runs", "list").out == f"no runs in {project / '.dovetail'}\n"
    assert cli("runs", "list", "--json").json == {"runs": []}
    assert cli("datasets", "list", "--json").json == {"datasets": []}
    assert not (project / ".dovetail").exists()


def test_runs_are_listed_newest_first_and_sifted(cli):
    cli("run", "pipeline.py", "plain", "--month", "1", "--run-id", "a")
    cli("run", "pipeline.py", "broken", "--run-id", "b")
    cli("run", "pipeline.py", "blocked", "--run-id", "c")
    listed = cli("runs", "list", "--json").json["runs"]
    assert [(run["run_id"], run["workflow"], run["status"]) for run in listed] == [
        ("c", "blocked", "blocked"),
        ("b", "broken", "failed"),
        ("a", "plain", "succeeded"),
    ]
    assert [run["run_id"] for run in cli("runs", "list", "--status", "failed", "--json").json["runs"]] == ["b"]
    assert [run["run_id"] for run in cli("runs", "list", "--workflow", "plain", "--json").json["runs"]] == ["a"]
    assert [run["run_id"] for run in cli("runs", "list", "--limit", "1", "--json").json["runs"]] == ["c"]
    assert "blocked" in cli("runs", "list").out


def test_show_tells_what_the_run_told(cli):
    at_the_time = cli("run", "pipeline.py", "warned", "--run-id", "r", "--json").json
    later = cli("runs", "show", "r", "--json").json
    assert {key: at_the_time[key] for key in later} == later
    shown = cli("runs", "show").out
    assert "run r of warned: succeeded with warnings" in shown
    assert ["rows", "int", "10"] in [line.split() for line in shown.splitlines()]


def test_show_tells_the_error_with_the_traceback(cli, project):
    cli("run", "pipeline.py", "broken", "--run-id", "r")
    shown = cli("runs", "show", "r")
    assert shown.code == 0
    assert "error: node 'fail_unless' raised ValueError: no go" in shown.out
    assert f'File "{project / "pipeline.py"}"' in shown.out
    assert "dovetail runs resume r" in shown.out


def test_show_tells_the_events(cli):
    cli("run", "pipeline.py", "warned", "--run-id", "r")
    types = [event["type"] for event in cli("runs", "show", "r", "--events", "--json").json["events"]]
    assert types[0] == "run.started" and types[-1] == "run.finished"
    assert "gate.evaluated" in types and "dataset.published" in types
    assert "dataset.published" in cli("runs", "show", "r", "--events").out


def test_resume_goes_on_where_it_failed(cli, project):
    assert cli("run", "pipeline.py", "broken", "--run-id", "r").code == 2
    assert cli("runs", "resume", "r").code == 2
    (project / "go").touch()
    done = cli("runs", "resume", "r")
    assert done.code == 0
    assert "resumed" in done.err and "succeeded" in done.out
    assert (project / "calls.txt").read_text() == "add 1 2\n"


def test_a_run_that_has_succeeded_is_not_resumed(cli):
    cli("run", "pipeline.py", "plain", "--month", "1", "--run-id", "r")
    done = cli("runs", "resume", "r")
    assert done.code == 2
    assert "can't be resumed: it has succeeded" in done.err


def test_a_changed_workflow_is_not_resumed(cli, project):
    cli("run", "pipeline.py", "broken", "--run-id", "r")
    source = (project / "pipeline.py").read_text().replace("return fail_unless(add(1, 2), path)", "return add(1, 2)")
    (project / "pipeline.py").write_text(source)
    done = cli("runs", "resume", "r")
    assert done.code == 2
    assert "has changed since run r was started" in done.err


def test_a_run_that_is_being_driven_is_left_alone(cli, runs, project):
    source = {"file": str(project / "pipeline.py"), "name": "chatty"}
    from dovetail.hub import load_workflow

    graph = load_workflow("pipeline.py", "chatty").graph.hash()
    runs.create_run(NewRun("r", "chatty", source, graph_hash=graph))
    runs.claim("r", current_owner(), 60)
    done = cli("runs", "resume", "r", "--json")
    assert done.code == 3
    assert done.json["error"]["type"] == "StoreLocked"


def test_cancel_asks_a_run_to_stop(cli, runs):
    runs.create_run(NewRun("driven", "w"))
    runs.claim("driven", current_owner(), 60)
    asked = cli("runs", "cancel", "driven", "--json").json
    assert asked == {"run_id": "driven", "status": "running", "cancelled": True}
    assert runs.cancel_requested("driven")
    assert "was asked to stop" in cli("runs", "cancel", "driven").out


def test_cancel_of_a_run_that_nobody_drives(cli, runs):
    runs.create_run(NewRun("waiting", "w"))
    assert "run waiting is cancelled" in cli("runs", "cancel", "waiting").out
    assert "has ended already" in cli("runs", "cancel", "waiting").out


def test_a_locked_store_is_exit_3(cli, project, monkeypatch):
    cli("run", "pipeline.py", "plain", "--month", "1")
    monkeypatch.setitem(
        RunStore.__init__.__kwdefaults__, "busy_timeout", 0.05
    )  # nobody wants to wait for half a minute
    holder = sqlite3.connect(project / ".dovetail/runs.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        done = cli("run", "pipeline.py", "plain", "--month", "1", "--json")
    finally:
        holder.close()
    assert done.code == 3
    assert done.json["error"]["type"] == "StoreLocked"


def test_a_store_that_is_none_is_said(cli, project):
    (project / ".dovetail").mkdir()
    (project / ".dovetail/runs.db").write_text("this is no database " * 100, encoding="utf-8")
    done = cli("runs", "list")
    assert done.code == 3
    assert "platform error:" in done.err
    sick = cli("doctor", "--json")
    assert sick.code == 3
    assert [finding["problem"] for finding in sick.json["findings"]] == ["store"]


# -- artifacts ---------------------------------------------------------------------------------------


@pytest.fixture
def frame(cli) -> dict[str, object]:
    """A stored table, as the run told it."""
    return cli("run", "pipeline.py", "warned", "--rows", "30", "--run-id", "r", "--json").json["outputs"]["frame"]


@pytest.mark.parametrize("which", ["r:quarantine", "r:quarantine.result", "latest:quarantine", "id", "prefix"])
def test_an_artifact_is_found_by_id_and_by_place(cli, frame, which):
    named = {"id": frame["id"], "prefix": str(frame["id"])[:10]}.get(which, which)
    document = cli("artifacts", "show", named, "--json").json
    assert document["id"] == frame["id"]
    assert document["rows"] == 15
    assert document["schema"] == [
        {"name": "x", "type": "int64", "nullable": True},
        {"name": "name", "type": "string", "nullable": True},
    ]
    assert document["preview"]["columns"] == ["x", "name"]
    assert document["preview"]["rows"][0] == ["1", "n1"]
    assert len(document["preview"]["rows"]) == 10
    assert Path(document["files"][0]["path"]).is_file()


def test_an_artifact_is_shown(cli, frame):
    shown = cli("artifacts", "show", "r:quarantine", "--rows", "2").out
    assert str(frame["id"]) in shown
    assert "pyarrow.Table" in shown and "parquet" in shown and "int64" in shown
    assert "n3" in shown and "n5" not in shown
    assert "2 of 15 rows" in shown


def test_a_small_value_is_shown_itself(cli):
    cli("run", "pipeline.py", "plain", "--month", "41")
    assert cli("artifacts", "show", "latest:add").out.endswith("42\n")


def test_a_corrupt_artifact_is_never_shown(cli, frame, project):
    file = Path(str(frame["path"]))
    file.chmod(0o644)
    file.write_bytes(b"x" + file.read_bytes()[1:])
    for arguments in (("artifacts", "show", "r:quarantine"), ("artifacts", "export", "r:quarantine", "copy.parquet")):
        done = cli(*arguments, "--json")
        assert done.code == 3
        assert done.json["error"]["type"] == "ArtifactCorrupt"
    assert not (project / "copy.parquet").exists()
    assert not list(project.glob(".copy*"))
    assert cli("runs", "show", "r").code == 0


def test_a_missing_file_is_said(cli, frame):
    Path(str(frame["path"])).unlink()
    done = cli("artifacts", "show", str(frame["id"]), "--json")
    assert (done.code, done.json["error"]["type"]) == (3, "ArtifactNotFound")
    assert cli("runs", "show", "r", "--json").json["outputs"]["frame"]["path"] is None


def test_export_copies_a_value(cli, frame, project):
    import pyarrow.parquet as pq

    done = cli("artifacts", "export", "r:quarantine", "copies/good.parquet", "--json")
    assert done.json == {"artifact": frame["id"], "path": str(project / "copies/good.parquet")}
    assert pq.read_table(project / "copies/good.parquet").num_rows == 15
    assert cli("artifacts", "export", "r:add", "number.json").code == 0
    assert json.loads((project / "number.json").read_text()) == 31


def test_export_replaces_only_by_force(cli, frame, project):
    (project / "mine.txt").write_text("mine", encoding="utf-8")
    refused = cli("artifacts", "export", "r:add", "mine.txt")
    assert refused.code == 2 and "--force" in refused.err
    assert (project / "mine.txt").read_text() == "mine"
    assert cli("artifacts", "export", "r:add", "mine.txt", "--force").code == 0
    assert (project / "mine.txt").read_text() == "31"
    assert cli("artifacts", "export", "r:add", ".", "--force").code == 2


def test_a_stored_directory_is_exported_as_one(cli, project):
    (project / "folder.py").write_text(
        "import dovetail as dt\nfrom pathlib import Path\n"
        "@dt.task\ndef make() -> dt.Directory:\n"
        "    (Path('made') / 'sub').mkdir(parents=True)\n"
        "    (Path('made') / 'sub' / 'a.txt').write_text('a')\n"
        "    return dt.Directory('made')\n"
        "@dt.workflow\ndef folder() -> dt.Directory:\n    return make()\n",
        encoding="utf-8",
    )
    assert cli("run", "folder.py", "folder").code == 0
    assert cli("artifacts", "export", "latest:make", "copy").code == 0
    assert (project / "copy/sub/a.txt").read_text() == "a"


# -- datasets ----------------------------------------------------------------------------------------


def test_datasets_and_their_versions(cli):
    for run_id in ("one", "two"):
        cli("run", "pipeline.py", "warned", "--run-id", run_id)
    current = cli("datasets", "list", "--json").json["datasets"]
    assert [(d["name"], d["version"], d["run_id"], d["current"]) for d in current] == [("good_rows", 2, "two", True)]
    shown = cli("datasets", "show", "good_rows", "--json").json
    assert shown["name"] == "good_rows"
    assert [(d["version"], d["run_id"], d["current"]) for d in shown["versions"]] == [
        (2, "two", True),
        (1, "one", False),
    ]
    assert "v2 current" in cli("datasets", "show", "good_rows").out
    assert "good_rows" in cli("datasets", "list").out


def test_a_run_tells_its_own_version_even_when_another_is_current(cli):
    for run_id in ("one", "two"):
        cli("run", "pipeline.py", "warned", "--run-id", run_id)
    (dataset,) = cli("runs", "show", "one", "--json").json["datasets"]
    assert (dataset["version"], dataset["current"]) == (1, False)


def test_the_store_is_the_one_that_home_names(cli, project):
    cli("run", "pipeline.py", "plain", "--month", "1", "--home", "elsewhere", "--run-id", "r")
    assert cli("runs", "show", "r").code == 2
    assert cli("runs", "show", "r", "--home", "elsewhere").code == 0
    assert cli("--home", "elsewhere", "runs", "show", "r").code == 0
    assert isinstance(open_artifact_store(load_settings()), ArtifactStore)
    assert not (project / ".dovetail").exists()


def test_a_narrow_terminal_gets_fewer_columns_rather_than_broken_names(cli, monkeypatch):
    cli("run", "pipeline.py", "plain", "--month", "1", "--run-id", "a-run-with-quite-a-long-name")
    wide = cli("runs", "list").out
    monkeypatch.setenv("COLUMNS", "60")
    narrow = cli("runs", "list").out
    assert "started" in wide and "started" not in narrow
    assert "a-run-with-quite-a-long-name" in narrow and "succeeded" in narrow


def test_floats_of_a_preview_stay_on_their_line(cli, project, monkeypatch):
    (project / "floats.py").write_text(
        "import dovetail as dt\nimport pyarrow as pa\n"
        "@dt.task\ndef make() -> pa.Table:\n"
        "    wide = {f'mean_{i}': [516.7213114754098, 20130101.0, float('nan')] for i in range(12)}\n"
        "    return pa.table({'text': ['516.7213114754098', 'b', 'c'], **wide})\n"
        "@dt.workflow\ndef floats() -> pa.Table:\n    return make()\n",
        encoding="utf-8",
    )
    cli("run", "floats.py", "floats")
    monkeypatch.setenv("COLUMNS", "60")
    shown = cli("artifacts", "show", "latest:make").out.partition("value\n")[2].splitlines()
    assert shown[2].split() == ["516.7213114754098", "516.721", "516.721", "516.721"]  # the first is a text
    assert shown[3].split() == ["b", "20130101.0", "20130101.0", "20130101.0"]
    assert shown[-1] == "... 4 of 13 columns: 9 did not fit"
    stored = cli("artifacts", "show", "latest:make", "--json").json["preview"]
    assert stored["rows"][0][-1] == "516.7213114754098"
