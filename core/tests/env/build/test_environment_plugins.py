"""Plugins that are installed in an environment: known by the manifest they ship, or by asking there; never imported here."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from .conftest import Project

HOOKS = """
import sys
from dovetail.spec import TaskTypeSpec, hookimpl
sys.modules["was_imported"] = sys
DOVETAIL_API = 1

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("NAME", "dovetail_NAME.task:Task", engine="demo")]
"""


def plugin(project: Project, name: str, hooks: str | None = None, *, manifest: bool) -> None:
    """Put the wheel of a plugin into the folder; it depends on dovetail as plugins do."""
    code = HOOKS.replace("NAME", name) if hooks is None else hooks
    files = {f"dovetail_{name}/__init__.py": "", f"dovetail_{name}/plugin.py": code}
    if manifest:
        declared = {"kind": "TaskTypeSpec", "name": name, "code": f"dovetail_{name}.task:Task", "engine": "demo"}
        source = hashlib.sha256(code.encode()).hexdigest()
        told = {"format": 1, "api": 1, "source": source, "listens": False, "declarations": [declared]}
        files[f"dovetail_{name}/plugin.dovetail.json"] = json.dumps(told)
    entry = f"[dovetail.plugins]\n{name} = dovetail_{name}.plugin\n"
    project.wheel(f"dovetail-{name}", "0.3", requires=["dovetail>=0.1", "demo"], files=files, entry_points=entry)


def test_what_plugins_declare_is_known_whether_they_ship_a_manifest_or_not(project: Project) -> None:
    plugin(project, "shipping", manifest=True)
    plugin(project, "silent", manifest=False)
    made = project.configure('[envs.one]\nrequires = ["dovetail-shipping", "dovetail-silent"]')
    built = made.sync(made.request("one"))
    assert "was_imported" not in sys.modules
    assert [each.key for each in built.manifests] == ["dovetail-shipping:shipping", "dovetail-silent:silent"]
    for each in built.manifests:
        (declared,) = each.declarations
        assert (declared.to_dict()["name"], each.version) == (each.name, "0.3")
    assert built.problems == ()
    assert {"demo", "dovetail-silent"} < set(built.packages) and "dovetail" not in built.packages
    assert made.find(made.request("one")) == built


def test_a_plugin_that_cannot_be_used_there_is_told_and_breaks_nothing(project: Project) -> None:
    plugin(project, "good", manifest=True)
    plugin(project, "broken", "import no_such_engine\n", manifest=False)
    made = project.configure('[envs.one]\nrequires = ["dovetail-good", "dovetail-broken"]')
    built = made.sync(made.request("one"))
    assert [each.name for each in built.manifests] == ["good"]
    ((who, why),) = built.problems
    assert who == "dovetail-broken 0.3 (plugin broken)"
    assert "no_such_engine" in why
    assert made.find(made.request("one")) == built


def test_a_stale_manifest_is_not_believed(project: Project, tmp_path: Path) -> None:
    plugin(project, "stale", manifest=True)
    wheel = project.wheels / "dovetail_stale-0.3-py3-none-any.whl"
    assert wheel.exists()
    files = {
        "dovetail_stale/__init__.py": "",
        "dovetail_stale/plugin.py": HOOKS.replace('"NAME"', '"renamed"').replace("NAME", "stale"),
        "dovetail_stale/plugin.dovetail.json": json.dumps(
            {"format": 1, "api": 1, "source": "0" * 64, "listens": False, "declarations": []}
        ),
    }
    entry = "[dovetail.plugins]\nstale = dovetail_stale.plugin\n"
    project.wheel("dovetail-stale", "0.3", files=files, entry_points=entry)
    made = project.configure('[envs.one]\nrequires = ["dovetail-stale"]')
    (told,) = made.sync(made.request("one")).manifests
    assert told.declarations[0].to_dict()["name"] == "renamed"
