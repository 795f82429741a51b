"""Plugins on the command line: commands, policy, paths between types, the doctor."""

from __future__ import annotations

import pytest


def test_a_command_of_a_plugin_runs(hooks, cli):
    done = cli("greet", "world")
    assert (done.code, done.out) == (0, "hello world\n")
    assert "Say hello." in cli("greet", "--help").out


def test_a_command_of_a_plugin_writes_json_where_it_is_asked_for(hooks, cli):
    assert cli("count", "two\x1b[2Jwords").out == "twowords 12\n"
    for arguments in (("count", "one", "aloud", "--json"), ("--json", "count", "one", "aloud")):
        done = cli(*arguments)
        assert (done.code, done.json) == (0, {"words": {"one": 3, "aloud": 5}})
        assert "counting" in done.err
    assert cli("count", "--help").out.count("--json") == 1


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


def test_a_broken_plugin_is_told_with_its_reason_and_harms_nobody(hooks, cli, project):
    (project / f"{hooks}.py").write_text("import a_library_nobody_has", encoding="utf-8")
    (line,) = (p for p in cli("plugins", "list", "--json").json["plugins"] if p["plugin"] == hooks)
    assert line["state"] == "enabled"  # nobody has looked
    assert cli("run", "pipeline.py", "plain", "--month", "1").code == 0
    sick = cli("doctor")
    assert sick.code == 3
    assert hooks in sick.out and "fix:" in sick.out
    (line,) = (p for p in cli("doctor", "--json").json["plugins"] if p["plugin"] == hooks)
    assert line["state"] == "skipped" and "a_library_nobody_has" in line["reason"]
    strict = cli("--strict-plugins", "run", "pipeline.py", "plain", "--month", "1")
    assert strict.code == 3


def test_the_doctor_tells_all_though_plugins_are_strict(hooks, cli, project):
    (project / f"{hooks}.py").write_text("import a_library_nobody_has", encoding="utf-8")
    relaxed, strict = cli("doctor", "--json"), cli("--strict-plugins", "doctor", "--json")
    assert (strict.code, strict.json) == (3, relaxed.json)
    assert [each for each in strict.json["findings"] if "a_library_nobody_has" in each["reason"]]


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


FAR = """
from dovetail.spec import TaskTypeSpec, hookimpl
DOVETAIL_API = 1

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("far", "NAME:T", None, "no_such_engine", "pip install far", "runs far away")]
"""


def test_the_doctor_shows_engines_and_manifests_that_nobody_reads(hooks, cli, project):
    (project / f"{hooks}.py").write_text(FAR.replace("NAME", hooks), encoding="utf-8")
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
