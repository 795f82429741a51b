"""What is on its way out warns at the line that has to change, lives as long as was promised, and then goes."""

from __future__ import annotations

import functools
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import dovetail
import pluggy
import pytest
from dovetail.errors import (
    DEPRECATIONS,
    Deprecation,
    DovetailDeprecationWarning,
    DovetailPendingDeprecationWarning,
    deprecated,
)

RETRY = Deprecation("dt.task(retry=...)", "write dt.task(retries=...)", "0.2", "0.4", "all counts are plural", api=None)
OLD_HOOK = Deprecation("dovetail_frames", "implement dovetail_type_transformers", "0.2", "0.4", "one hook", 1, True)
SAMPLE = {"task-retry": RETRY, "old-hook": OLD_HOOK}


def overdue(entries: Iterable[Deprecation], version: str) -> list[str]:
    """What should be gone from this version."""
    return [entry.what for entry in entries if entry.is_overdue(version)]


def test_nothing_outlives_its_removal() -> None:
    assert overdue(DEPRECATIONS.values(), dovetail.__version__) == []


@pytest.mark.parametrize(
    ("version", "gone"),
    [
        ("0.1.0", False),
        ("0.2.0", False),
        ("0.3.9", False),
        ("0.4", True),
        ("0.4.0rc1", True),
        ("0.10.0", True),
        ("1.0.0", True),
    ],
)
def test_an_entry_is_overdue_from_the_version_on_that_was_announced(version: str, gone: bool) -> None:
    assert bool(overdue([RETRY], version)) is gone


@pytest.mark.parametrize(("since", "removed_in"), [("0.2", "0.3"), ("0.2", "0.2.5"), ("0.4", "0.2"), ("1.2", "0.9")])
def test_what_is_deprecated_lives_for_two_minor_releases(since: str, removed_in: str) -> None:
    with pytest.raises(ValueError, match="2 minor releases"):
        Deprecation("dt.x", "write dt.y", since, removed_in, "why")


@pytest.mark.parametrize(("since", "removed_in"), [("soon", "0.4"), ("0.2", "later"), ("0", "0.4")])
def test_versions_are_versions(since: str, removed_in: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        Deprecation("dt.x", "write dt.y", since, removed_in, "why")


@pytest.mark.parametrize("empty", ["what", "instead", "why"])
def test_an_entry_says_what_and_instead_and_why(empty: str) -> None:
    texts = {"what": "dt.x", "instead": "write dt.y", "why": "clearer"} | {empty: " "}
    with pytest.raises(ValueError, match="says too little"):
        Deprecation(since="0.2", removed_in="0.4", **texts)


def test_the_message_says_what_and_until_when_and_why_and_what_to_write() -> None:
    for part in (
        "dt.task(retry=...)",
        "since dovetail 0.2",
        "gone in 0.4",
        "why: all counts",
        "fix: write dt.task(retries",
    ):
        assert part in str(RETRY)


def test_the_warning_points_to_the_line_that_uses_it(tmp_path: Path) -> None:
    with pytest.warns(DovetailDeprecationWarning) as caught:
        deprecated("task-retry", SAMPLE)
    assert caught[0].filename == __file__


def test_frames_of_dovetail_are_passed_over() -> None:
    # A call two floors deep inside of the core: the line that has to change is the caller's.
    inner = "def inner(deprecated, entries):\n    deprecated('task-retry', entries)\n"
    outer = "def outer(*words):\n    return inner(*words)\n"
    deep: dict[str, object] = {"__name__": "dovetail.hub._hub"}
    exec(compile(inner + outer, "core.py", "exec"), deep)
    with pytest.warns(DovetailDeprecationWarning) as caught:
        functools.reduce(lambda call, _: call, [1], deep["outer"])(deprecated, SAMPLE)  # type: ignore[operator]
    assert caught[0].filename == __file__


def test_a_plugin_is_not_passed_over() -> None:
    plugin: dict[str, object] = {"__name__": "dovetail_polars.plugin"}
    exec(compile("def use(d, e):\n    d('task-retry', e)\n", "plugin.py", "exec"), plugin)
    with pytest.warns(DovetailDeprecationWarning) as caught:
        plugin["use"](deprecated, SAMPLE)  # type: ignore[operator]
    assert caught[0].filename == "plugin.py"


def test_an_unknown_entry_is_a_mistake_of_ours() -> None:
    with pytest.raises(LookupError, match="did you mean 'task-retry'"):
        deprecated("task-rety", SAMPLE)


PIPELINE = """
from dovetail.errors import Deprecation, deprecated

SAMPLE = {
    "old": Deprecation("dt.old", "write dt.new", "0.2", "0.4", "clearer"),
    "later": Deprecation("dt.later", "write dt.new", "0.2", "0.4", "clearer", pending=True),
}
deprecated("old", SAMPLE)
deprecated("later", SAMPLE)
"""


def test_users_see_it_in_a_module_of_theirs_without_asking_and_pending_ones_do_not(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    words = [sys.executable, "-c", "import pipeline"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "pipeline.py:8: DovetailDeprecationWarning: dt.old is deprecated" in done.stderr
    assert "dt.later" not in done.stderr


@pytest.mark.parametrize("entry", SAMPLE.values(), ids=SAMPLE)
def test_warnings_survive_pickling(entry: Deprecation) -> None:
    warning = entry.warning()
    again = pickle.loads(pickle.dumps(warning))
    assert type(again) is type(warning) and str(again) == str(entry)


def test_a_deprecated_hook_warns_at_its_implementation_and_is_still_called() -> None:
    class Specs:
        @pluggy.HookspecMarker("sample")(warn_on_impl=OLD_HOOK.warning())
        def old(self) -> int:
            """Old."""

        @pluggy.HookspecMarker("sample")(warn_on_impl_args={"event": OLD_HOOK.warning()})
        def heard(self, event: str, line: str) -> str:
            """An argument of it is old."""

    class Plugin:
        @pluggy.HookimplMarker("sample")
        def old(self) -> int:
            return 1

        @pluggy.HookimplMarker("sample")
        def heard(self, event: str) -> str:
            return event

    manager = pluggy.PluginManager("sample")
    manager.add_hookspecs(Specs)
    with pytest.warns(DovetailPendingDeprecationWarning) as caught:
        manager.register(Plugin())
    code = (Plugin.old.__code__, Plugin.heard.__code__)
    assert sorted((w.filename, w.lineno) for w in caught) == sorted((c.co_filename, c.co_firstlineno) for c in code)
    assert manager.hook.old() == [1] and manager.hook.heard(event="a", line="b") == ["a"]


def test_the_table_of_the_code_is_well_formed() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in DEPRECATIONS:
            deprecated(name)
    assert len(caught) == len(DEPRECATIONS)
