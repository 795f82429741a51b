"""Plugins on the command line: listing, policy, commands, paths between types, the doctor."""

from __future__ import annotations

import pytest

HOOKS = """
import click
from dovetail.spec import CommandSpec, ConverterSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

@hookimpl
def dovetail_commands():
    return [
        CommandSpec("greet", "NAME:greet"),
        CommandSpec("crash", "NAME:crash"),
        CommandSpec("nothing", "NAME:DOVETAIL_API"),
    ]

@hookimpl
def dovetail_type_transformers():
    lossy = ConverterSpec("shop.Frame", "pyarrow.Table", "NAME:convert", cost="copy", lossy="the index")
    return [TransformerSpec("shop.Frame", "NAME:Transformer", converters=(lossy,)), TransformerSpec("shop.Table", "NAME:T")]

@click.command("greet", help="Say hello.")
@click.argument("name")
def greet(name):
    print(f"hello {name}")
    return 0

@click.command("crash")
def crash():
    secret_looking = {"key": [1, 2]}["nokey"]
"""


@pytest.fixture
def hooks(project, monkeypatch, request) -> str:
    """A project with a hook module of its own; its import name."""
    name = f"hooks_of_{abs(hash(request.node.nodeid))}"
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    monkeypatch.syspath_prepend(str(project))
    (project / f"{name}.py").write_text(HOOKS.replace("NAME", name), encoding="utf-8")
    (project / "dovetail.toml").write_text(f'plugins = ["{name}"]\nallow = ["{name}"]\n', encoding="utf-8")
    return name


def test_a_command_of_a_plugin_runs(hooks, cli):
    done = cli("greet", "world")
    assert (done.code, done.out) == (0, "hello world\n")
    assert "Say hello." in cli("greet", "--help").out


def test_a_misspelt_command_may_mean_one_of_a_plugin(hooks, cli):
    done = cli("gret", "world")
    assert done.code == 2
    assert "did you mean dovetail greet?" in done.err


def test_a_command_that_is_none_is_said(hooks, cli):
    done = cli("nothing")
    assert done.code == 3
    assert "not a click.Command" in done.err


def test_with_plugins_disabled_their_commands_are_gone(hooks, cli):
    done = cli("--disable-plugins", "greet", "world")
    assert done.code == 2
    assert "there is no command 'greet'" in done.err


@pytest.mark.parametrize("flags", [("--disable-plugins",), ("--deny", "HOOKS")])
def test_the_policy_comes_from_flags_as_well(hooks, cli, flags):
    flags = tuple(hooks if flag == "HOOKS" else flag for flag in flags)
    (line,) = (p for p in cli(*flags, "plugins", "list", "--json").json["plugins"] if p["plugin"] == hooks)
    assert line["state"] == "skipped"
    assert line["reason"]
    (after,) = (p for p in cli("plugins", "list", "--json", *flags).json["plugins"] if p["plugin"] == hooks)
    assert after == line


def test_allow_is_taken_as_well(hooks, cli):
    done = cli("--allow", "somebody-else", "doctor")
    assert done.code == 3
    assert "allow names somebody-else" in done.out


