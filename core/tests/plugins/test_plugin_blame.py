"""What goes wrong in a plugin's code is told with the place in that code; its author is told to correct it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dovetail.plugins import PluginCheck, check_plugin, find_named

ENUMS = """
@hookimpl
def dovetail_type_transformers():
    return [TransformerSpec(
        "collections.Counter", {code!r}, {extra}
        converters=(ConverterSpec("collections.Counter", "builtins.dict", "json:dumps", {cost!r}),),
        codecs=(CodecSpec({format!r}, "json:JSONEncoder"),),
    )]
"""
GOOD = {"code": "json:JSONEncoder", "cost": "copy", "format": "odd", "extra": ""}


def _plugin(shelf: Any, editable: bool = True, body: str = ENUMS, **changes: str) -> str:
    module: str = shelf.plugin("ledger", body.format(**{**GOOD, **changes}))
    if editable:
        direct = {"url": shelf.root.as_uri(), "dir_info": {"editable": True}}
        (shelf.root / "dovetail_ledger-1.0.dist-info" / "direct_url.json").write_text(json.dumps(direct))
    return module


def _checked(shelf: Any) -> PluginCheck:
    settings = shelf.settings()
    (found,) = find_named(("ledger",), settings)
    return check_plugin(found, settings)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cost": "free"}, "must be one of zero-copy, view, copy, collect, not 'free'"),
        ({"cost": "Copy"}, "did you mean 'copy'?"),
        ({"format": "json"}, "give the codec a name of its own"),
        ({"extra": "summary=3,"}, "TransformerSpec.summary must be str, not 3"),
    ],
)
def test_a_malformed_declaration_names_the_hook_module_and_what_is_allowed(
    shelf: Any, changes: dict[str, str], told: str
) -> None:
    module = _plugin(shelf, **changes)
    checked = _checked(shelf)
    assert told in checked.reason
    assert f"{module}.py" in checked.reason
    assert "_collect.py" not in checked.reason
    assert checked.fix == f"correct {module}.py"


def test_a_misspelt_field_names_its_line_and_the_nearest_field(shelf: Any) -> None:
    module = _plugin(shelf, extra="sumary='x',")
    checked = _checked(shelf)
    line = next(
        n for n, text in enumerate((shelf.root / f"{module}.py").read_text().splitlines(), 1) if "return" in text
    )
    assert f"{module}.py, line {line}" in checked.reason
    assert checked.fix == f"did you mean 'summary'? correct {module}.py, line {line}"


def test_misspelt_code_names_the_nearest_attribute_and_the_hook_module(shelf: Any) -> None:
    module = _plugin(shelf, code="json:JSONEncodr")
    (found,) = [each for each in _checked(shelf).code if each.state == "bad"]
    assert "_loading.py" not in found.reason
    assert f"{module}.py" in found.reason
    assert found.fix == f"did you mean 'JSONEncoder'? correct {module}.py"


def test_a_misspelt_module_of_its_own_names_the_nearest_one(shelf: Any) -> None:
    (shelf.root / "shelf_ledger").mkdir()
    (shelf.root / "shelf_ledger" / "__init__.py").write_text("")
    (shelf.root / "shelf_ledger" / "transformers.py").write_text("")
    (shelf.root / "shelf_ledger" / "plugin.py").write_text("from shelf_ledger import trnsformers\n")
    shelf.distribution("dovetail-ledger", "[dovetail.plugins]\nledger = shelf_ledger.plugn\n")
    direct = {"url": shelf.root.as_uri(), "dir_info": {"editable": True}}
    (shelf.root / "dovetail_ledger-1.0.dist-info" / "direct_url.json").write_text(json.dumps(direct))
    assert _checked(shelf).fix.startswith("did you mean 'shelf_ledger.plugin'? correct the entry point ledger")


@pytest.mark.parametrize(
    ("required", "fix"),
    [
        ("acme_radar>=2", "pip install dovetail-ledger"),
        ("acme-radar ; extra == 'engine'", "pip install 'dovetail-ledger[engine]'"),
        ("acme-radar ; python_version < '3'", "install the library that has the module acme_radar"),
        ("pytest", "install the library that has the module acme_radar"),
    ],
)
def test_a_module_that_is_missing_is_installed_by_what_declares_it(shelf: Any, required: str, fix: str) -> None:
    module = shelf.module("import acme_radar")
    metadata = f"Metadata-Version: 2.1\nName: dovetail-ledger\nVersion: 1.0\nRequires-Dist: {required}\n"
    shelf.distribution("dovetail-ledger", f"[dovetail.plugins]\nledger = {module}\n", metadata=metadata)
    assert _checked(shelf).fix.startswith(fix)


def test_who_installed_a_wheel_upgrades(shelf: Any) -> None:
    _plugin(shelf, editable=False, cost="free")
    assert _checked(shelf).fix == "pip install --upgrade dovetail-ledger"


def test_the_module_of_a_project_is_corrected(shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shelf.root)
    module = shelf.module("raise RuntimeError('no licence')")
    settings = shelf.settings(plugins=(module,))
    (found,) = find_named((module,), settings)
    assert check_plugin(found, settings).fix == f"correct {module}.py, line 1"
