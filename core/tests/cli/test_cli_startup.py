"""What `dovetail --help` may cost: no plugin, no engine and no scan."""

from __future__ import annotations

import json

import pytest
from dovetail.cli._main import COMMANDS, root
from dovetail.cli._plugins import VERBS, plugins

HEAVY = {"pluggy", "stevedore", "sqlalchemy", "pydantic", "pyarrow", "rich", "jinja2", "importlib.metadata", "fsspec"}

PROGRAM = """
import json, sys
from dovetail.cli import main
code = main()
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("--json", "--version")])
def test_help_and_version_import_nothing_heavy(process, arguments, monkeypatch):
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    done = process(*arguments, program=PROGRAM)
    loaded = set(json.loads(done.err))
    assert done.code == 0
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith(("dovetail_", "dovetail.hub", "dovetail.plugins"))}


@pytest.mark.parametrize("arguments", [("plugins", "list"), ("plugins", "list", "--json")])
def test_listing_plugins_imports_nothing_heavy_either(process, arguments, monkeypatch):
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    done = process(*arguments, program=PROGRAM)
    loaded = set(json.loads(done.err))
    assert done.code == 0
    assert not loaded & (HEAVY | {"subprocess", "tempfile"})
    assert not {name for name in loaded if name.startswith(("dovetail_", "dovetail.hub", "dovetail.types"))}


def test_listing_plugins_imports_none_of_them(process, project, monkeypatch):
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    (project / "dovetail.toml").write_text('plugins = ["hooks_that_explode"]', encoding="utf-8")
    (project / "hooks_that_explode.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    done = process("plugins", "list", "--json")
    listed = {line["plugin"]: line for line in done.json["plugins"]}
    assert done.code == 0
    assert listed["hooks_that_explode"]["state"] == "enabled"


def test_the_list_of_commands_says_what_the_commands_say():
    """The texts are kept apart from the commands, so that listing them imports nothing; they must not drift apart."""
    context = root.make_context("dovetail", ["run"], obj=None, resilient_parsing=True)
    for name, (_, text) in COMMANDS.items():
        command = root.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").partition("\n")[0] == text
    for name, (_, text) in VERBS.items():
        command = plugins.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").partition("\n")[0] == text


def test_every_command_takes_json_and_home(cli):
    import click

    def walk(command, path):
        names = {flag for p in command.params for flag in p.opts}
        assert {"--json", "--home", "--debug"} <= names, path
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                walk(command.get_command(context, name), (*path, name))

    context = root.make_context("dovetail", ["run"], obj=None, resilient_parsing=True)
    for name in COMMANDS:
        walk(root.get_command(context, name), (name,))


def test_version_is_the_version_of_the_package(cli):
    from dovetail import __version__

    assert cli("--version").out == f"dovetail {__version__}\n"
    assert cli("--version", "--json").json == cli("--json", "--version").json == {"version": __version__}
