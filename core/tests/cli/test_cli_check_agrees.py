"""``plugins check`` says what ``doctor`` says about names that two plugins declare and about engines that are missing."""

from __future__ import annotations

import pytest

TASKS = """
from dovetail.spec import TaskTypeSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec(name, code="json:loads") for name in NAMES]
"""
TYPES = """
@hookimpl
def dovetail_type_transformers():
    return [TransformerSpec("no_such_engine.Frame", code="json:loads")]
"""


@pytest.fixture
def two(project, monkeypatch, request):
    """Two hook modules of a project, and what each of them declares."""
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    monkeypatch.syspath_prepend(str(project))
    names = [f"{which}_of_{abs(hash(request.node.nodeid))}" for which in ("one", "two")]
    quoted = ", ".join(f'"{name}"' for name in names)
    (project / "dovetail.toml").write_text(f"plugins = [{quoted}]\nallow = [{quoted}]\n", encoding="utf-8")

    def write(*bodies):
        for name, body in zip(names, bodies, strict=True):
            (project / f"{name}.py").write_text(body, encoding="utf-8")
        return names

    return write


def test_two_owners_of_one_name_are_bad_to_both(two, cli):
    one, other = two(TASKS.replace("NAMES", "['radar']"), TASKS.replace("NAMES", "['radar']"))
    assert cli("doctor").code == 3
    done = cli("plugins", "check", "--json")
    assert done.code == 3
    for told in done.json["plugins"]:
        (problem,) = told["problems"]
        assert told["state"] == "bad" and told["reason"] == ""
        assert problem["problem"] == "conflict" and "'radar'" in problem["reason"] and problem["fix"]
    assert cli("plugins", "check", one).code == cli("plugins", "check", other).code == 3
    assert "conflict: 2 plugins own the task type 'radar'" in cli("plugins", "check", one).out


def test_a_declared_engine_that_is_not_installed_is_told_though_all_code_can_be_imported(two, cli):
    one, _ = two(TASKS.replace("NAMES", "[]") + TYPES, TASKS.replace("NAMES", "['fine']"))
    done = cli("plugins", "check", "--json")
    assert (done.code, [told["state"] for told in done.json["plugins"]]) == (0, ["engine missing", "ok"])
    assert "no_such_engine" in done.json["plugins"][0]["problems"][0]["reason"]
    assert cli("doctor").code == 0
    assert cli("plugins", "check", one, "--strict").code == 3


def test_a_command_that_nobody_can_call_is_bad(two, cli):
    command = "\nfrom dovetail.spec import CommandSpec\n@hookimpl\ndef dovetail_commands():\n"
    command += "    return [CommandSpec('run', 'json:loads')]\n"
    one, _ = two(TASKS.replace("NAMES", "[]") + command, TASKS.replace("NAMES", "['fine']"))
    assert "clash with core" in cli("plugins", "check", one).out
    assert cli("doctor").code == 3


def test_what_lacks_the_same_library_is_told_once(two, cli, project):
    types = TYPES.replace('code="json:loads"', 'code="lost_engine_code:A", install="pip install far"')
    types += types.replace("def dovetail_type_transformers", "def unused").replace("@hookimpl", "")
    more = types.replace(
        "return [Tr",
        'return [TransformerSpec("no_such_engine.Other", "lost_engine_code:B", install="pip install far"), Tr',
    )
    (project / "lost_engine_code.py").write_text("import no_such_engine\n", encoding="utf-8")
    one, _ = two(TASKS.replace("NAMES", "[]") + more, TASKS.replace("NAMES", "['fine']"))
    done = cli("plugins", "check", one)
    assert done.code == 0
    assert done.out.count("fix: pip install far") == 1
    assert "2 named objects: engine missing" in done.out
