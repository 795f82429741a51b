"""Environments as plugins declare them: checked, written to manifests and read back, in the catalogue, contested, diagnosed."""

from __future__ import annotations

from typing import Any

import pytest
from dovetail.errors import DefinitionError, PluginConflict
from dovetail.plugins import diagnose, need_of, needs_of_plugin
from dovetail.spec import EnvironmentSpec, Manifest, declaration_from_dict

SPECS = """
@hookimpl
def dovetail_environments():
    return [EnvironmentSpec({spec})]

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("work{n}", "json:loads", engine="nowhere_engine"), TaskTypeSpec("free{n}", "json:loads")]
"""


def declare(spec: str, n: int = 1) -> str:
    return SPECS.format(spec=spec, n=n)


def test_what_is_declared_is_read_back_from_a_manifest() -> None:
    spec = EnvironmentSpec("vaex", engine="vaex", python="<3.13", prefer="isolated")
    assert declaration_from_dict(spec.to_dict()) == spec
    manifest = Manifest("vaex", "dovetail-vaex", "1", "dovetail_vaex.plugin", declarations=(spec,))
    assert Manifest.from_dict(manifest.to_dict()) == manifest


def test_manifests_of_before_are_read_as_before() -> None:
    data = {"kind": "TaskTypeSpec", "name": "old", "code": "a:b", "config": None, "engine": None, "install": None}
    assert declaration_from_dict(data).to_dict()["name"] == "old"


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "a/b"])
def test_a_name_is_one_that_a_directory_could_have(name: str) -> None:
    with pytest.raises(DefinitionError, match="is no name of an environment"):
        EnvironmentSpec(name, engine="x")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("'e', engine=3", "EnvironmentSpec.engine must be str, not 3"),
        ("'e', engine='x', prefer='isolate'", "one of auto, isolated, not 'isolate'; did you mean 'isolated'?"),
        ("'e', engine='x', python=None", "EnvironmentSpec.python must be str, not None"),
    ],
)
def test_a_field_of_another_type_puts_the_plugin_aside(shelf: Any, spec: str, reason: str) -> None:
    shelf.plugin("one", declare(spec))
    (skipped,) = (each for each in shelf.catalogue().skipped if not each.by_policy)
    assert reason in skipped.reason


def test_it_belongs_to_what_needs_its_engine(shelf: Any) -> None:
    shelf.plugin("one", declare("'e', engine='nowhere_engine'"))
    catalogue = shelf.catalogue()
    assert list(catalogue.environments()) == ["e"]
    need = need_of(catalogue.task_type("work1"), catalogue)
    assert need is not None
    assert (need.environment, need.requirement, need.plugin) == ("e", "dovetail-one[engine]", "dovetail-one")
    assert need_of(catalogue.task_type("free1"), catalogue) is None
    assert needs_of_plugin(catalogue.manifests[0], catalogue) == [need]


def test_one_name_has_one_owner(shelf: Any) -> None:
    shelf.plugin("one", declare("'e', engine='x'", 1))
    shelf.plugin("two", declare("'e', engine='x'", 2))
    catalogue = shelf.catalogue()
    with pytest.raises(PluginConflict, match="2 plugins own the environment 'e'"):
        catalogue.environment("e")
    settled = shelf.catalogue(owners={"environment.e": "dovetail-two"})
    assert settled.owner_of(settled.environment("e")).distribution == "dovetail-two"


def test_the_doctor_says_where_tasks_run_without_the_engine(shelf: Any) -> None:
    shelf.plugin("one", declare("'e', engine='nowhere_engine'"))
    (found,) = (f for f in diagnose(shelf.catalogue()) if f.problem == "engine missing")
    assert found.reason == "its engine nowhere_engine is not installed here; tasks that need it run in environment e"
    assert found.fix.endswith("or dovetail env sync e, to have that built now")
    (found,) = (f for f in diagnose(shelf.catalogue(engine="here")) if f.problem == "engine missing")
    assert found.reason == "its engine nowhere_engine is not installed here"


def test_the_doctor_tells_of_an_engine_that_does_not_fit(shelf: Any) -> None:
    shelf.plugin("one", declare("'e', engine='json', python='<3.9'").replace("nowhere_engine", "json"))
    (found,) = (f for f in diagnose(shelf.catalogue()) if f.problem == "engine version")
    assert found.reason.startswith("json runs on Python <3.9, and this is 3.")
    assert found.reason.endswith("; tasks that need it run in environment e")


def test_a_setting_for_an_engine_that_nobody_has_is_a_finding(shelf: Any) -> None:
    shelf.plugin("one", declare("'alpha', engine='nowhere_engine'"))
    (found,) = (f for f in diagnose(shelf.catalogue(engines={"alhpa": "here"})) if f.problem == "configuration")
    assert found.reason.startswith("engines names alhpa")
    assert found.fix == "did you mean 'alpha'?"
