"""The catalogue: what it holds, loading code, registering, and which one is current."""

from __future__ import annotations

import importlib
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import (
    ApiMismatch,
    ConfigError,
    DefinitionError,
    EngineUnavailable,
    PluginConflict,
    PluginError,
    PluginLoadError,
)
from dovetail.plugins import Catalogue, build_catalogue, current_catalogue, reset_default, use_catalogue
from dovetail.spec import TaskTypeSpec, hookimpl

EVERYTHING = """
@hookimpl
def dovetail_task_types(): return [TaskTypeSpec("t", "json:loads")]
@hookimpl
def dovetail_type_transformers():
    yield TransformerSpec("a.B", "json:loads", aliases=("a.b.B",), codecs=(CodecSpec("f", "json:dumps"),),
                          converters=(ConverterSpec("a.B", "c.D", "json:dumps"),))
@hookimpl
def dovetail_check_engines(): return (CheckEngineSpec("c", "json:loads", suites=("a.Suite",)),)
@hookimpl
def dovetail_executors(): return [ExecutorSpec("e", "json:loads")]
@hookimpl
def dovetail_artifact_stores(): return [ArtifactStoreSpec("a", ("x",), "json:loads")]
@hookimpl
def dovetail_secrets(): return [SecretProviderSpec("vault", "json:loads")]
@hookimpl
def dovetail_commands(): return [CommandSpec("cmd", "json:loads")]
@hookimpl
def dovetail_on_event(event): pass
"""


def test_every_kind_of_declaration_has_its_place(shelf: Any) -> None:
    shelf.plugin("all", EVERYTHING)
    catalogue = shelf.catalogue()
    assert set(catalogue.task_types()) == {"t"}
    assert set(catalogue.transformers()) == {"a.B"}
    assert [(edge.source, edge.target) for edge in catalogue.converters()] == [("a.B", "c.D")]
    assert set(catalogue.check_engines()) == {"c"}
    assert set(catalogue.executors()) == {"e"}
    assert set(catalogue.artifact_stores()) == {"x"}
    assert set(catalogue.secrets()) == {"vault"}
    assert set(catalogue.commands()) == {"cmd"}
    assert len(catalogue.listeners()) == 1
    assert catalogue.transformer("a.b.B") is catalogue.transformer("a.B")
    for one in (
        catalogue.check_engine("c"),
        catalogue.executor("e"),
        catalogue.secret("vault"),
        catalogue.command("cmd"),
    ):
        assert catalogue.owner_of(one).key == "dovetail-all:all"
    for part in (*catalogue.converters(), *catalogue.transformer("a.B").codecs):
        assert catalogue.owner_of(part).name == "all"
    with pytest.raises(PluginError):
        catalogue.owner_of(TaskTypeSpec("foreign", "a:b"))


def test_what_is_handed_out_can_be_changed_without_harm(shelf: Any) -> None:
    shelf.plugin("all", EVERYTHING)
    catalogue = shelf.catalogue()
    catalogue.task_types().clear()
    catalogue.listeners().clear()
    assert set(catalogue.task_types()) == {"t"}
    assert len(catalogue.listeners()) == 1


# -- loading code ----------------------------------------------------------------------------------


def test_code_is_loaded_once_and_only_when_asked_for(shelf: Any) -> None:
    code = shelf.module("loads = []\nclass Outer:\n    class Inner: pass\n")
    shelf.plugin("lazy", f"@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('lazy', '{code}:Outer.Inner')]")
    catalogue = shelf.catalogue()
    spec = catalogue.task_type("lazy")
    assert code not in sys.modules
    loaded = catalogue.load(spec.code, spec)
    assert loaded is sys.modules[code].Outer.Inner
    del sys.modules[code]
    assert catalogue.load(spec.code, spec) is loaded


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("raise SystemExit(1)", SystemExit),
        ("assert False", AssertionError),
        ("raise RuntimeError('x')", RuntimeError),
        ("pass", AttributeError),
        ("import no_such_library_at_all", ModuleNotFoundError),
        ("def (", SyntaxError),
    ],
)
def test_code_that_cannot_be_loaded_names_the_plugin_and_keeps_the_cause(
    shelf: Any, body: str, cause: type[BaseException]
) -> None:
    code = shelf.module(body)
    shelf.plugin("bad", f"@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('bad', '{code}:Task')]")
    catalogue = shelf.catalogue()
    spec = catalogue.task_type("bad")
    with pytest.raises(PluginLoadError) as caught:
        catalogue.load(spec.code, spec)
    assert type(caught.value.__cause__) is cause
    assert "dovetail-bad 1.0" in (caught.value.who or "")
    assert caught.value.fix


def test_a_missing_engine_is_told_apart_and_says_what_installs_it(shelf: Any) -> None:
    code = shelf.module("import no_such_engine.deep")
    shelf.plugin(
        "far",
        f"@hookimpl\ndef dovetail_task_types():\n"
        f"    return [TaskTypeSpec('far', '{code}:T', engine='no_such_engine', install='pip install far-engine')]",
    )
    catalogue = shelf.catalogue()
    spec = catalogue.task_type("far")
    with pytest.raises(EngineUnavailable) as caught:
        catalogue.load(spec.code, spec)
    assert caught.value.fix == "pip install far-engine"
    assert "no_such_engine" in caught.value.what


