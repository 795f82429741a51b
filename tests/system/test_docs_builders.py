"""What the pages for builders promise: task types of few lines that survive, pipelines in YAML, decorators of one's own."""

from __future__ import annotations

import ast
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PageOf = Callable[[str], Any]
TASK_TYPES = "docs/how-to/write-a-task-type.md"
LIMIT = 240  # seconds; what hangs shall not hang the tests


@pytest.fixture
def folder(page: PageOf, tmp_path: Path) -> Path:
    for name in ("shout.py", "cluster.py", "jobs.py"):
        (tmp_path / name).write_text(page(TASK_TYPES).file(name))
    return tmp_path


def dovetail(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dovetail", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def told(folder: Path, *arguments: str, code: int = 0) -> str:
    process = dovetail(folder, *arguments)
    printed, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == code, printed
    return printed


def code_lines(source: str, cls: str) -> int:
    """Lines of the imports and of a class with its decorator, without blank ones."""
    tree = ast.parse(source)
    kept = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    kept += [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls]
    assert len(kept) > 1
    lines = source.splitlines()
    spans = [
        (min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]), node.end_lineno) for node in kept
    ]
    return sum(bool(line.strip()) for first, last in spans for line in lines[first - 1 : last])


@pytest.mark.parametrize(("name", "cls"), [("shout.py", "Shout"), ("jobs.py", "ClusterJob")])
def test_a_task_type_takes_fewer_than_twenty_lines(page: PageOf, name: str, cls: str) -> None:
    assert code_lines(page(TASK_TYPES).file(name), cls) < 20