KEYS = {
    "plugin", "distribution", "version", "module", "summary", "api", "declares", "listens", "known_by", "engines", "state",
    "reason", "fix",
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
    assert line["declares"] == {"type": ["shop.Frame", "shop.Table"], "command": ["greet", "crash", "nothing"]}
    assert line["engines"] == [{"engine": "shop", "found": False}]
    shown = " ".join(cli("plugins", "list").out.split())
    assert "command greet, crash, nothing" in shown and "shop missing" in shown


def test_a_manifest_is_held_against_the_hooks(hooks, cli, project):
    missing = cli("plugins", "manifest", hooks, "--check")
    assert missing.code == 3 and f"fix: dovetail plugins manifest {hooks}" in missing.out
    cli("plugins", "manifest", hooks)
    assert cli("plugins", "manifest", hooks, "--check").code == 0
    (project / f"{hooks}.py").write_text(HOOKS.replace("NAME", hooks) + "# edited\n", encoding="utf-8")
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
    assert cli("plugins", "manifest", "json").code == 3  # a module, and no hook module


def test_everything_about_one_plugin(hooks, cli, project):
    cli("plugins", "manifest", hooks)
    (told,) = cli("plugins", "show", hooks, "--json").json["plugins"]
    assert set(told) == KEYS - {"declares"} | {"manifest_problem", "declarations", "conflicts"}
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
        ("command", n) for n in ("greet", "crash", "nothing")
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
    import sys

    sys.modules.pop(hooks, None)
    (told,) = cli("plugins", "show", hooks, "--json").json["plugins"]
    assert (told["known_by"], told["api"], len(told["declarations"])) == ("probe", 1, 5)
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
    import sys

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
            "Transformer": "bad", "convert": "bad", "T": "bad", "greet": "ok", "crash": "ok", "DOVETAIL_API": "ok",
        }.items()
    }  # fmt: skip
    lost = next(each for each in told["code"] if each["code"] == f"{hooks}:T")
    assert lost["declared_by"] == ["type shop.Table"] and "has no attribute 'T'" in lost["reason"] and lost["fix"]
    shown = cli("plugins", "check", hooks)
    assert shown.code == 3 and "3 of 6 named objects can be imported" in shown.out


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


def test_a_broken_plugin_is_told_with_its_reason_and_harms_nobody(hooks, cli, project):
    (project / f"{hooks}.py").write_text("import a_library_nobody_has", encoding="utf-8")
    assert listed(cli, hooks)["state"] == "enabled"  # nobody has looked
    assert cli("run", "pipeline.py", "plain", "--month", "1").code == 0
    sick = cli("doctor")
    assert sick.code == 3
    assert hooks in sick.out and "fix:" in sick.out
    (line,) = (p for p in cli("doctor", "--json").json["plugins"] if p["plugin"] == hooks)
    assert line["state"] == "skipped" and "a_library_nobody_has" in line["reason"]
    strict = cli("--strict-plugins", "run", "pipeline.py", "plain", "--month", "1")
    assert strict.code == 3


def test_the_doctor_of_a_healthy_project(cli):
    import sys

    from dovetail import __version__

    done = cli("doctor")
    assert done.code == 0
    assert "nothing is wrong" in done.out and __version__ in done.out
    document = cli("doctor", "--json").json
    assert {p["state"] for p in document.pop("plugins")} <= {"skipped"}  # by configuration, which is no finding
    assert document == {
        "healthy": True,
        "dovetail": __version__,
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "executable": sys.executable,
        "findings": [],
    }


def test_the_doctor_shows_engines_and_manifests_that_nobody_reads(hooks, cli, project):
    (project / f"{hooks}.py").write_text(CONFIG.replace("NAME", hooks), encoding="utf-8")
    done = cli("doctor", "--json")
    assert done.code == 0
    (line,) = (p for p in done.json["plugins"] if p["plugin"] == hooks)
    assert line["engines"] == [{"engine": "no_such_engine", "found": False, "version": None, "path": None}]
    assert [each["problem"] for each in done.json["findings"]] == ["engine missing"]


# -- types -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), [("shop.Frame", "pyarrow.Table"), ("Frame", "arrow")])
def test_the_path_between_types_names_steps_costs_and_plugins(hooks, cli, source, target):
    document = cli("types", "path", source, target, "--json").json
    (step,) = document["steps"]
    expected = {
        "source": "shop.Frame",
        "target": "pyarrow.Table",
        "cost": "copy",
        "lossy": "the index",
        "plugin": hooks,
    }
    assert step.items() >= expected.items()
    assert document["lossy"] == ["the index"]
    shown = cli("types", "path", source, target).out
    assert hooks in shown and "loses the index" in shown and "cost 10" in shown


def test_the_size_of_the_value_is_part_of_the_question(hooks, cli):
    shown = cli("types", "path", "shop.Frame", "arrow", "--size", "2GB").out
    assert "for 2 GB" in shown and "taken because it is the only path" in shown
    assert cli("types", "path", "shop.Frame", "arrow", "--size", "2 GiB", "--json").json["size"] == 2 << 30
    wrong = cli("types", "path", "shop.Frame", "arrow", "--size", "big")
    assert wrong.code == 2 and "'big' is no size" in wrong.err


