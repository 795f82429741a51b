"""Whatever is typed wrongly: one clear message, the right exit code, the same told as JSON."""

from __future__ import annotations

import json

import pytest

FILES = {
    "text.py": "\x00\x01 this is no Python \xff",
    "syntax.py": "def broken(:\n",
    "raises.py": "x = 1\nraise RuntimeError('at import')\n",
    "exits.py": "import sys\nsys.exit(7)\n",
    "needs.py": "import a_library_nobody_has\n",
    "data.csv": "a,b\n1,2\n",
    "empty.py": "x = 1\n",
    "wiring.py": (
        "import dovetail as dt\n"
        "@dt.task\ndef one() -> int:\n    return 1\n"
        "@dt.task\ndef text(x: str) -> str:\n    return x\n"
        "@dt.workflow\ndef wiring() -> str:\n    return text(one())\n"
    ),
}

TABLE = [
    # arguments, exit code, what is said, what to type next
    (("rnu",), 2, "there is no command 'rnu'", "did you mean dovetail run"),
    (("runs", "shwo"), 2, "there is no command 'shwo'", "did you mean dovetail runs show?"),
    ((), 2, "Usage: dovetail", "Commands:"),
    (("runs",), 2, "Usage: dovetail runs", "resume"),
    (("run",), 2, "Usage: dovetail run", "FILE WORKFLOW"),
    (("--jsno", "runs", "list"), 2, "there is no option --jsno", "did you mean --json?"),
    (("run", "--quite", "pipeline.py", "plain"), 2, "there is no option --quite", "did you mean --quiet?"),
    (("run", "zzzzzzzzz.py", "plain"), 2, "there is no file", "check the path"),
    (("run", "pipelin.py", "plain"), 2, "there is no file", "did you mean 'pipeline.py'?"),
    (("run", "no_such_module", "plain"), 2, "there is no file or module 'no_such_module'", "ends in .py"),
    (("run", "pipeline.py", "plian"), 2, "there is no workflow 'plian'", "did you mean 'plain'?"),
    (("run", "empty.py"), 2, "no workflow was named", "@dt.workflow"),
    (("run", "text.py", "plain"), 2, "text.py cannot be loaded", ""),
    (("run", "syntax.py", "plain"), 2, "SyntaxError", ""),
    (("run", "raises.py", "plain"), 2, "RuntimeError: at import", ""),
    (("run", "exits.py", "plain"), 2, "SystemExit: 7", ""),
    (("run", "needs.py", "plain"), 2, "a_library_nobody_has", "install"),
    (("run", "data.csv", "plain"), 2, "'data.csv' is no Python file", ".py"),
    (("run", "wiring.py", "wiring"), 2, "int", ""),
    (("run", "pipeline.py", "plain"), 2, "--month is required", "--month INTEGER"),
    (("run", "pipeline.py", "plain", "--mnth", "1"), 2, "there is no option --mnth", "did you mean --month?"),
    (("run", "pipeline.py", "plain", "--month", "1", "--deny", "x"), 2, "no option --deny", "dovetail --deny ..."),
    (("run", "pipeline.py", "plain", "--month", "x"), 2, "takes an integer", "--month"),
    (("run", "pipeline.py", "plain", "--month", "1", "--executor", "thread"), 2, "'thread'", "threads"),
    (("run", "pipeline.py", "plain", "--month", "1", "--max-workers", "0"), 2, "--max-workers: 0", "--help"),
    (("run", "pipeline.py", "plain", "--month", "1", "--run-id", "../x"), 2, "is no run id", "choose another"),
    (("runs", "show"), 2, "there are no runs yet", "dovetail run FILE WORKFLOW"),
    (("runs", "resume", "x"), 2, "there are no runs yet", "dovetail run FILE WORKFLOW"),
    (("artifacts", "show", "abc"), 2, "there are no runs yet", "dovetail run FILE WORKFLOW"),
    (("runs", "list", "--limit", "x"), 2, "--limit", "--help"),
    (("types", "path", "int"), 2, "B is missing", "dovetail types path --help"),
    (("types", "path", "int", "str"), 2, "int does not fit str", "annotations"),
    (("types", "path", "spark", "int"), 2, "pyspark", "dovetail-spark will bring it"),
]


@pytest.fixture
def files(project):
    for name, content in FILES.items():
        (project / name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "what", "fix"), TABLE, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_bad_input_is_told_clearly(files, cli, project, arguments, code, what, fix):
    done = cli(*arguments)
    assert done.code == code
    assert what in done.err
    assert fix in done.err
    assert done.out == ""
    assert not (project / ".dovetail").exists()  # nothing is made for nothing


@pytest.mark.parametrize("arguments", [row[0] for row in TABLE], ids=" ".join)
def test_and_as_json_with_the_same_exit_code(files, cli, arguments):
    people, program = cli(*arguments), cli(*arguments, "--json")
    error = program.json["error"]
    assert program.code == people.code == error["exit_code"]
    assert {"type", "kind", "what", "who", "why", "fix", "details"} <= set(error)
    assert "\x1b" not in people.err


def test_a_file_that_raises_when_loaded_shows_the_line_of_the_user(files, cli, project):
    done = cli("run", "raises.py", "plain")
    trace = done.err[done.err.index("Traceback") :].splitlines()
    assert trace[1] == f'  File "{project / "raises.py"}", line 2, in <module>'


def test_an_error_of_a_definition_names_its_line(files, cli):
    assert "wiring.py, line 10" in cli("run", "wiring.py", "wiring").err


def test_names_of_stored_things_have_near_ones(cli):
    cli("run", "pipeline.py", "warned", "--run-id", "monday")
    table = [
        (("runs", "show", "mondya"), "did you mean monday?"),
        (("runs", "list", "--status", "faild"), "did you mean failed?"),
        (("artifacts", "show", "monday:quarantin"), "did you mean monday:quarantine?"),
        (("artifacts", "show", "monday:quarantine.reslt"), "did you mean monday:quarantine.result?"),
        (("artifacts", "show", "monday:zzz"), "its nodes: add, quarantine, table"),
        (("datasets", "show", "god_rows"), "did you mean good_rows?"),
    ]
    for arguments, hint in table:
        done = cli(*arguments)
        assert done.code == 2
        assert hint in done.err


def test_an_artifact_id_that_is_none_is_said(cli):
    cli("run", "pipeline.py", "plain", "--month", "1")
    done = cli("artifacts", "show", "../../etc/passwd", "--json")
    assert done.code == 3
    assert json.loads(done.out)["error"]["type"] == "ArtifactNotFound"
