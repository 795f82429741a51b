"""Finding plugins: fresh, complete, with their distributions, and without importing them."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import canonical_name
from dovetail.plugins import PluginListing, engines_of, list_plugins
from dovetail.plugins._discovery import find_plugins
from dovetail.plugins._scan import scan_plugins
from dovetail.spec import TaskTypeSpec, TransformerSpec

LIST = """
import json, sys
from pathlib import Path
from dovetail.config import Settings
from dovetail.plugins import list_plugins
found = [(p.distribution, p.name, p.version) for p in list_plugins(Settings(Path.cwd()))]
print(json.dumps(found))
"""


def test_a_listing_reads_metadata_only(shelf: Any) -> None:
    module = shelf.plugin("quiet", "raise SystemExit('imported!')", version="3.2")
    assert _listed(shelf) == [
        PluginListing("quiet", "dovetail-quiet", "3.2", module, "A plugin of the tests", "installed", True, "")
    ]
    assert module not in sys.modules


def test_a_listing_has_the_modules_that_config_names(shelf: Any) -> None:
    listed = list_plugins(shelf.settings(plugins=("no_such_module.hooks",)))
    assert [(p.name, p.source, p.enabled) for p in listed if p.source == "config"] == [
        ("no_such_module.hooks", "config", True)
    ]


def test_a_listing_says_what_would_not_load_and_why(shelf: Any) -> None:
    shelf.task_type("one", "one")
    (listed,) = _listed(shelf, deny=("dovetail-one",))
    assert (listed.enabled, listed.reason) == (False, "it is on the deny list")


def test_changed_entry_points_of_the_same_version_are_seen_at_once(shelf: Any) -> None:
    folder = shelf.distribution("dovetail-edited", "[dovetail.plugins]\nbefore = json\n")
    times = os.stat(folder / "entry_points.txt"), os.stat(shelf.root)
    assert [p.name for p in _listed(shelf)] == ["before"]
    (folder / "entry_points.txt").write_text("[dovetail.plugins]\nafter_ = json\n")
    # A reinstall may restore the times of the files, on which caches rely.
    os.utime(folder / "entry_points.txt", ns=(times[0].st_atime_ns, times[0].st_mtime_ns))
    os.utime(shelf.root, ns=(times[1].st_atime_ns, times[1].st_mtime_ns))
    assert [p.name for p in _listed(shelf)] == ["after_"]


def test_changed_entry_points_are_seen_by_the_next_process(shelf: Any, tmp_path: Path) -> None:
    """The same between processes: a cache on disk would survive here, so the child gets a place to keep one."""
    folder = shelf.distribution("dovetail-edited", "[dovetail.plugins]\nbefore = json\n")
    file = folder / "entry_points.txt"
    times = os.stat(file)
    assert '"before"' in _child(shelf.root, tmp_path)
    file.write_text("[dovetail.plugins]\nafter_ = json\n")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = _child(shelf.root, tmp_path)
    assert '"after_"' in after
    assert '"before"' not in after
    assert not (tmp_path / "cache").exists()


def test_a_new_distribution_is_seen_in_the_same_process(shelf: Any) -> None:
    shelf.task_type("one", "one")
    assert list(shelf.catalogue().task_types()) == ["one"]
    shelf.task_type("two", "two")
    assert list(shelf.catalogue().task_types()) == ["one", "two"]


def test_plugins_of_one_name_are_told_apart_by_distribution_though_others_lie_between(shelf: Any) -> None:
    for distribution in ("dovetail-a", "dovetail-m", "dovetail-z"):
        name = "middle" if distribution == "dovetail-m" else "same"
        module = shelf.module("from dovetail.spec import hookimpl\nDOVETAIL_API = 1\n")
        shelf.distribution(distribution, f"[dovetail.plugins]\n{name} = {module}\n")
    assert [m.key for m in shelf.catalogue().manifests] == ["dovetail-a:same", "dovetail-m:middle", "dovetail-z:same"]


def test_a_distribution_that_declares_a_name_twice_keeps_the_first(shelf: Any) -> None:
    first, second = (shelf.module("DOVETAIL_API = 1\n") for _ in range(2))
    shelf.distribution("dovetail-d", f"[dovetail.plugins]\nd = {first}\nother = {first}\nd = {second}\n")
    catalogue = shelf.catalogue()
    assert {m.name: m.module for m in catalogue.manifests} == {"d": first, "other": first}
    (skipped,) = (s for s in catalogue.skipped if not s.by_policy)
    assert f"twice; {first} came first" in skipped.reason


def test_of_two_installed_copies_the_first_on_the_path_counts(
    shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.distribution("dovetail-copy", "[dovetail.plugins]\nold = json\n", version="1.0")
    nearer = tmp_path / "nearer"
    nearer.mkdir()
    folder = nearer / "Dovetail.Copy-2.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: Dovetail.Copy\nVersion: 2.0\n")
    (folder / "entry_points.txt").write_text("[dovetail.plugins]\nnew = json\n")
    monkeypatch.syspath_prepend(nearer)
    assert [(p.name, p.distribution, p.version) for p in _listed(shelf)] == [("new", "dovetail-copy", "2.0")]


def test_damaged_metadata_of_others_disturbs_nobody(shelf: Any) -> None:
    shelf.distribution("unrelated", b"[dovetail.plugins]\nbad = \xff\xfe\n")
    shelf.distribution("unrelated-too", "[dovetail.plugins]\nno value here\n")
    (shelf.root / "empty-1.0.dist-info").mkdir()
    (shelf.root / "nameless.dist-info").mkdir()
    (shelf.root / "nameless.dist-info" / "entry_points.txt").write_text("[dovetail.plugins]\nx = json\n")
    shelf.task_type("fine", "fine")
    catalogue = shelf.catalogue()
    assert list(catalogue.task_types()) == ["fine"]


def test_damaged_metadata_of_a_plugin_is_reported(shelf: Any) -> None:
    shelf.distribution("dovetail-damaged", b"[dovetail.plugins]\nbad = \xff\xfe\n")
    (skipped,) = (s for s in shelf.catalogue().skipped if not s.by_policy)
    assert "entry_points.txt cannot be read" in skipped.reason


def test_the_scan_agrees_with_importlib_metadata_about_this_environment(shelf: Any) -> None:
    for number in range(5):
        shelf.distribution(
            f"Some.Dist_{number}", f"[console_scripts]\na = b:c\n[dovetail.plugins]\n# x\np{number}=m.n:o\n"
        )
    expected = {
        (canonical_name(d.name), d.version, ep.name, ep.value)
        for d in importlib.metadata.distributions()
        for ep in d.entry_points
        if ep.group == "dovetail.plugins"
    }
    assert len(expected) >= 5
    assert {(f.distribution, f.version, f.name, f.value) for f in scan_plugins()} == expected
    assert find_plugins() == scan_plugins()


def test_plugins_in_a_zip_file_are_found(shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.plugin("zipped", "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('zipped', 'json:loads')]\n")
    archive = shutil.make_archive(str(tmp_path / "site"), "zip", shelf.root)
    monkeypatch.setattr(sys, "path", [archive, *(entry for entry in sys.path if entry != str(shelf.root))])
    assert [(p.name, p.distribution, p.version) for p in _listed(shelf)] == [("zipped", "dovetail-zipped", "1.0")]
    assert list(shelf.catalogue().task_types()) == ["zipped"]


def test_plugins_of_somebody_elses_finder_are_found(
    shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.distribution("dovetail-found", "[dovetail.plugins]\nfound = json\n")

    class Finder:
        """A finder that knows a directory which is not on the path."""

        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, context: Any) -> Any:
            context = importlib.metadata.DistributionFinder.Context(path=[str(shelf.root)])
            return importlib.metadata.MetadataPathFinder.find_distributions(context)

    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(shelf.root)])
    assert _listed(shelf) == []
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert [p.name for p in _listed(shelf)] == ["found"]


def test_an_object_in_a_module_can_be_the_plugin(shelf: Any) -> None:
    module = shelf.module(
        """
        from dovetail.spec import TaskTypeSpec, hookimpl
        DOVETAIL_API = 1
        class Plugin:
            @hookimpl
            def dovetail_task_types(self):
                return [TaskTypeSpec("inside", "json:loads")]
        class holder:
            plugin = Plugin()
        """
    )
    shelf.distribution("dovetail-inside", f"[dovetail.plugins]\ninside = {module}:holder.plugin\n")
    assert list(shelf.catalogue().task_types()) == ["inside"]


def _listed(shelf: Any, **changes: Any) -> list[PluginListing]:
    return [p for p in list_plugins(shelf.settings(**changes)) if p.distribution in shelf.names]


def _child(site: Path, home: Path) -> str:
    environ = os.environ | {"PYTHONPATH": str(site), "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    return subprocess.run(
        [sys.executable, "-c", LIST], env=environ, cwd=site, capture_output=True, text=True, check=True
    ).stdout


def test_the_own_package_of_a_plugin_is_not_its_engine(shelf: Any) -> None:
    module = shelf.module("")
    shelf.distribution("dovetail-ledger", f"[dovetail.plugins]\nledger = {module}\n")
    own = TransformerSpec(f"{module}.Accounts", f"{module}:T")
    table = TransformerSpec("no_such_engine.Table", f"{module}:T")
    assert [state.engine for state in engines_of([own, table], None, f"{module}")] == ["no_such_engine"]
    assert engines_of([own], None, module) == ()
    stated = TaskTypeSpec("ledger", f"{module}:T", engine=module)
    assert [state.engine for state in engines_of([stated], None, module)] == [module]
