"""Plugins on the command line: listed, shown, checked and written down, without being imported here."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

KEYS = {
    "plugin", "distribution", "version", "module", "summary", "api", "declares", "listens", "known_by", "engines", "state",
    "environment", "reason", "fix",
}  # fmt: skip


def listed(cli, hooks) -> dict:
    (line,) = (p for p in cli("plugins", "list", "--json").json["plugins"] if p["plugin"] == hooks)
    return line


def test_the_list_shows_what_is_not_known_without_an_import(hooks, cli):
    line = listed(cli, hooks)
    assert set(line) == KEYS
    assert (line["state"], line["declares"], line["api"], line["known_by"]) == ("enabled", None, None, None)
    assert "?" in cli("plugins", "list").out


def test_a_manifest_tells_the_list_what_is_declared(hooks, cli, project):
    written = cli("plugins", "manifest", hooks, "--json").json
    assert written == {"module": hooks, "path": str(project / f"{hooks}.dovetail.json")}
    line = listed(cli, hooks)
    assert set(line) == KEYS
    assert (line["api"], line["known_by"], line["listens"]) == (1, "manifest", False)
    assert line["declares"] == {"type": ["shop.Frame", "shop.Table"], "command": ["greet", "count", "crash", "nothing"]}
    assert line["engines"] == [{"engine": "shop", "found": False}]
    shown = " ".join(cli("plugins", "list").out.split())
    assert "command greet, count, crash, nothing" in shown and "shop missing" in shown


def test_a_manifest_is_held_against_the_hooks(hooks, cli, project):
    missing = cli("plugins", "manifest", hooks, "--check")
    assert missing.code == 3 and f"fix: dovetail plugins manifest {hooks}" in missing.out
    cli("plugins", "manifest", hooks)
    assert cli("plugins", "manifest", hooks, "--check").code == 0
    with (project / f"{hooks}.py").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    stale = cli("plugins", "manifest", hooks, "--check", "--json")
    assert stale.code == 3
    assert stale.json["current"] is False and "is older than the code" in stale.json["problem"]
    cli("plugins", "manifest", hooks)
    file = project / f"{hooks}.dovetail.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"greet"', '"greets"'), encoding="utf-8")
    wrong = cli("plugins", "manifest", hooks, "--check")
    assert wrong.code == 3 and "something else than the hooks declare" in wrong.out


def test_a_manifest_of_nobody(hooks, cli):
    assert cli("plugins", "manifest", "no_such_module").code == 2
    for module in ("json", "click"):  # modules, and no hook modules
        done = cli("plugins", "manifest", module)
        assert done.code == 2 and "is no hook module of a plugin" in done.err and "DOVETAIL_API" not in done.err


def test_a_manifest_that_an_installer_brought_is_left_alone(process, project, monkeypatch):
    """Whoever has only a wheel would lose it with the next upgrade."""
    (project / "shelf_wheel.py").write_text("DOVETAIL_API = 1\n", encoding="utf-8")
    info = project / "dovetail_wheel-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dovetail-wheel\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[dovetail.plugins]\nwheel = shelf_wheel\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(project))
    done = process("plugins", "manifest", "wheel")
    assert done.code == 2 and "--editable" in done.err
    assert not (project / "shelf_wheel.dovetail.json").exists()
    assert process("plugins", "manifest", "wheel", "--force").code == 0
    assert (project / "shelf_wheel.dovetail.json").exists()
    direct = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})
    (info / "direct_url.json").write_text(direct, encoding="utf-8")
    assert process("plugins", "manifest", "wheel").code == 0


def test_everything_about_one_plugin(hooks, cli, project):
    cli("plugins", "manifest", hooks)
    (told,) = cli("plugins", "show", hooks, "--json").json["plugins"]
    assert set(told) == KEYS - {"declares"} | {
        "manifest_problem",
        "manifest_fix",
        "declarations",
        "conflicts",
        "environments",
    }
    frame, table, *commands = told["declarations"]
    (edge,) = frame["converters"]
    assert (edge["source"], edge["target"], edge["cost"], edge["lossy"]) == (
        "shop.Frame",
        "pyarrow.Table",
        "copy",
        "the index",
    )
    assert (table["kind"], table["type"]) == ("type", "shop.Table")
    assert [(each["kind"], each["name"]) for each in commands] == [
        ("command", n) for n in ("greet", "count", "crash", "nothing")
    ]
    shown = cli("plugins", "show", hooks).out
    for text in (
        "shop.Frame -> pyarrow.Table: copy, loses the index",
        "shop is missing",
        "hook API 1",
        "command greet",
    ):
        assert text in shown


def test_a_plugin_without_a_manifest_is_looked_at_to_be_shown(hooks, cli):
    sys.modules.pop(hooks, None)
    (told,) = cli("plugins", "show", hooks, "--json").json["plugins"]
    assert (told["known_by"], told["api"], len(told["declarations"])) == ("probe", 1, 6)
    assert hooks not in sys.modules


CONFIG = """
from dataclasses import dataclass
from dovetail.spec import TaskTypeSpec, hookimpl
DOVETAIL_API = 1