def test_what_an_engine_lacks_itself_is_installed_by_the_same_line(shelf: Any) -> None:
    engine = shelf.module("import no_such_dependency_of_the_engine")
    code = shelf.module(f"import {engine}")
    shelf.plugin(
        "far",
        f"@hookimpl\ndef dovetail_task_types():\n"
        f"    return [TaskTypeSpec('far', '{code}:T', engine='{engine}', install='pip install far-engine')]",
    )
    catalogue = shelf.catalogue()
    spec = catalogue.task_type("far")
    with pytest.raises(PluginLoadError, match="no_such_dependency_of_the_engine") as caught:
        catalogue.load(spec.code, spec)
    assert caught.value.fix == "pip install far-engine"


def test_a_converter_takes_the_install_line_of_its_transformer(shelf: Any) -> None:
    code = shelf.module("import no_such_frames")
    shelf.plugin(
        "frames",
        f"@hookimpl\ndef dovetail_type_transformers():\n"
        f"    edge = ConverterSpec('no_such_frames.F', 'a.B', '{code}:f')\n"
        f"    return [TransformerSpec('no_such_frames.F', '{code}:T', converters=(edge,), install='pip install fr')]",
    )
    catalogue = shelf.catalogue()
    (edge,) = catalogue.converters()
    with pytest.raises(EngineUnavailable) as caught:
        catalogue.load(edge.code, edge)
    assert caught.value.fix == "pip install fr"


@pytest.mark.parametrize("installed", [False, True])
def test_pyarrow_is_an_extra_of_the_core(shelf: Any, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    pytest.importorskip("pyarrow")
    code = shelf.module("import pyarrow.no_such_part" if installed else "import pyarrow")
    if not installed:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
    shelf.plugin("table", f"@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('table', '{code}:T')]")
    catalogue = shelf.catalogue()
    spec = catalogue.task_type("table")
    with pytest.raises(PluginLoadError if installed else EngineUnavailable) as caught:
        catalogue.load(spec.code, spec)
    assert (caught.value.fix == "pip install 'dovetail[arrow]'") is not installed


def test_secret_providers_are_loaded_when_a_secret_of_theirs_is_resolved(shelf: Any) -> None:
    code = shelf.module("def ask(key): return {'a': 'from the vault'}.get(key)")
    provider = "@hookimpl\ndef dovetail_secrets(): return [SecretProviderSpec('vault', '{}:ask')]"
    shelf.plugin("one", provider.format(code))
    catalogue = shelf.catalogue()
    assert code not in sys.modules
    resolved = catalogue.resolve_secrets({"user": {"env": "WHO"}, "password": {"vault": "a"}}, {"WHO": "somebody"})
    assert {name: secret.reveal() for name, secret in resolved.items()} == {
        "user": "somebody",
        "password": "from the vault",
    }
    with pytest.raises(ConfigError, match="no secret 'b'"):
        catalogue.resolve_secrets([{"vault": "b"}])
    shelf.plugin("two", provider.format("json"))
    with pytest.raises(PluginConflict):
        shelf.catalogue().resolve_secrets({"vault": "a"})


def test_what_a_plugin_says_itself_about_its_engine_is_passed_on(shelf: Any) -> None:
    code = shelf.module("from dovetail.errors import EngineUnavailable\nraise EngineUnavailable('no Java', fix='apt')")
    with pytest.raises(EngineUnavailable, match="no Java"):
        shelf.catalogue().load(f"{code}:T")


def test_a_failed_load_is_tried_again(shelf: Any) -> None:
    code = shelf.module("raise RuntimeError")
    catalogue = shelf.catalogue()
    with pytest.raises(PluginLoadError):
        catalogue.load(f"{code}:answer")
    (shelf.root / f"{code}.py").write_text("answer = 42  # mended\n")
    assert catalogue.load(f"{code}:answer") == 42


@pytest.mark.parametrize("code", ["json", "json:", ":loads", ""])
def test_code_that_names_nothing_is_refused(shelf: Any, code: str) -> None:
    with pytest.raises(DefinitionError):
        shelf.catalogue().load(code)


def test_ctrl_c_while_loading_is_never_swallowed(shelf: Any) -> None:
    code = shelf.module("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        shelf.catalogue().load(f"{code}:T")


# -- plugins that are not packaged -------------------------------------------------------------------


def test_hook_modules_of_the_project_are_found_from_its_root(shelf: Any, tmp_path: Path) -> None:
    package = tmp_path / "project" / "shelf_project"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "hooks.py").write_text(
        "from dovetail.spec import TaskTypeSpec, hookimpl\nDOVETAIL_API = 1\n"
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('mine', 'shelf_beside:Task')]\n"
    )
    (tmp_path / "project" / "shelf_beside.py").write_text("class Task: pass\n")
    path = list(sys.path)
    from dovetail.config import Settings

    catalogue = build_catalogue(Settings(tmp_path / "project", plugins=("shelf_project.hooks",), allow=()), builtins=())
    spec = catalogue.task_type("mine")
    assert catalogue.load(spec.code, spec).__name__ == "Task"  # type: ignore[attr-defined]
    assert catalogue.owner_of(spec).key == "shelf_project.hooks:shelf_project.hooks"
    assert sys.path == path


