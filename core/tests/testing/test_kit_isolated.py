"""The suites of environments pass a plugin whose engine is in one alone; each of their checks catches what it is about.

The engine is a wheel that is made here, so that what is built is a real environment with a real worker.
"""

# ruff: noqa: E501  (a defect is a line of the table)
from __future__ import annotations

import importlib
import importlib.util
import os
import re
import signal
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dovetail as dt
import pytest
from dovetail.config import Settings
from dovetail.env import isolated_pools
from dovetail.env.build import Environments
from dovetail.errors import DovetailError, EngineUnavailable, ValueMismatch
from dovetail.testing import EnvironmentSuite, IsolatedTaskTypeSuite, _isolated_tasks, never
from dovetail.testing import _harness as harness
from dovetail.testing._base import kit_checks
from dovetail.testing._isolated import IsolatedSuite
from dovetail.testing._isolated_home import hidden, imported

OTHER_PYTHON = "3.12" if sys.version_info[:2] == (3, 11) else "3.11"
ENTRY_POINTS = "[dovetail.plugins]\ngems = gems_hooks\n"
ENGINE = """
import subprocess
import sys

HELD = []

class Frame:
    def __init__(self, table):
        self.table = table

class Mine:
    def __init__(self):
        self.open = True
    def dig(self, what):
        assert self.open
        return f"a {what} from Python {sys.version_info.major}"
    def shut(self):
        self.open = False

def leave_behind():
    HELD.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True))
"""


def metadata(name: str, requires: str = "") -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nProvides-Extra: engine\n{requires}"


