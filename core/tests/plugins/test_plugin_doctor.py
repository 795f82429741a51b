"""The doctor: one finding for each thing that is wrong, with one line to type."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings
from dovetail.plugins import Finding, build_catalogue, diagnose
from dovetail.spec import Manifest, TaskTypeSpec


def test_nothing_wrong_nothing_found(shelf: Any) -> None:
    shelf.task_type("one", "one")
    assert diagnose(shelf.catalogue()) == []


def test_a_skipped_plugin_is_a_finding(shelf: Any) -> None:
    shelf.plugin("bad", "import no_such_library_at_all", version="4.0")
    assert diagnose(shelf.catalogue()) == [
        Finding(
            "dovetail-bad 4.0 (plugin bad)",
            "skipped",
            "the plugin cannot be imported: it needs the module no_such_library_at_all, which is not installed",
            "install the library that has the module no_such_library_at_all: dovetail-bad does not say that it needs it",
        )
    ]


def test_a_missing_engine_is_found_without_importing_it(shelf: Any) -> None:
    here = shelf.module("raise RuntimeError('imported!')")
    shelf.plugin(
        "mixed",
        f"""
        @hookimpl
        def dovetail_task_types():
            return [TaskTypeSpec("x", "a:b", engine="no_such_engine", install="pip install x-engine"),
                    TaskTypeSpec("y", "a:b", engine="{here}")]
        @hookimpl
        def dovetail_type_transformers():
            return [TransformerSpec("no_such_frames.Frame", "a:b"), TransformerSpec("no_such_frames.Lazy", "a:b"),
                    TransformerSpec("int", "a:b")]
        """,
    )
    found = [(f.problem, f.reason, f.fix) for f in diagnose(shelf.catalogue())]
    assert found == [
        ("engine missing", "its engine no_such_engine is not installed here", "pip install x-engine"),
        (
            "engine missing",
            "its library no_such_frames is not installed here",
            "pip install 'dovetail-mixed[engine]'",
        ),
    ]
    assert here not in sys.modules


def test_the_engine_of_a_plugin_elsewhere_is_not_looked_for_here(shelf: Any) -> None:
    away = Manifest(
        "away", "dovetail-away", "1", "dovetail_away", declarations=(TaskTypeSpec("a", "a:b", engine="no_such_engine"),)
    )
    catalogue = build_catalogue(shelf.settings(allow=("dovetail-away",)), manifests=[away], builtins=())
    assert diagnose(catalogue) == []


PROJECT_HOOKS = """
from dovetail.spec import *
from dovetail.spec import hookimpl
DOVETAIL_API = 1
@hookimpl
def dovetail_type_transformers():
    return [TransformerSpec("{library}.Money", "{hooks}:T")]
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project root that is not on the path, as where ``dovetail`` is started."""
    root = tmp_path / "project"
    root.mkdir()
    yield root
    for name in ("doctor_hooks", "doctor_money"):
        sys.modules.pop(name, None)


def test_the_module_of_an_unpackaged_plugin_is_looked_for_in_the_project(project: Path) -> None:
    (project / "doctor_hooks.py").write_text(PROJECT_HOOKS.format(library="doctor_money", hooks="doctor_hooks"))
    settings = Settings(project, plugins=("doctor_hooks",), allow=("doctor_hooks",))
    (finding,) = diagnose(build_catalogue(settings, builtins=()))
    assert (finding.plugin, finding.problem) == ("module doctor_hooks", "engine missing")
    assert finding.reason == "its library doctor_money is not installed here"
    assert "pip install" not in finding.fix
    assert "put the module doctor_money into the project's root directory" in finding.fix

    (project / "doctor_money.py").write_text("raise RuntimeError('imported!')")
    assert diagnose(build_catalogue(settings, builtins=())) == []
    assert "doctor_money" not in sys.modules
    assert str(project) not in sys.path


def test_a_module_that_an_unpackaged_plugin_imports_is_no_distribution_to_install(project: Path) -> None:
    (project / "doctor_hooks.py").write_text("import no_such_module_at_all")
    settings = Settings(project, plugins=("doctor_hooks",), allow=("doctor_hooks",))
    (finding,) = diagnose(build_catalogue(settings, builtins=()))
    assert finding.problem == "skipped"
    assert "no_such_module_at_all" in finding.fix
    assert "pip install" not in finding.fix


def test_a_contested_name_is_found_with_the_line_that_settles_it(shelf: Any) -> None:
    shelf.task_type("one", "spark")
    shelf.task_type("two", "spark")
    (finding,) = diagnose(shelf.catalogue())
    assert finding.problem == "conflict"
    assert "dovetail-one" in finding.plugin
    assert "dovetail-two" in finding.plugin
    assert '"task_type.spark" = "dovetail-one"' in finding.fix


@pytest.mark.parametrize("key", ["allow", "deny"])
def test_a_policy_that_names_nobody_is_found(shelf: Any, key: str) -> None:
    shelf.task_type("one", "one")
    names = (*shelf.names, "dovetail-oen") if key == "allow" else ("dovetail-oen",)
    (finding,) = diagnose(shelf.catalogue(**{key: names}))
    assert finding.problem == "configuration"
    assert f"{key} names dovetail-oen" in finding.reason


def test_every_finding_is_one_line(shelf: Any) -> None:
    shelf.plugin("bad", "raise RuntimeError('first\\nsecond\\n' + 'x' * 10_000)")
    shelf.plugin("worse", "@hookimpl\ndef dovetail_task_types(a): pass")
    for finding in diagnose(shelf.catalogue()):
        for text in (finding.plugin, finding.reason, finding.fix):
            assert text
            assert "\n" not in text
            assert len(text) < 400
