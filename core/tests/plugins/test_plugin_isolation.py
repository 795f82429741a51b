"""A broken plugin breaks nothing but itself, and says why."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from dovetail.config import Settings
from dovetail.errors import ApiMismatch, ConfigError, PluginError, PluginLoadError, UsageError
from dovetail.plugins import Catalogue, build_catalogue, current_catalogue, diagnose, list_plugins

WRONG = {
    # how it is wrong: (the module, what the reason must say, class of the original error)
    "raises": ("raise RuntimeError('no luck today')", "RuntimeError: no luck today", "RuntimeError"),
    "exits": ("import sys; sys.exit(3)", "sys.exit(3)", "SystemExit"),
    "asserts": ("assert 1 > 2, 'odd'", "AssertionError: odd", "AssertionError"),
    "raises_base": ("class Odd(BaseException): pass\nraise Odd('really')", "Odd: really", "Odd"),
    "misses": ("import no_such_library_at_all", "needs the module no_such_library_at_all", "ModuleNotFoundError"),
    "imports_wrong": ("from json import no_such_thing", "cannot import name 'no_such_thing'", "ImportError"),
    "syntax": ("def (:", "SyntaxError", "SyntaxError"),
    "exception_raises": (
        "class Odd(Exception):\n    def __str__(self): raise SystemExit\nraise Odd",
        "its message raised too",
        "Odd",
    ),
}

HOOKS_WRONG = {
    "hook_raises": ("@hookimpl\ndef dovetail_task_types(): raise KeyError('x')", "KeyError: 'x'"),
    "hook_exits": ("@hookimpl\ndef dovetail_task_types(): raise SystemExit(0)", "sys.exit(0)"),
    "hook_asserts": ("@hookimpl\ndef dovetail_executors(): assert False", "AssertionError"),
    "generator_raises": (
        "@hookimpl\ndef dovetail_task_types():\n    yield TaskTypeSpec('a', 'a:b')\n    raise OSError('half way')",
        "OSError: half way",
    ),
    "endless": (
        "@hookimpl\ndef dovetail_task_types():\n    while True: yield TaskTypeSpec('a', 'a:b')",
        "more than 10000",
    ),
    "signature": ("@hookimpl\ndef dovetail_task_types(hub): return []", "'hub'"),
    "event_signature": ("@hookimpl\ndef dovetail_on_event(event, run): pass", "'run'"),
    "unknown_hook": ("@hookimpl\ndef dovetail_task_typs(): return []", "unknown hook 'dovetail_task_typs'"),
    "unmarked": ("def dovetail_task_types(): return []", "not marked as a hook implementation"),
    "async": ("@hookimpl\nasync def dovetail_task_types(): return []", "must return a list"),
    "returns_number": ("@hookimpl\ndef dovetail_task_types(): return 7", "must return a list of declarations, not 7"),
    "returns_text": ("@hookimpl\ndef dovetail_task_types(): return 'spark'", "not 'spark'"),
    "returns_names": ("@hookimpl\ndef dovetail_task_types(): return ['spark']", "not 'spark'"),
    "returns_one": ("@hookimpl\ndef dovetail_task_types(): return TaskTypeSpec('a', 'a:b')", "must return a list"),
    "other_kind": ("@hookimpl\ndef dovetail_executors(): return [TaskTypeSpec('a', 'a:b')]", "of its kind"),
    "twice": ("@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('a', 'a:b')] * 2", "task_type.a twice"),
    "code": (
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('a', 'a.b')]",
        "'module:attribute', not 'a.b'",
    ),
    "code_shell": (
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('a', 'os:x();y')]",
        "'module:attribute'",
    ),
    "field_type": ("@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec(3, 'a:b')]", "name must be str, not 3"),
    "no_name": ("@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('', 'a:b')]", "must be a name"),
    "two_lines": ("@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('a\\nforged', 'a:b')]", "must be a name"),
    "escape": ("@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('a\\x1b[2J', 'a:b')]", "must be a name"),
    "turned_round": (
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('a\\u202eb', 'a:b')]",
        "must be a name",
    ),
    "alias": (
        "@hookimpl\ndef dovetail_type_transformers(): return [TransformerSpec('a.B', 'a:b', aliases=('a\\tb',))]",
        "aliases must hold names",
    ),
    "scheme": (
        "@hookimpl\ndef dovetail_artifact_stores(): return [ArtifactStoreSpec('s', ('',), 'a:b')]",
        "schemes must hold names",
    ),
    "list_field": (
        "@hookimpl\ndef dovetail_check_engines(): return [CheckEngineSpec('a', 'a:b', suites=['x.Y'])]",
        "suites must be tuple[str, ...]",
    ),
    "nested": (
        "@hookimpl\ndef dovetail_type_transformers():\n"
        "    return [TransformerSpec('a.B', 'a:b', converters=(ConverterSpec('a.B', 'c.D', 'a:b', cost='free'),))]",
        "cost must be one of zero-copy, view, copy, collect, not 'free'",
    ),
    "nested_text": (
        "@hookimpl\ndef dovetail_type_transformers(): return [TransformerSpec('a.B', 'a:b', codecs=('parquet',))]",
        "'parquet' where a ConverterSpec or CodecSpec belongs",
    ),
    "plain_converter": (
        "@hookimpl\ndef dovetail_type_transformers():\n"
        "    return [TransformerSpec('a.B', 'a:b', converters=(ConverterSpec('str', 'datetime.date', 'a:b'),))]",
        "a converter from str to datetime.date is not taken",
    ),
} | {
    f"format_{name}": (
        "@hookimpl\ndef dovetail_type_transformers():\n"
        f"    return [TransformerSpec('a.B', 'a:b', codecs=(CodecSpec('fine', 'a:b'), CodecSpec('{name}', 'a:b')))]",
        f"CodecSpec.format must not be '{name}'",
    )
    for name in ("json", "tree", "bytes")  # test_store_formats.py holds the core to these three
}


def test_the_good_plugin_next_to_every_broken_one_works(shelf: Any) -> None:
    for name, (body, _, _) in WRONG.items():
        shelf.plugin(name, body)
    for name, (body, _) in HOOKS_WRONG.items():
        shelf.plugin(name, body)
    shelf.task_type("zebra", "zebra")
    catalogue = shelf.catalogue()
    assert [m.name for m in catalogue.manifests] == ["zebra"]
    assert catalogue.load(catalogue.task_type("zebra").code) is not None
    assert {s.name for s in catalogue.skipped if not s.by_policy} == {*WRONG, *HOOKS_WRONG}


@pytest.mark.parametrize("name", WRONG)
def test_a_module_that_cannot_be_imported_is_skipped_with_its_reason(shelf: Any, name: str) -> None:
    body, reason, error_type = WRONG[name]
    module = shelf.plugin(name, body, version="2.1")
    skipped = _only_skipped(shelf.catalogue())
    assert reason in skipped.reason
    assert "\n" not in skipped.reason
    assert (skipped.name, skipped.distribution, skipped.version, skipped.module) == (
        name,
        f"dovetail-{name.replace('_', '-')}",
        "2.1",
        module,
    )
    assert skipped.error_type == error_type
    assert skipped.fix


@pytest.mark.parametrize("name", HOOKS_WRONG)
def test_a_malformed_hook_implementation_is_skipped_with_its_reason(shelf: Any, name: str) -> None:
    body, reason = HOOKS_WRONG[name]
    shelf.plugin(name, body)
    catalogue = shelf.catalogue()
    assert reason in _only_skipped(catalogue).reason
    assert catalogue.manifests == ()


@pytest.mark.parametrize(
    ("line", "reason", "fix"),
    [
        ("", "DOVETAIL_API is missing", "set DOVETAIL_API = 1 in"),
        ("DOVETAIL_API = 2", "DOVETAIL_API is 2, this dovetail has 1", "pip install --upgrade dovetail"),
        ("DOVETAIL_API = 0", "DOVETAIL_API is 0", "pip install --upgrade dovetail-api"),
        ("DOVETAIL_API = '1'", "DOVETAIL_API is '1'", "set DOVETAIL_API = 1 in"),
        ("DOVETAIL_API = True", "DOVETAIL_API is True", "set DOVETAIL_API = 1 in"),
    ],
)
def test_another_hook_api_is_skipped(shelf: Any, line: str, reason: str, fix: str) -> None:
    shelf.plugin("api", f"{line}\nraised = False", header="")
    skipped = _only_skipped(shelf.catalogue())
    assert skipped.error_type == "ApiMismatch"
    assert reason in skipped.reason
    assert skipped.fix.startswith(fix)


@pytest.mark.parametrize(
    "body", ["raise KeyboardInterrupt", "@hookimpl\ndef dovetail_task_types(): raise KeyboardInterrupt"]
)
def test_a_plugin_cannot_press_ctrl_c(shelf: Any, body: str) -> None:
    shelf.plugin("interrupted", body)
    assert "KeyboardInterrupt" in _only_skipped(shelf.catalogue()).reason


def test_ctrl_c_while_a_plugin_is_looked_at_is_never_swallowed(shelf: Any) -> None:
    shelf.plugin("slow", f"import os, signal, time\nos.kill({os.getpid()}, signal.SIGINT)\ntime.sleep(60)")
    with pytest.raises(KeyboardInterrupt):
        shelf.catalogue()


def test_an_entry_point_to_a_module_that_is_gone(shelf: Any) -> None:
    shelf.distribution("dovetail-gone", "[dovetail.plugins]\ngone = shelf_gone.plugin\n")
    skipped = _only_skipped(shelf.catalogue())
    assert "shelf_gone does not exist" in skipped.reason
    assert skipped.fix == "pip install --force-reinstall dovetail-gone"


@pytest.mark.parametrize("value", ["not an import name!", "json:no_such_attribute", "a:b:c"])
def test_an_entry_point_that_names_nothing(shelf: Any, value: str) -> None:
    shelf.distribution("dovetail-odd", f"[dovetail.plugins]\nodd = {value}\n")
    shelf.task_type("fine", "fine")
    catalogue = shelf.catalogue()
    assert _only_skipped(catalogue).distribution == "dovetail-odd"
    assert _only_skipped(catalogue).reason
    assert list(catalogue.task_types()) == ["fine"]


@pytest.mark.parametrize("value", ["not an import name!", "a:b:c", ".a", "a..b", "a:", "[extra]"])
def test_text_that_is_no_import_name_is_told_from_metadata_alone(shelf: Any, value: str) -> None:
    """Not left to ``EntryPoint.module``, which raises another error in each version of Python."""
    shelf.distribution("dovetail-odd", f"[dovetail.plugins]\nodd = {value}\n")
    listing = next(item for item in list_plugins(shelf.settings()) if item.distribution == "dovetail-odd")
    assert repr(value) in listing.reason
    assert repr(value) in _only_skipped(shelf.catalogue()).reason


def test_a_distribution_without_a_name_or_summary_costs_no_warning(
    shelf: Any, recwarn: pytest.WarningsRecorder
) -> None:
    """Python 3.12 and later warn when a missing header is asked for."""
    folder = shelf.distribution("dovetail-bare", "[dovetail.plugins]\nbare = shelf_bare_gone\n")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\n")
    assert "dovetail-bare" in {item.distribution for item in list_plugins(shelf.settings())}
    assert not [str(warning.message) for warning in recwarn]


def test_what_is_asked_for_by_name_raises_its_real_error(shelf: Any) -> None:
    shelf.plugin("spark", "raise RuntimeError('JAVA_HOME is odd')")
    with pytest.raises(PluginLoadError) as caught:
        shelf.catalogue().task_type("spark")
    assert isinstance(caught.value.__cause__, RuntimeError)
    (note,) = caught.value.__cause__.__notes__
    assert (
        "raise RuntimeError('JAVA_HOME is odd')" in note
    )  # it was raised in another process: its traceback came as text
    assert "JAVA_HOME is odd" in str(caught.value)
    assert "dovetail-spark 1.0" in str(caught.value)
    assert caught.value.fix == "pip install --upgrade dovetail-spark"


def test_a_well_known_name_leads_to_its_skipped_plugin_whatever_the_entry_point_is_called(shelf: Any) -> None:
    module = shelf.module("import no_such_library_at_all")
    shelf.distribution("dovetail-spark", f"[dovetail.plugins]\nfirst = {module}\n")
    with pytest.raises(PluginLoadError) as caught:
        shelf.catalogue().transformer("pyspark.sql.DataFrame")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_asking_for_a_plugin_of_another_api_says_so(shelf: Any) -> None:
    shelf.plugin("ray", "DOVETAIL_API = 7", header="")
    with pytest.raises(ApiMismatch, match="task type 'ray'"):
        shelf.catalogue().task_type("ray")


def test_asking_for_something_else_mentions_the_broken_ones(shelf: Any) -> None:
    shelf.plugin("broken", "raise RuntimeError")
    with pytest.raises(UsageError, match="1 broken: broken"):
        shelf.catalogue().task_type("unheard_of")


def test_a_hook_module_that_asks_for_the_catalogue_is_told_why_it_cannot(
    shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.plugin("eager", "from dovetail.plugins import current_catalogue\ncurrent_catalogue()")
    monkeypatch.setenv("DOVETAIL_ALLOW", ",".join(shelf.names))
    monkeypatch.chdir(shelf.root)
    (skipped,) = (s for s in current_catalogue().skipped if s.name == "eager")
    assert "while the catalogue was being built" in skipped.reason


def test_strict_makes_a_skipped_plugin_an_error_at_build(shelf: Any) -> None:
    shelf.plugin("one", "raise RuntimeError('first')")
    shelf.plugin("two", "raise RuntimeError('second')")
    with pytest.raises(PluginLoadError) as caught:
        shelf.catalogue(strict=True)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "first" in str(caught.value)
    assert "1 more" in str(caught.value)


def test_strict_is_content_with_plugins_that_configuration_keeps_out(shelf: Any) -> None:
    shelf.plugin("one", "raise RuntimeError('first')")
    shelf.task_type("two", "two")
    catalogue = shelf.catalogue(strict=True, deny=("dovetail-one",))
    assert list(catalogue.task_types()) == ["two"]


def test_a_missing_built_in_module_does_not_stop_the_plugins(shelf: Any) -> None:
    shelf.task_type("one", "one")
    catalogue = build_catalogue(shelf.settings(), builtins=("shelf_nowhere.engine.hooks",))
    assert list(catalogue.task_types()) == ["one"]
    with pytest.raises(PluginLoadError) as caught:
        catalogue.task_type("python")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_the_built_in_hook_modules_are_sound() -> None:
    catalogue = build_catalogue(Settings(project_root=_here(), disable_plugins=True))
    assert [f for f in diagnose(catalogue) if f.problem == "skipped"] == []
    assert {"python", "shell"} <= set(catalogue.task_types())


def test_a_listener_that_fails_reaches_the_caller_as_a_plugin_error(shelf: Any) -> None:
    shelf.plugin("good", "heard = []\n@hookimpl\ndef dovetail_on_event(event): heard.append(event['id'])")
    shelf.plugin("bad", "@hookimpl\ndef dovetail_on_event(event): raise SystemExit(9)")
    shelf.plugin("deaf", "")
    catalogue = shelf.catalogue()
    bad, good = catalogue.listeners()  # in the order of the distributions
    with pytest.raises(PluginError, match="dovetail-bad") as caught:
        bad({"id": 1})
    assert isinstance(caught.value.__cause__, SystemExit)
    good({"id": 2})
    (module,) = (m.module for m in catalogue.manifests if m.name == "good")
    assert sys.modules[module].heard == [2]


def test_a_secret_in_the_message_of_a_plugin_is_not_repeated(shelf: Any) -> None:
    from dovetail.config import Secret

    Secret("hunter2hunter2")
    shelf.plugin("leaky", "raise RuntimeError('cannot log in with hunter2hunter2')")
    assert "hunter2" not in _only_skipped(shelf.catalogue()).reason


def test_kept_out_plugins_are_not_broken_but_asking_says_who_keeps_them_out(shelf: Any) -> None:
    shelf.task_type("spark", "spark")
    catalogue = shelf.catalogue(deny=("dovetail-spark",))
    with pytest.raises(ConfigError, match="deny list"):
        catalogue.task_type("spark")
    assert not [f for f in diagnose(catalogue) if f.problem == "skipped"]


def _only_skipped(catalogue: Catalogue) -> Any:
    (skipped,) = (s for s in catalogue.skipped if not s.by_policy)
    return skipped


def _here() -> Any:
    from pathlib import Path

    return Path(__file__).parent