def wheel(folder: Path, name: str, *files: Path, content: str = "", requires: str = "", entry_points: str = "") -> Path:
    """A distribution of modules: one of its own name, or copies of files."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        info = f"{name}-1.0.dist-info"
        for module, text in {f"{name}.py": content, **{file.name: file.read_text() for file in files}}.items():
            archive.writestr(module, text)
        archive.writestr(f"{info}/METADATA", metadata(name, requires))
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", entry_points)
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def env_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("envs")
    isolated_pools().close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(tmp_path_factory.mktemp("wheels"), "gems", content=ENGINE)


@pytest.fixture(scope="module")
def plugin_wheel(tmp_path_factory: pytest.TempPathFactory, engine: Path) -> Path:
    files = sorted((Path(__file__).parent / "mutants" / "gems").glob("*.py"))
    needs = f"Requires-Dist: dovetail\nRequires-Dist: gems @ {engine.as_uri()}\n"
    return wheel(tmp_path_factory.mktemp("wheels"), "dovetail_gems", *files, requires=needs, entry_points=ENTRY_POINTS)


@pytest.fixture(scope="module")
def other_python(tmp_path_factory: pytest.TempPathFactory, env_dir: Path) -> str:
    """A version of Python that the hub does not have; without such an interpreter on this machine there is nothing to test."""
    envs = {"other": {"requires": [], "python": OTHER_PYTHON}}
    environments = Environments(Settings(tmp_path_factory.mktemp("other"), env_dir=env_dir, envs=envs))
    try:
        environments.sync(environments.request("other"))
    except EngineUnavailable as error:
        pytest.skip(f"no Python {OTHER_PYTHON} here: {error.what}")
    return OTHER_PYTHON


@pytest.fixture
def installed(mutated: Callable[..., None], engine: Path, tmp_path: Path) -> Callable[..., None]:
    """Installs the plugin, with the first ``old`` in its code replaced by ``new``; its engine is not installed here."""

    def install(old: str = "", new: str = "", *, brings: Path = engine) -> None:
        mutated("gems", old, new)
        info = tmp_path / "dovetail_gems-1.0.dist-info"
        info.mkdir()
        needs = f"Requires-Dist: {brings.name.partition('-')[0]} @ {brings.as_uri()} ; extra == 'engine'\n"
        (info / "METADATA").write_text(metadata("dovetail-gems", needs))
        (info / "entry_points.txt").write_text(ENTRY_POINTS)
        files = sorted(path.name for path in tmp_path.glob("gems_*.py"))
        (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))

    return install


@pytest.fixture
def play_there(
    tmp_path: Path, env_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[type[IsolatedSuite], str], None]:
    """Runs one check of a suite of environments as pytest would."""
    monkeypatch.setattr(harness, "GRACE", 2.0)

    def run(suite: type[IsolatedSuite], test: str) -> None:
        made: Any = type(suite.__name__, (suite,), {"settings": {"env_dir": env_dir}})()
        made.folder = tmp_path
        with made._opened(tmp_path / "hub") as hub:
            check = getattr(made, test)
            takes = check.__code__.co_varnames[: check.__code__.co_argcount]
            check(**{name: value for name, value in {"hub": hub, "tmp_path": tmp_path}.items() if name in takes})

    return run


class TestGems(EnvironmentSuite):
    plugin = "gems_hooks"
    environment = "gems"
    examples = 20
    gaps = {"carries.uint64": never("gems counts to 2**63 alone", raises=ValueMismatch)}

    @pytest.fixture(autouse=True)
    def _installed(self, installed: Callable[..., None], env_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed()
        type(self).settings = {"env_dir": env_dir}


class TestGemsTask(IsolatedTaskTypeSuite):
    plugin = "gems_hooks"
    environment = "gems"
    task_type = "gems"
    inputs = {"colour": "red"}
    expected = "a red gem from Python 3"
    failure = "no gem is green"
    failure_type = "LookupError"

    @pytest.fixture(autouse=True)
    def _installed(self, installed: Callable[..., None], env_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed()
        type(self).settings = {"env_dir": env_dir}

    def make_task(self) -> dt.Task[..., Any]:
        @dt.task("gems")
        def find(colour: str) -> str:
            return f"{colour} gem"

        return find

    def make_failing_task(self) -> dt.Task[..., Any]:
        @dt.task("gems")
        def fail() -> str:
            raise LookupError("no gem is green")

        return fail


class TestGemsElsewhere(EnvironmentSuite):
    """The plugin itself is installed in an environment of config, and nowhere else."""

    plugin = "gems_hooks"
    environment = "mountains"
    examples = 5
    gaps = {"carries.uint64": never("gems counts to 2**63 alone", raises=ValueMismatch)}

    @pytest.fixture(autouse=True)
    def _installed(self, plugin_wheel: Path, env_dir: Path) -> None:
        envs = {"mountains": {"requires": [f"dovetail-gems @ {plugin_wheel.as_uri()}"]}}
        type(self).settings = {"env_dir": env_dir, "envs": envs}


class TestGemsTaskOfAnotherPython(TestGemsTask):
    """Functions are found by their names there, and so are those of the suite."""

    @pytest.fixture(autouse=True)
    def _installed(self, installed: Callable[..., None], env_dir: Path, other_python: str) -> None:
        installed()
        type(self).settings = {"env_dir": env_dir, "envs": {"gems": {"requires": [], "python": other_python}}}

    def make_task(self) -> dt.Task[..., Any]:
        return dt.task("gems")(importlib.import_module("gems_tasks").find)

    def make_failing_task(self) -> dt.Task[..., Any]:
        return dt.task("gems")(importlib.import_module("gems_tasks").fail)


FRAMES, WORK = TestGems, TestGemsTask

DEFECTS: dict[str, tuple[type[IsolatedSuite], str, str, str, str]] = {
    "an environment that nothing needs": (FRAMES, "the_engine_is_there_and_not_here", 'engine="gems", extra', 'engine="jewels", extra', "nothing that gems_hooks declares needs an environment 'gems'"),
    "an environment of another name": (FRAMES, "the_engine_is_there_and_not_here", 'EnvironmentSpec("gems"', 'EnvironmentSpec("gem"', 'environment = "gem"'),
    "work that ends its process": (WORK, "a_call_gives_the_result", "return call.resource.dig", "os._exit(3)", "exited with code 3"),
    "a codec that drops a row on the way": (FRAMES, "tables_come_back_as_they_went", "write_ipc(value.table, path)", "write_ipc(value.table.slice(1), path)", "comes back from gems.Frame as something else"),
    "a converter that refuses what it does not state": (FRAMES, "tables_come_back_as_they_went", "pa.uint64()", "pa.int8()", "does not come to a gems.Frame"),
    "a converter that needs rows": (FRAMES, "empty_and_cut_tables_come_back", "    return gems.Frame(table)", "    table.to_pylist()[0]; return gems.Frame(table)", "list index out of range"),
    "a converter that needs columns": (FRAMES, "a_table_without_columns_comes_back", "    return gems.Frame(table)", "    table.column(0); return gems.Frame(table)", "index"),
    "a refusal that does not name the column": (FRAMES, "what_is_not_carried_is_refused_by_name", "the column {field.name!r} would", "a column would", "does not name the column 'uint64'"),
    "a gap that is none": (FRAMES, "what_is_not_carried_is_refused_by_name", "pa.uint64()", "pa.month_day_nano_interval()", 'take "carries.uint64" out of gaps'),
    "values that change without a word": (FRAMES, "what_is_not_carried_is_refused_by_name", 'raise ValueMismatch(f"the column {field.name!r} would not fit: gems has no uint64")', "return gems.Frame(table.slice(1))", "with other values, and without a word"),
    "a codec that drops a row": (FRAMES, "what_is_stored_there_is_read_there_and_here", "write_ipc(value.table, path)", "write_ipc(value.table.slice(1), path)", "comes back from gems.Frame as something else"),
    "a codec of its own that nobody else reads": (FRAMES, "what_is_stored_there_is_read_there_and_here", "write_ipc(value.table, path)", "path.write_bytes(b'gem')", "."),
    "a wrong number of rows": (FRAMES, "what_is_told_of_it_is_so", "return value.table.num_rows", "return value.table.num_rows + 1", "is told to have"),
    "a preview of its own": (FRAMES, "what_is_told_of_it_is_so", "    def num_rows", "    def preview(self, value, limit=10):\n        from dovetail.spec import Preview\n        return Preview(total_rows=7)\n\n    def num_rows", "shows"),
    "a hash of its own": (FRAMES, "its_hash_is_that_of_arrow", "return hash_table(value.table)", "return hash_table(value.table.slice(1))", "hashes differently"),
    "a result that is not kept": (WORK, "a_run_gives_the_same_result", "return call.resource.dig(call.function(**call.inputs))", "call.function(**call.inputs); return ''", "the result is ''"),
    "a type that needs its engine to be defined": (WORK, "a_call_gives_the_result", "        pass", "        import gems", "cannot be made where the engine is not installed"),
    "a failure that is swallowed": (WORK, "an_error_keeps_its_type_and_its_place", "return call.resource.dig(call.function(**call.inputs))", "try:\n            return call.function(**call.inputs)\n        except LookupError:\n            return ''", "although it had to fail"),
    "a failure in other words": (WORK, "an_error_keeps_its_type_and_its_place", "return call.resource.dig(call.function(**call.inputs))", "try:\n            return call.function(**call.inputs)\n        except LookupError as error:\n            raise RuntimeError(str(error)) from None", "tells of RuntimeError"),
    "a failure that nobody finds": (WORK, "an_error_keeps_its_type_and_its_place", "return call.resource.dig(call.function(**call.inputs))", "try:\n            return call.function(**call.inputs)\n        except LookupError as error:\n            raise LookupError(str(error)).with_traceback(None) from None", "does not lead to"),
    "a key for each node": (WORK, "a_session_is_opened_once_and_closed", 'return "one mine"', "return os.urandom(8)", "opened 3 sessions"),
    "a session that does not close": (WORK, "a_session_is_opened_once_and_closed", "resource.shut()", "resource.lock()", "does not open or close well"),
    "no session": (WORK, "a_session_is_opened_once_and_closed", 'return "one mine"', "return None", "nothing is opened"),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_caught(
    name: str, installed: Callable[..., None], play_there: Callable[[type[IsolatedSuite], str], None]
) -> None:
    suite, check, old, new, message = DEFECTS[name]
    installed(old, new)
    with pytest.raises((AssertionError, DovetailError), match=message):
        play_there(suite, f"test_{check}")


def test_an_environment_without_its_engine_is_caught(
    installed: Callable[..., None], play_there: Callable[[type[IsolatedSuite], str], None], tmp_path: Path
) -> None:
    installed(brings=wheel(tmp_path, "gravel"))
    with pytest.raises(AssertionError, match="gems cannot be imported in environment gems: ModuleNotFoundError"):
        play_there(FRAMES, "test_the_engine_is_there_and_not_here")


def test_a_process_that_outlives_its_worker_is_caught(
    installed: Callable[..., None], play_there: Callable[[type[IsolatedSuite], str], None], tmp_path: Path
) -> None:
    installed(brings=wheel(tmp_path, "gems", content=ENGINE + "\nleave_behind()\n"))
    with pytest.raises(AssertionError, match="this is still there: process") as caught:
        play_there(FRAMES, "test_nothing_is_left_when_workers_end")
    for pid in re.findall(r"process (\d+)", str(caught.value)):
        os.kill(int(pid), signal.SIGKILL)


def test_a_worker_that_is_not_another_one_is_caught(
    installed: Callable[..., None],
    play_there: Callable[[type[IsolatedSuite], str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lives(note: str) -> list[int]:
        import os

        return [os.getpid(), os.getpid()]

    installed()
    monkeypatch.setattr(_isolated_tasks, "die_once", lives)
    with pytest.raises(AssertionError, match="did the work in 1 attempts"):
        play_there(FRAMES, "test_a_worker_that_is_killed_is_replaced")


def test_every_check_has_a_defect_that_it_catches() -> None:
    caught = {(suite, f"test_{check}") for suite, check, *_ in DEFECTS.values()}
    caught |= {(FRAMES, "test_nothing_is_left_when_workers_end"), (FRAMES, "test_a_worker_that_is_killed_is_replaced")}
    shared = kit_checks(EnvironmentSuite) & kit_checks(IsolatedTaskTypeSuite)
    assert {check for suite, check in caught if suite is FRAMES} == kit_checks(TestGems)
    assert {check for suite, check in caught if suite is WORK} == kit_checks(TestGemsTask) - shared


# -- hiding ----------------------------------------------------------------------------------------


def test_an_engine_that_is_imported_here_is_hidden_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, part, user = (types.ModuleType(name) for name in ("gems", "gems.cut", "gems_user"))
    for module in (engine, part, user):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    with hidden(["gems"], ["gems_user"]):
        assert imported(["gems"]) == [] and "gems_user" not in sys.modules
        for name in ("gems", "gems.cut"):
            with pytest.raises(ModuleNotFoundError):
                importlib.import_module(name)
        assert importlib.util.find_spec("gems") is None
    assert [sys.modules[name] for name in ("gems", "gems.cut", "gems_user")] == [engine, part, user]
    assert imported(["gems"]) == ["gems", "gems.cut"]