@dataclass(frozen=True)
class Config:
    \"\"\"What is set.

    Attributes:
        host: Where it runs,
            and nowhere else.
    \"\"\"
    host: str
    cores: int = 4

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("far", "NAME:T", "NAME:Config", "no_such_engine", "pip install far", "runs far away")]
"""


def test_the_settings_of_a_task_type_are_shown(hooks, cli, project):
    (project / f"{hooks}.py").write_text(CONFIG.replace("NAME", hooks), encoding="utf-8")
    (told,) = cli("plugins", "show", hooks, "--json").json["plugins"]
    assert told["declarations"][0]["settings"] == [
        {"name": "host", "type": "str", "default": "", "text": "Where it runs, and nowhere else."},
        {"name": "cores", "type": "int", "default": "4", "text": ""},
    ]
    assert "cores: int = 4" in cli("plugins", "show", hooks).out


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_plugin_that_is_not_there_has_a_nearest(hooks, cli, command):
    done = cli("plugins", command, hooks[:-1] + "x")
    assert done.code == 2
    assert f"did you mean {hooks!r}?" in done.err


def test_a_check_imports_the_hooks_and_all_code_elsewhere(hooks, cli):
    sys.modules.pop(hooks, None)
    done = cli("plugins", "check", hooks, "--json")
    assert done.code == 3
    (told,) = done.json["plugins"]
    assert hooks not in sys.modules
    assert (told["state"], told["reason"], told["module"]) == ("bad", "", hooks)
    states = {each["code"]: each["state"] for each in told["code"]}
    assert states == {
        f"{hooks}:{name}": state
        for name, state in {
            "Transformer": "bad", "convert": "bad", "T": "bad", "greet": "ok", "count": "ok", "crash": "ok", "DOVETAIL_API": "ok",
        }.items()
    }  # fmt: skip
    lost = next(each for each in told["code"] if each["code"] == f"{hooks}:T")
    assert lost["declared_by"] == ["type shop.Table"] and "has no attribute 'T'" in lost["reason"] and lost["fix"]
    shown = cli("plugins", "check", hooks)
    assert shown.code == 3 and "4 of 7 named objects can be imported" in shown.out


def test_a_missing_engine_is_bad_only_where_that_is_asked_for(hooks, cli, project):
    code = CONFIG.replace("NAME:T", f"{hooks}_task:T").replace("NAME", hooks)
    (project / f"{hooks}.py").write_text(code, encoding="utf-8")
    (project / f"{hooks}_task.py").write_text("import no_such_engine", encoding="utf-8")
    done = cli("plugins", "check", hooks, "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    (told,) = done.json["plugins"]
    assert told["state"] == "engine missing"
    assert [each["state"] for each in told["code"]] == ["engine missing", "ok"]
    assert told["code"][0]["fix"] == "pip install far"
    assert cli("plugins", "check", hooks, "--strict").code == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os._exit(5)", "ended the process (exit code 5)"),
        ("import os; os.kill(os.getpid(), 11)", "ended the process (SIGSEGV)"),
        ("raise SystemExit(1)", "sys.exit(1)"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_check_survives_what_it_imports(hooks, cli, project, body, reason):
    good = CONFIG.replace("NAME:T", f"{hooks}_task:T").replace("NAME", hooks)
    (project / f"{hooks}.py").write_text(good, encoding="utf-8")
    (project / f"{hooks}_task.py").write_text(body, encoding="utf-8")
    (told,) = cli("plugins", "check", hooks, "--json").json["plugins"]
    assert [each["state"] for each in told["code"]] == ["bad", "ok"]
    assert reason in told["code"][0]["reason"]
    (project / f"{hooks}.py").write_text(body, encoding="utf-8")
    done = cli("plugins", "check", hooks, "--json")
    assert done.code == 3
    (told,) = done.json["plugins"]
    assert told["state"] == "bad" and reason in told["reason"]


def test_the_core_can_be_shown_and_checked_like_a_plugin(cli):
    told = {each["plugin"]: each for each in cli("plugins", "show", "dovetail", "--json").json["plugins"]}
    assert {"types", "engine", "quality"} == set(told)
    assert {each["state"] for each in told.values()} == {"enabled"}  # although plugins are disabled here
    assert {"python", "shell"} <= {each["name"] for each in told["engine"]["declarations"]}
    assert not any(engine["engine"] in ("datetime", "pathlib") for engine in told["types"]["engines"])
    assert cli("plugins", "check", "dovetail").code == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trouble(closed: str) -> None:
    command = f"{shlex.quote(sys.executable)} -m dovetail plugins list {closed}"
    assert subprocess.run(["/bin/sh", "-c", command], check=False, stdout=subprocess.DEVNULL).returncode == 0
