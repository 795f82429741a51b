"""Allow, deny and disable-all, from config, environment and flags alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings, load_settings
from dovetail.plugins import build_catalogue
from dovetail.spec import Manifest, TaskTypeSpec

WAYS = ("file", "environment", "override")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"allow": "dovetail-one,dovetail-two"}, {"one", "two"}),
        ({"allow": "Dovetail_One"}, {"one"}),
        ({"deny": "dovetail.ONE", "allow": "dovetail-one,dovetail-two"}, {"two"}),
        ({"disable_plugins": "true", "allow": "dovetail-one"}, set()),
    ],
)
def test_every_way_to_say_it_gives_the_same(
    shelf: Any, tmp_path: Path, way: str, policy: dict[str, str], expected: set[str]
) -> None:
    shelf.task_type("one", "one")
    shelf.task_type("two", "two")
    settings = _configured(way, policy, tmp_path)
    assert set(build_catalogue(settings, builtins=()).task_types()) == expected


def test_what_is_kept_out_is_not_imported(shelf: Any) -> None:
    for name in ("one", "two"):
        shelf.plugin(name, f"open(__file__ + '.{name}', 'w').close()")
    catalogue = shelf.catalogue(allow=("dovetail-one",))
    assert [len(list(shelf.root.glob(f"*.{name}"))) for name in ("one", "two")] == [1, 0]
    (skipped,) = (s for s in catalogue.skipped if s.distribution == "dovetail-two")
    assert skipped.by_policy
    assert skipped.fix == "add dovetail-two to allow (or DOVETAIL_ALLOW)"


def test_disabling_all_leaves_the_core_and_what_code_registers(shelf: Any, tmp_path: Path) -> None:
    (shelf.root / "shelf_core").mkdir()
    (shelf.root / "shelf_core" / "hooks.py").write_text(_hooks("python"))
    module = shelf.module(_hooks("mine"))
    settings = Settings(tmp_path, disable_plugins=True, plugins=(shelf.task_type("one", "one"),))
    catalogue = build_catalogue(settings, [module], builtins=("shelf_core.hooks",))
    assert set(catalogue.task_types()) == {"python", "mine"}


def test_naming_a_module_in_config_is_as_good_as_allowing_it_but_deny_is_stronger(shelf: Any) -> None:
    module = shelf.module(_hooks("mine"))
    assert set(shelf.catalogue(plugins=(module,), allow=()).task_types()) == {"mine"}
    assert set(shelf.catalogue(plugins=(module,), deny=(module,)).task_types()) == set()


def test_plugins_of_other_environments_obey_the_same_policy(shelf: Any) -> None:
    away = Manifest("away", "dovetail-away", "1", "dovetail_away", declarations=(TaskTypeSpec("away", "a:b"),))
    for changes, expected in (
        ({"allow": ("dovetail-away",)}, {"away"}),
        ({"deny": ("dovetail-away",)}, set()),
        ({"disable_plugins": True}, set()),
    ):
        catalogue = build_catalogue(shelf.settings(**changes), manifests=[away], builtins=())
        assert set(catalogue.task_types()) == expected


def _hooks(name: str) -> str:
    return (
        "from dovetail.spec import TaskTypeSpec, hookimpl\nDOVETAIL_API = 1\n"
        f"@hookimpl\ndef dovetail_task_types():\n    return [TaskTypeSpec({name!r}, 'json:loads')]\n"
    )


def _configured(way: str, policy: Mapping[str, str], directory: Path) -> Settings:
    if way == "environment":
        return load_settings(directory, environ={f"DOVETAIL_{key.upper()}": text for key, text in policy.items()})
    if way == "override":
        return load_settings(directory, policy, {})
    lines = [f"{key} = {text if text == 'true' else text.split(',')}" for key, text in policy.items()]
    (directory / "dovetail.toml").write_text("\n".join(lines))
    return load_settings(directory, environ={})