def test_a_misspelt_hook_module_of_the_project_is_skipped(shelf: Any) -> None:
    catalogue = shelf.catalogue(plugins=("no_such_project.hooks",))
    (skipped,) = (s for s in catalogue.skipped if not s.by_policy)
    assert "no_such_project does not exist" in skipped.reason
    assert (skipped.name, skipped.distribution) == ("no_such_project.hooks", "")


def test_a_module_that_is_also_installed_counts_once(shelf: Any) -> None:
    module = shelf.task_type("one", "one")
    catalogue = shelf.catalogue(plugins=(module,))
    assert [m.key for m in catalogue.manifests] == ["dovetail-one:one"]
    assert catalogue.task_type("one")


class Plugin:
    """A plugin as an object, as a notebook would write it."""

    DOVETAIL_API = 1

    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def dovetail_task_types(self) -> list[TaskTypeSpec]:
        return [TaskTypeSpec(name, "json:loads") for name in self.names]


def test_registering_an_object_adds_to_the_catalogue_and_counts(shelf: Any) -> None:
    catalogue = shelf.catalogue()
    before = catalogue.version
    manifest = catalogue.register(Plugin("one"))
    assert catalogue.version == before + 1
    assert catalogue.task_type("one")
    assert manifest.distribution == ""
    assert manifest in catalogue.manifests


def test_registering_again_replaces(shelf: Any) -> None:
    catalogue = shelf.catalogue()
    catalogue.register(Plugin("one"))
    catalogue.register(Plugin("two"))
    assert set(catalogue.task_types()) == {"two"}


def test_registering_a_module_by_object_or_by_name(shelf: Any) -> None:
    name = shelf.module(
        "from dovetail.spec import TaskTypeSpec, hookimpl\nDOVETAIL_API = 1\n"
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('m', 'json:loads')]\n"
    )
    catalogue = shelf.catalogue()
    assert catalogue.register(name) == catalogue.register(sys.modules[name])
    assert len(catalogue.manifests) == 1


def test_registering_the_module_of_an_installed_plugin_is_registering_that_plugin(shelf: Any) -> None:
    module = shelf.task_type("one", "one")
    catalogue = shelf.catalogue()
    catalogue.register(importlib.import_module(module))
    assert [m.key for m in catalogue.manifests] == ["dovetail-one:one"]


def test_registering_what_is_no_plugin_raises_at_once_and_changes_nothing(shelf: Any) -> None:
    catalogue = shelf.catalogue()
    with pytest.raises(ApiMismatch):
        catalogue.register(types.ModuleType("empty"))
    with pytest.raises(PluginLoadError):
        catalogue.register("no_such_module_at_all")
    assert (catalogue.version, catalogue.manifests) == (0, ())


def test_extra_plugins_are_asked_for_so_they_raise(shelf: Any) -> None:
    assert set(build_catalogue(shelf.settings(), [Plugin("x")], builtins=()).task_types()) == {"x"}
    with pytest.raises(ApiMismatch):
        build_catalogue(shelf.settings(), [object()], builtins=())


# -- the current catalogue ---------------------------------------------------------------------------


@pytest.fixture
def project(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    shelf.task_type("one", "one")
    monkeypatch.setenv("DOVETAIL_ALLOW", ",".join(shelf.names))
    monkeypatch.chdir(shelf.root)
    return shelf


def test_the_default_catalogue_is_built_once_by_whichever_thread_comes_first(project: Any) -> None:
    project.plugin("counting", "open(__file__ + '.log', 'a').write('imported\\n')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOVETAIL_ALLOW", ",".join(project.names))
        gate = threading.Barrier(8)

        def ask() -> Catalogue:
            gate.wait()
            return current_catalogue()

        with ThreadPoolExecutor(8) as pool:
            found = {id(pool_result.result()) for pool_result in [pool.submit(ask) for _ in range(8)]}
    assert len(found) == 1
    (log,) = project.root.glob("*.log")
    assert log.read_text() == "imported\n"


def test_use_catalogue_is_current_inside_and_only_there(project: Any) -> None:
    other = project.catalogue()
    default = current_catalogue()
    with use_catalogue(other) as inside:
        assert current_catalogue() is inside is other
        with use_catalogue(default):
            assert current_catalogue() is default
        assert current_catalogue() is other
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(current_catalogue).result() is default
    assert current_catalogue() is default


def test_reset_default_builds_afresh(project: Any) -> None:
    first = current_catalogue()
    reset_default()
    assert current_catalogue() is not first