def submitted(folder: Path, run_id: str) -> str:
    """The only job there is, as soon as its handle is stored."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        shown = subprocess.run(
            [sys.executable, "-m", "dovetail", "runs", "show", run_id, "--events", "--json"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        events = json.loads(shown.stdout).get("events", []) if shown.returncode == 0 else []
        handles = [event["data"]["handle"] for event in events if event["type"] == "node.submitted"]
        if handles:
            assert len(handles) == 1
            return str(handles[0])
    raise AssertionError("no job was submitted")


def jobs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "jobs").iterdir())


def state(folder: Path, job: str) -> str:
    return (folder / "jobs" / job / "state").read_text()


def is_running(folder: Path, job: str) -> bool:
    pid = (folder / "jobs" / job / "pid").read_text()
    shown = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True).stdout.strip()
    return bool(shown) and not shown.startswith("Z")


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_a_job_outlives_a_killed_run_and_is_never_submitted_twice(
    folder: Path, processes: list[subprocess.Popen[str]]
) -> None:
    run = dovetail(folder, "run", "jobs.py", "counting", "--n", "4", "--seconds", "8", "--run-id", "one")
    processes.append(run)
    job = submitted(folder, "one")
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run.returncode == -signal.SIGKILL
    assert is_running(folder, job)
    assert "succeeded" in told(folder, "runs", "resume", "one")
    assert jobs(folder) == [job]
    assert state(folder, job) == "succeeded"
    assert json.loads(told(folder, "runs", "show", "one", "--json"))["status"] == "succeeded"


@pytest.mark.slow
def test_a_cancelled_run_takes_its_job_with_it(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    run = dovetail(folder, "run", "jobs.py", "counting", "--seconds", "600", "--run-id", "one")
    processes.append(run)
    job = submitted(folder, "one")
    assert is_running(folder, job)
    told(folder, "runs", "cancel", "one")
    run.communicate(timeout=LIMIT)
    assert state(folder, job) == "cancelled"
    assert not is_running(folder, job)
    assert json.loads(told(folder, "runs", "show", "one", "--json"))["status"] == "cancelled"


BUILDERS = "docs/how-to/build-graphs-by-code.md"


@pytest.mark.slow
def test_the_page_for_builders_does_what_it_shows(page: PageOf, tmp_path: Path) -> None:
    assert page(BUILDERS).play(tmp_path) == 6
    for block in page(BUILDERS).blocks("python"):
        assert block.file


def test_decorators_of_ones_own_take_about_twenty_lines(page: PageOf) -> None:
    assert code_lines(page(BUILDERS).file("steps.py"), "Pipeline") <= 20


class TestYaml:
    """``examples/yaml_pipeline``."""

    @pytest.fixture
    def pipeline(self, repository: Path, tmp_path: Path) -> Path:
        skip = shutil.ignore_patterns("__pycache__", ".dovetail")
        shutil.copytree(repository / "examples" / "yaml_pipeline", tmp_path / "yaml", ignore=skip)
        return tmp_path / "yaml"

    def change(self, pipeline: Path, before: str, after: str) -> None:
        text = (pipeline / "daily.yaml").read_text()
        assert before in text
        (pipeline / "daily.yaml").write_text(text.replace(before, after))

    def test_the_reader_has_under_a_hundred_lines(self, repository: Path) -> None:
        assert len((repository / "examples" / "yaml_pipeline" / "reader.py").read_text().splitlines()) < 100

    def test_a_pipeline_runs_durably_and_is_resumed(self, pipeline: Path) -> None:
        self.change(pipeline, "call: steps:words", "call: steps:broken")
        with (pipeline / "steps.py").open("a") as steps:
            steps.write(
                "\n\ndef broken(means: pa.Table) -> list[str]:\n"
                "    from pathlib import Path\n"
                "    Path('calls.txt').open('a').write('x')\n"
                "    return words(means) if Path('flag').exists() else 1 / 0\n"
            )
        told(pipeline, "run", "pipeline.py", "daily", "--month", "2", "--run-id", "one", code=2)
        (pipeline / "flag").touch()
        told(pipeline, "runs", "resume", "one")
        shown = json.loads(told(pipeline, "runs", "show", "one", "--json"))
        assert shown["status"] == "succeeded_with_warnings"
        assert {node["node_id"]: node["attempt"] for node in shown["nodes"]}["raw"] == 1
        assert "AA +8.0" in told(pipeline, "run", "pipeline.py", "daily", "--month", "2")

    @pytest.mark.parametrize(
        ("before", "after", "line", "words"),
        [
            ("${steps.means}", "${steps.meanz}", 26, "did you mean means?"),
            ("retries", "retrys", 13, "did you mean 'retries'?"),
            ("not_null", "notnull", 6, "did you mean not_null?"),
            ("call: steps:words", "call: steps:wordz", 26, "wordz"),
            ("call: steps:words", "calls: steps:words", 26, "did you mean call?"),
            ("{means:", "{mean:", 26, "did you mean 'means'?"),
            ("{value:", "{rows:", 17, "gate 'sane' has no input 'rows'"),
            ("type: int", "type: integer", 4, "no type"),
            ("call: steps:words", "call: steps:length", 26, "has no input"),
            ("over:", "overs:", 29, "did you mean over?"),
            ("    call: steps:words\n", "", 26, "Empty module name"),
            ("${inputs.month}", "${steps.words}", 13, "known: none yet"),
        ],
    )
    def test_an_error_names_the_line(self, pipeline: Path, before: str, after: str, line: int, words: str) -> None:
        self.change(pipeline, before, after)
        printed = told(pipeline, "run", "pipeline.py", "daily", code=2)
        assert f"daily.yaml, line {line} (" in printed
        assert words in printed

    @pytest.mark.parametrize("key", ["workflow", "steps", "output"])
    def test_what_every_pipeline_has_is_missed_by_name(self, pipeline: Path, key: str) -> None:
        self.change(pipeline, f"\n{key}:" if key != "workflow" else "workflow:", f"\n{key}z:")
        assert f"it has no {key}" in told(pipeline, "run", "pipeline.py", "daily", code=2)

    def test_what_is_no_yaml_is_told_with_its_line(self, pipeline: Path) -> None:
        self.change(pipeline, "workflow: daily", "workflow: [daily")
        assert "line 2" in told(pipeline, "run", "pipeline.py", "daily", code=2)


def test_the_document_of_the_reference_is_well_formed(page: PageOf) -> None:
    from dovetail.graph import read_workflow_spec

    documents = page("docs/reference/graph-spec.md").blocks("json")
    assert [read_workflow_spec(json.loads(block.text))["name"] for block in documents] == ["daily"]


def test_every_key_of_the_format_is_explained(page: PageOf) -> None:
    from dovetail.graph import json_schema

    def keys(schema: Any) -> set[str]:
        inner = list(schema.values()) if isinstance(schema, dict) else schema if isinstance(schema, list) else []
        own = set(schema.get("properties", ())) if isinstance(schema, dict) else set()
        return own.union(*map(keys, inner))

    schema = json_schema()
    del schema["$defs"]["check"]  # the arguments of the checks are in the page of gates
    text = page("docs/reference/graph-spec.md").text
    assert [key for key in sorted(keys(schema)) if f"`{key}`" not in text and f'"{key}"' not in text] == []
