"""Manifests that plugins ship: read instead of importing, ignored when they are damaged or older than the code."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import ApiMismatch, PluginLoadError, UsageError
from dovetail.plugins import (
    collect_manifest,
    diagnose,
    list_plugins,
    manifest_difference,
    manifest_problem,
    shipped_manifest,
    write_shipped_manifest,
)

TASK = "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('{0}', '{0}.task:T', summary='näme')]\n"
LOUD = "open(__file__ + '.imported', 'a').write('x')\n"


def installed(shelf: Any, name: str, body: str = "") -> tuple[str, Path]:
    """A plugin with a manifest, and the file of its hook module, which notes each import from now on."""
    module = shelf.plugin(name, LOUD + TASK.format(name) + body)
    write_shipped_manifest(module)
    file = shelf.root / f"{module}.py"
    Path(f"{file}.imported").unlink()
    return module, file


def imports_of(file: Path) -> int:
    log = Path(f"{file}.imported")
    return len(log.read_text()) if log.exists() else 0


def test_a_plugin_with_a_manifest_is_known_without_any_import(shelf: Any) -> None:
    module, file = installed(shelf, "one")
    catalogue = shelf.catalogue()
    assert catalogue.task_type("one").summary == "näme"
    assert catalogue.foreign == ()
    assert catalogue.stale == {}
    (manifest,) = catalogue.manifests
    assert (manifest.name, manifest.distribution, manifest.version, manifest.module) == (
        "one",
        "dovetail-one",
        "1.0",
        module,
    )
    assert manifest == collect_manifest(module) == shipped_manifest(module)
    assert module not in sys.modules
    assert imports_of(file) == 1  # by collect_manifest, elsewhere


def test_line_ends_do_not_matter(shelf: Any) -> None:
    module, file = installed(shelf, "one")
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert manifest_problem(module) is None


@pytest.mark.parametrize("place", ["hooks", "beside"])
def test_a_manifest_that_is_older_than_the_code_is_not_believed(shelf: Any, place: str) -> None:
    package = shelf.root / "shelf_pack_of_two"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "names.py").write_text("NAME = 'before'\n")
    (package / "plugin.py").write_text(
        "from dovetail.spec import TaskTypeSpec, hookimpl\nfrom shelf_pack_of_two.names import NAME\nDOVETAIL_API = 1\n"
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec(NAME, 'json:loads')]\n"
    )
    shelf.distribution("dovetail-pack", "[dovetail.plugins]\npack = shelf_pack_of_two.plugin\n")
    path = write_shipped_manifest("shelf_pack_of_two.plugin")
    assert path == package / "plugin.dovetail.json"
    assert list(shelf.catalogue().task_types()) == ["before"]
    if place == "beside":
        (package / "names.py").write_text("NAME = 'after_'\n")
    else:
        text = (package / "plugin.py").read_text()
        (package / "plugin.py").write_text(text.replace("(NAME,", "('after_',"))
    catalogue = shelf.catalogue()
    assert list(catalogue.task_types()) == ["after_"]
    assert "is older than the code" in (manifest_problem("shelf_pack_of_two.plugin") or "")
    (finding,) = diagnose(catalogue)
    assert (finding.problem, finding.fix) == ("stale manifest", "pip install --upgrade dovetail-pack")
    write_shipped_manifest("shelf_pack_of_two.plugin")
    assert diagnose(shelf.catalogue()) == []


def _changed(**changes: Any) -> Any:
    return lambda data: {key: value for key, value in (data | changes).items() if value is not ...}


DAMAGE = {
    # what is done to the manifest: what is said of it
    "empty": (lambda data: "", "cannot be read"),
    "cut": (lambda data: json.dumps(data)[:-9], "cannot be read"),
    "deep": (lambda data: "[" * 100_000, "cannot be read"),
    "bytes": (lambda data: "\x00\x01", "cannot be read"),
    "a list": (lambda data: [data], "where a table belongs"),
    "null": (lambda data: None, "where a table belongs"),
    "format": (_changed(format=2), "is of format 2, this dovetail reads 1"),
    "no format": (_changed(format=...), "is of format None"),
    "api": (_changed(api=9), "is for hook API 9, this dovetail has 1"),
    "api of another type": (_changed(api=True), "is for hook API True"),
    "listens": (_changed(listens="yes"), "malformed"),
    "files": (_changed(files=["a"]), "malformed"),
    "a file outside": (_changed(files={"../../no/such": "0"}), "is older than the code"),
    "source": (_changed(source="0" * 64), "is older than the code"),
    "source of another type": (_changed(source=None), "is older than the code"),
    "no declarations": (_changed(declarations=...), "malformed"),
    "declarations of another type": (_changed(declarations=7), "malformed"),
    "an unknown kind": (_changed(declarations=[{"kind": "Nonsense"}]), "unknown kind"),
    "an unknown field": (
        _changed(declarations=[{"kind": "TaskTypeSpec", "name": "x", "code": "a:b", "colour": "red"}]),
        "malformed",
    ),
    "no code": (
        _changed(declarations=[{"kind": "TaskTypeSpec", "name": "x", "code": "no code"}]),
        "'module:attribute'",
    ),
    "a name twice": (_changed(declarations=[{"kind": "TaskTypeSpec", "name": "x", "code": "a:b"}] * 2), "twice"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_manifest_has_a_reason_and_the_plugin_works(shelf: Any, damage: str) -> None:
    module, _ = installed(shelf, "one")
    path = shelf.root / f"{module}.dovetail.json"
    change, reason = DAMAGE[damage]
    data = change(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    assert reason in (manifest_problem(module) or "")
    assert manifest_difference(module) == manifest_problem(module)
    assert shipped_manifest(module) is None
    catalogue = shelf.catalogue()
    assert list(catalogue.task_types()) == ["one"]
    assert reason in catalogue.stale["dovetail-one:one"]
    (listing,) = [each for each in list_plugins(shelf.settings()) if each.name == "one"]
    assert reason in listing.manifest_problem


def test_a_manifest_that_lies_is_believed_until_somebody_checks(shelf: Any) -> None:
    module, _ = installed(shelf, "one")
    path = shelf.root / f"{module}.dovetail.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"one"', '"two"'), encoding="utf-8")
    assert list(shelf.catalogue().task_types()) == ["two"]
    assert manifest_problem(module) is None
    assert "something else than the hooks declare" in (manifest_difference(module) or "")


def test_a_manifest_of_a_module_says_nothing_of_an_object_in_it(shelf: Any) -> None:
    module = shelf.plugin("one", TASK.format("one") + "class Inner:\n    DOVETAIL_API = 1\n")
    write_shipped_manifest(module)
    shelf.distribution("dovetail-inner", f"[dovetail.plugins]\ninner = {module}:Inner\n")
    found = {manifest.name: len(manifest.declarations) for manifest in shelf.catalogue().manifests}
    assert found == {"one": 1, "inner": 0}


def test_writing_again_changes_nothing(shelf: Any) -> None:
    module, _ = installed(shelf, "one")
    path = shelf.root / f"{module}.dovetail.json"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert write_shipped_manifest(module) == path
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert not list(shelf.root.glob("*.tmp"))


def test_fields_at_their_default_are_not_written_so_that_new_ones_make_no_manifest_stale(shelf: Any) -> None:
    module, _ = installed(shelf, "one")
    data = json.loads((shelf.root / f"{module}.dovetail.json").read_text(encoding="utf-8"))
    assert data["declarations"] == [{"kind": "TaskTypeSpec", "name": "one", "code": "one.task:T", "summary": "näme"}]
    assert (data["format"], data["api"], data["listens"]) == (1, 1, False)


def test_what_cannot_be_collected_has_no_manifest(shelf: Any) -> None:
    with pytest.raises(UsageError):
        write_shipped_manifest("no_such_module.plugin")
    with pytest.raises(ApiMismatch):
        write_shipped_manifest(shelf.module("pass"))
    module = shelf.module("raise SystemExit(4)")
    with pytest.raises(PluginLoadError, match=r"sys\.exit"):
        collect_manifest(module)
    assert manifest_problem("no_such_module.plugin") is not None
    assert not list(shelf.root.glob("*.dovetail.json"))


def test_only_a_plugin_that_listens_is_imported_and_only_when_events_are_told(shelf: Any) -> None:
    deaf, _ = installed(shelf, "deaf")
    hears, _ = installed(
        shelf, "hears", "heard = []\n@hookimpl\ndef dovetail_on_event(event): heard.append(event['id'])\n"
    )
    catalogue = shelf.catalogue()
    assert hears not in sys.modules
    (listener,) = catalogue.listeners()
    listener({"id": 3})
    assert sys.modules[hears].heard == [3]
    assert catalogue.listeners() == [listener]
    assert deaf not in sys.modules


def test_a_listener_that_cannot_be_imported_any_more_raises_when_it_is_told(shelf: Any) -> None:
    module, _ = installed(shelf, "hears", "@hookimpl\ndef dovetail_on_event(event): pass\n")
    catalogue = shelf.catalogue()
    (shelf.root / f"{module}.py").write_text("raise SystemExit(3)  # edited\n")
    (listener,) = catalogue.listeners()
    with pytest.raises(PluginLoadError, match=r"sys.exit\(3\)"):
        listener({"id": 1})


def test_conflicts_are_found_among_manifests_as_among_modules(shelf: Any) -> None:
    installed(shelf, "one")
    shelf.task_type("two", "one")
    (finding,) = diagnose(shelf.catalogue())
    assert finding.problem == "conflict"


@pytest.mark.parametrize("name", ["pandas", "pandera", "polars", "sql"])
def test_the_plugins_of_this_repository_ship_current_manifests(name: str) -> None:
    pytest.importorskip(f"dovetail_{name}")
    assert manifest_difference(f"dovetail_{name}.plugin") is None


# -- where it cannot be written ----------------------------------------------------------------------


def test_what_cannot_be_written_is_said(shelf: Any) -> None:
    module = shelf.task_type("fixed", "fixed")
    (shelf.root / f"{module}.dovetail.json.tmp").mkdir()  # as in a directory that is read-only, for root too
    with pytest.raises(UsageError, match="the manifest cannot be written") as caught:
        write_shipped_manifest(module)
    assert "Is a directory" in (caught.value.why or "") and caught.value.fix


def test_a_damaged_one_is_replaced(shelf: Any) -> None:
    module = shelf.task_type("damaged", "damaged")
    (shelf.root / f"{module}.dovetail.json").write_bytes(b"\xff\xfe")
    write_shipped_manifest(module)
    assert manifest_problem(module) is None


def test_a_module_in_an_archive_has_no_place_for_one(
    shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "modules.zip", "w") as archive:
        archive.writestr("shelf_zipped.py", "")
    monkeypatch.syspath_prepend(tmp_path / "modules.zip")
    with pytest.raises(UsageError, match="not found as a source file") as caught:
        write_shipped_manifest("shelf_zipped")
    assert caught.value.why == "shelf_zipped is no directory and no .py file on the path"


def test_what_others_put_into_the_namespace_and_what_a_build_writes_is_left_out(
    shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = shelf.root / "shelf_space" / "hub"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from shelf_space.hub._version import version")
    (package / "_version.py").write_text("version = '1'")
    (package / "names.py").write_text("NAME = 'named'")
    hooks = "from shelf_space.hub.names import NAME\nimport shelf_space.other\n" + TASK.format("spaced")
    (package / "plugin.py").write_text(f"from dovetail.spec import *\nDOVETAIL_API = 1\n{hooks}")
    other = tmp_path / "elsewhere" / "shelf_space"
    other.mkdir(parents=True)
    (other / "other.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    path = write_shipped_manifest("shelf_space.hub.plugin")
    assert set(json.loads(path.read_text())["files"]) == {"__init__.py", "names.py"}
    (package / "_version.py").write_text("version = '2'")
    (other / "other.py").write_text("# another release")
    assert manifest_problem("shelf_space.hub.plugin") is None
    (package / "names.py").write_text("NAME = 'renamed'")
    assert "names.py has changed" in (manifest_problem("shelf_space.hub.plugin") or "")
