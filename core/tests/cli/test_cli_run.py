"""``dovetail run``: what is told, where, and with which exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

RUN_KEYS = {
    "run_id", "workflow", "status", "created", "started", "ended", "duration_seconds", "counts", "warnings", "resumed",
    "home", "source", "options", "inputs", "outputs", "nodes", "gates", "datasets", "error", "exit_code",
}  # fmt: skip
NODE_KEYS = {
    "node_id", "task", "status", "attempt", "started", "ended", "duration_seconds", "cached", "gates", "place", "outputs",
    "error", "because",
}  # fmt: skip
ARTIFACT_KEYS = {"id", "type", "format", "rows", "columns", "bytes", "value"}


def test_a_run_is_summed_up(cli):
    done = cli("run", "pipeline.py", "plain", "--month", "2", "--run-id", "first")
    assert done.code == 0
    assert "run first of plain: succeeded" in done.out
    assert "add" in done.out
    assert "result" in done.out and "  3" in done.out
    assert "dovetail runs show first" in done.out
    assert "\x1b" not in done.out + done.err


def test_progress_is_plain_lines_on_standard_error(cli):
    done = cli("run", "pipeline.py", "plain", "--month", "2", "--run-id", "first")
    lines = [line.partition("] ")[2] for line in done.err.splitlines()]
    assert lines == ["run first of plain started: 1 node", "add: done  [1/1]"]


def test_quiet_says_one_line(cli):
    done = cli("run", "pipeline.py", "plain", "--month", "2", "--run-id", "first", "--quiet")
    assert (done.out, done.err) == ("first succeeded\n", "")


def test_quiet_still_says_what_failed(cli):
    done = cli("run", "pipeline.py", "broken", "--quiet", "--run-id", "first")
    assert done.code == 2
    assert done.out == "first failed\n"
    assert "raised ValueError: no go" in done.err


def test_the_json_of_a_run_has_stable_keys(cli):
    document = cli("run", "pipeline.py", "plain", "--month", "2", "--json").json
    assert set(document) == RUN_KEYS
    assert [set(node) for node in document["nodes"]] == [NODE_KEYS]
    assert set(document["outputs"]["result"]) == ARTIFACT_KEYS | {"path"}
    assert set(document["inputs"]["month"]) == ARTIFACT_KEYS
    assert (document["status"], document["exit_code"], document["error"]) == ("succeeded", 0, None)
    assert document["outputs"]["result"]["value"] == "3"


def test_with_json_nothing_else_reaches_standard_output(process):
    done = process("run", "pipeline.py", "chatty", "--json")
    assert done.code == 0
    assert done.json["status"] == "succeeded"
    for line in ("printed by a task", "written to the descriptor", "printed by a child"):
        assert line in done.err


def test_without_json_what_tasks_print_is_seen(process):
    done = process("run", "pipeline.py", "chatty")
    for line in ("printed by a task", "written to the descriptor", "printed by a child"):
        assert line in done.out


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_executor_is_chosen_by_an_option(process, executor):
    done = process(
        "run", "pipeline.py", "plain", "--month", "2", "--executor", executor, "--max-workers", "2", "--json"
    )
    assert done.code == 0, done.err
    assert done.json["options"]["executor"] == executor


# -- user, data, platform ----------------------------------------------------------------------------


def test_user_code_that_raises_is_exit_2_with_a_traceback_that_starts_there(cli, project):
    done = cli("run", "pipeline.py", "broken", "--run-id", "r")
    trace = done.err[done.err.index("Traceback") :].splitlines()
    assert done.code == 2
    assert trace[1].startswith(f'  File "{project / "pipeline.py"}"')
    assert "in fail_unless" in trace[1]
    assert "dovetail/" not in "".join(trace)
    assert "dovetail runs resume r" in done.out


def test_text_of_users_is_shown_as_it_is_without_escapes(cli):
    done = cli("run", "pipeline.py", "broken")
    assert "no go red [bold]markup[/bold]" in done.err
    assert "\x1b" not in done.err + done.out


def test_a_failed_run_as_json_has_the_error_and_the_same_exit_code(cli):
    done = cli("run", "pipeline.py", "broken", "--json")
    assert done.code == done.json["exit_code"] == 2
    assert done.json["error"]["type"] == "TaskFailed"
    assert done.json["error"]["kind"] == "user"
    assert [node["status"] for node in done.json["nodes"]] == ["succeeded", "failed"]


@pytest.mark.parametrize("words", [100, 350, 5000])
def test_a_long_message_is_told_in_full_once(cli, project, words):
    (project / "long.py").write_text(
        "import dovetail as dt\n"
        f"@dt.task\ndef long() -> int:\n    raise ValueError(' '.join(f'w{{i}}' for i in range({words})))\n"
        "@dt.workflow\ndef flow() -> int:\n    return long()\n",
        encoding="utf-8",
    )
    done = cli("run", "long.py", "flow")
    progress, _, error = done.err.partition("\nerror: ")
    assert max(map(len, progress.splitlines())) < 250
    assert error.count(" w0 w1 ") == 2  # in the error and at the end of the traceback
    assert error.count(f" w{words - 1}") == 1
    assert "in full above" in error or "in full below" in error


def test_a_run_that_failed_counts_the_nodes_that_never_started(cli, project):
    (project / "chain.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef one(x: int) -> int:\n    return x\n"
        "@dt.task\ndef fail(x: int) -> int:\n    raise ValueError('no')\n"
        "@dt.workflow\ndef chain() -> int:\n    return one(fail(one(1)))\n",
        encoding="utf-8",
    )
    done = cli("run", "chain.py", "chain", "--run-id", "r")
    assert "1/3 nodes done" in done.out
    assert "1/3" in cli("runs", "list").out
    assert "1/3 nodes done" in cli("runs", "show").out


def test_a_gate_that_blocks_is_exit_1(cli):
    done = cli("run", "pipeline.py", "blocked")
    assert done.code == 1
    assert "blocked: gate 'rows'" in done.err
    assert "run" in done.out and ": blocked in" in done.out
    assert "5 of 10 failed" in done.out


def test_a_gate_that_sets_rows_aside_succeeds_with_warnings(cli):
    done = cli("run", "pipeline.py", "warned")
    assert done.code == 0
    assert "succeeded with warnings" in done.out
    assert "5 of 10 rows clean, 5 quarantined" in done.out
    assert "good_rows" in done.out and os.path.join("out", "good.parquet") in done.out
    assert "failing rows: artifact " in done.out


def test_with_strict_warnings_that_is_exit_1(cli):
    done = cli("run", "pipeline.py", "warned", "--strict-warnings", "--json")
    assert (done.code, done.json["status"]) == (1, "succeeded_with_warnings")


def test_the_json_of_gates_and_datasets(cli, project):
    document = cli("run", "pipeline.py", "warned", "--json").json
    (gate,) = document["gates"]
    (dataset,) = document["datasets"]
    assert (gate["node_id"], gate["decision"]) == ("quarantine", "publish_clean_quarantine_rest")
    assert (gate["rows_in"], gate["rows_clean"], gate["rows_quarantined"]) == (10, 5, 5)
    assert (dataset["name"], dataset["version"], dataset["current"]) == ("good_rows", 1, True)
    assert dataset["path"] == str(project / "out/good.parquet")
    assert Path(document["outputs"]["frame"]["path"]).is_file()


def test_a_store_that_cannot_be_written_is_exit_3(cli, project):
    (project / "file").write_text("not a directory", encoding="utf-8")
    done = cli("run", "pipeline.py", "plain", "--month", "1", "--home", "file/home")
    assert done.code == 3
    assert "platform error:" in done.err and "fix:" in done.err
    assert "Traceback" not in done.err


# -- maps, reports, in process -----------------------------------------------------------------------


def test_elements_of_a_map_are_one_line(cli):
    done = cli("run", "pipeline.py", "mapped", "--xs", "1", "--xs", "2", "--xs", "3")
    assert "double[...]" in done.out and "double x 3" in done.out
    assert "double[0]" not in done.out
    shown = cli("runs", "show", "--all-nodes")
    assert "double[0]" in shown.out and "double[2]" in shown.out


def test_the_reports_of_the_gates_are_written_as_a_page(cli, project):
    done = cli("run", "pipeline.py", "blocked", "--report", "gates.html")
    page = (project / "gates.html").read_text(encoding="utf-8")
    assert done.code == 1
    assert "rows" in page and "<script" not in page


def test_a_report_that_could_not_be_written_is_said_before_the_run(cli, project):
    done = cli("run", "pipeline.py", "warned", "--report", "nowhere/gates.html")
    assert done.code == 2
    assert "there is no directory 'nowhere'" in done.err
    assert not (project / ".dovetail").exists()


def test_in_process_stores_nothing(cli, project):
    done = cli("run", "pipeline.py", "plain", "--month", "2", "--in-process")
    assert done.code == 0
    assert "workflow plain: succeeded" in done.out and done.out.endswith("3\n")
    assert not (project / ".dovetail").exists()


def test_in_process_tells_the_three_kinds_apart_as_well(cli):
    failed = cli("run", "pipeline.py", "broken", "--in-process")
    blocked = cli("run", "pipeline.py", "blocked", "--in-process", "--report", "in_process.html")
    warned = cli("run", "pipeline.py", "warned", "--in-process", "--json")
    assert (failed.code, blocked.code, warned.code) == (2, 1, 0)
    assert "in fail_unless" in failed.err and "node 'fail_unless'" in failed.err
    assert Path("in_process.html").is_file()
    assert warned.json["status"] == "succeeded_with_warnings"
    assert warned.json["gates"][0]["rows_quarantined"] == 5


def test_a_module_can_be_named_instead_of_a_file(process, project):
    (project / "my_flows").mkdir()
    (project / "my_flows" / "__init__.py").touch()
    (project / "pipeline.py").rename(project / "my_flows" / "daily.py")
    done = process("run", "my_flows.daily", "plain", "--month", "2", "--json")
    assert done.code == 0, done.err
    assert done.json["source"] == {"module": "my_flows.daily", "name": "plain"}


def test_what_a_task_logs_is_shown_with_its_node(process, project):
    (project / "logs.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef speak() -> int:\n    dt.context().log.warning('careful')\n    return 1\n"
        "@dt.workflow\ndef logs() -> int:\n    return speak()\n",
        encoding="utf-8",
    )
    assert "warning: speak: careful" in process("run", "logs.py", "logs").err


def test_a_run_with_no_color_writes_no_colours_to_a_terminal(project, monkeypatch):
    """A real terminal: with NO_COLOR plain lines, without it a live display."""
    plain = in_terminal(project, {"NO_COLOR": "1"})
    live = in_terminal(project, {"TERM": "xterm-256color"})
    assert "add: done" in plain and "\x1b[" not in plain
    assert "\x1b[?25l" in live and "\x1b[?25h" in live
    assert "succeeded" in live


def in_terminal(project: Path, environment: dict[str, str]) -> str:
    """What a run writes to a pseudo-terminal."""
    import pty
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI", "TERM")} | environment
    command = [sys.executable, "-c", "import sys; from dovetail.cli import main; sys.exit(main())"]
    command += ["run", "pipeline.py", "plain", "--month", "1"]
    with subprocess.Popen(command, cwd=project, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as started:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        os.close(ours)
    assert started.returncode == 0, shown
    return shown.decode()


def test_json_is_json_even_for_odd_names(cli, project):
    (project / "odd.py").write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef odd() -> str:\n    return 'ünï\\x1b[31m\\u202e'\n"
        "@dt.workflow\ndef odd_flow() -> str:\n    return odd()\n",
        encoding="utf-8",
    )
    document = cli("run", "odd.py", "odd_flow", "--json").json
    assert json.loads(document["outputs"]["result"]["value"]) == "ünï\x1b[31m\u202e"
    shown = cli("runs", "show")
    assert "\x1b" not in shown.out and "\u202e" not in shown.out
    assert '"ünï"' in shown.out


def test_a_reader_that_goes_away_is_no_blocked_gate(project):
    import subprocess
    import sys

    command = [sys.executable, "-c", "import sys; from dovetail.cli import main; sys.exit(main())", "types", "list"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None and started.stderr is not None
        started.stdout.close()
        said = started.stderr.read()
    assert (started.returncode, said) == (141, b"")