def test_types_that_fit_as_they_are(cli):
    assert cli("types", "path", "int", "float").out == "int -> float: as it is\n"
    assert cli("types", "path", "int", "float", "--json").json["steps"] == []


@pytest.mark.parametrize(
    ("source", "target", "code", "said"),
    [
        ("shop", "arrow", 0, ""),
        ("Table", "arrow", 2, "may be several types"),
        ("pyarrow.Table", "shop.Frame", 2, "nothing converts pyarrow.Table to shop.Frame"),
        ("arow", "int", 2, "did you mean arrow?"),
        ("shop.Frme", "pyarrow.Table", 2, "shop.Frme"),
        ("int", "no.such.Type", 2, "no.such.Type"),
    ],
)
def test_a_path_that_is_not_there_names_both_ends_and_the_fix(hooks, cli, source, target, code, said, project):
    if source == "shop":
        text = (
            (project / f"{hooks}.py")
            .read_text(encoding="utf-8")
            .replace('TransformerSpec("shop.Table"', 'TransformerSpec("other.T"')
        )
        (project / f"{hooks}.py").write_text(text, encoding="utf-8")
    done = cli("types", "path", source, target)
    assert done.code == code
    assert said in done.err
    assert ("fix:" in done.err) == bool(code)


def test_the_list_of_types(hooks, cli):
    types = {line["type"]: line for line in cli("types", "list", "--json").json["types"]}
    assert types["shop.Frame"]["plugin"] == hooks
    assert "parquet" in types["pyarrow.Table"]["formats"]
    assert "pyarrow.Table" in cli("types", "list").out


# -- what nobody expected ----------------------------------------------------------------------------


def test_an_unexpected_exception_is_one_line_and_a_file(hooks, cli, project):
    done = cli("crash")
    assert done.code == 3
    assert "dovetail failed: KeyError: 'nokey'" in done.err
    assert "Traceback" not in done.err
    (file,) = (project / ".dovetail").glob("crash-*.log")
    assert str(file) in done.err
    assert "KeyError: 'nokey'" in file.read_text(encoding="utf-8")


def test_debug_shows_the_traceback(hooks, cli, project):
    done = cli("--debug", "crash")
    assert done.code == 3
    assert "Traceback" in done.err and "secret_looking" in done.err
    assert not list((project / ".dovetail").glob("crash-*.log"))


def test_secrets_are_masked_in_errors_and_crash_files(hooks, cli, project, monkeypatch):
    from dovetail.config import Secret

    Secret("nokey")
    done = cli("crash")
    (file,) = (project / ".dovetail").glob("crash-*.log")
    assert "nokey" not in done.err + file.read_text(encoding="utf-8")
    assert "***" in done.err


def test_doctor_names_secrets_that_the_environment_does_not_have(cli, project, monkeypatch):
    (project / "dovetail.toml").write_text(
        "[connections.warehouse]\n"
        'url = "postgresql://db"\npassword = { env = "WAREHOUSE_PASSWORD" }\nuser = { env = "WAREHOUSE_USER" }\n'
        "[connections.lake]\n"
        'url = { env = "LAKE_URL" }\n',
        encoding="utf-8",
    )
    monkeypatch.delenv("WAREHOUSE_PASSWORD", raising=False)
    monkeypatch.setenv("WAREHOUSE_USER", "")
    monkeypatch.setenv("LAKE_URL", "a-secret-address")
    sick = cli("doctor", "--json")
    assert sick.code == 3
    (finding,) = sick.json["findings"]
    assert finding["plugin"] == "connection warehouse"
    assert "WAREHOUSE_PASSWORD, WAREHOUSE_USER are not set" in finding["reason"]
    assert finding["fix"] == "export WAREHOUSE_PASSWORD=... WAREHOUSE_USER=..."
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "p4ssw0rd")
    monkeypatch.setenv("WAREHOUSE_USER", "me-myself")
    well = cli("doctor")
    assert well.code == 0
    assert "a-secret" not in well.out and "p4ss" not in well.out
