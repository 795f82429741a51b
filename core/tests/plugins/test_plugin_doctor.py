"""The doctor: one finding for each thing that is wrong, with one line to type."""

from __future__ import annotations

import sys
from typing import Any

import pytest
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
            "pip install dovetail-bad",
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
