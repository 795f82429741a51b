"""A hub for tests holds what was named, reads nothing of the user's, and tells what was left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dovetail as dt
import pytest
from dovetail.errors import DovetailError, UsageError
from dovetail.spec import ExecutorSpec, hookimpl
from dovetail.testing import HubHarness, _harness, _leaks

EVENT = threading.Event()


@dt.task
def double(x: int) -> int:
    return 2 * x


@dt.task
def leave_a_thread() -> int:
    threading.Thread(target=EVENT.wait, name="left-behind", daemon=True).start()
    return 1


@dt.workflow
def doubling(x: int = 1) -> int:
    return double(x)


@dt.workflow
def leaving() -> int:
    return leave_a_thread()


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_harness, "GRACE", 0.5)
    yield
    EVENT.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "left-behind"]:
        thread.join()
    EVENT.clear()


class TestWhatItHolds:
    def test_without_names_it_is_the_core_alone(self, tmp_path: Path) -> None:
        with HubHarness(home=tmp_path / "hub") as hub:
            assert {manifest.module.partition(".")[0] for manifest in hub.catalogue.manifests} == {"dovetail"}

    def test_an_installed_plugin_comes_with_its_distribution(self) -> None:
        pytest.importorskip("dovetail_polars")
        with HubHarness("dovetail_polars.plugin") as hub:
            found = {manifest.module: manifest.distribution for manifest in hub.catalogue.manifests}
        assert found["dovetail_polars.plugin"] == "dovetail-polars"
        assert {name.partition(".")[0] for name in found} == {"dovetail", "dovetail_polars"}

    def test_of_a_distribution_with_two_hook_modules_only_the_one_that_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        info = tmp_path / "kittwins-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kittwins\nVersion: 1\n")
        (info / "entry_points.txt").write_text("[dovetail.plugins]\none = kittwin_one\ntwo = kittwin_two\n")
        for name in ("kittwin_one", "kittwin_two"):
            (tmp_path / f"{name}.py").write_text(
                "from dovetail.spec import ExecutorSpec, hookimpl\nDOVETAIL_API = 1\n@hookimpl\n"
                f"def dovetail_executors():\n    return [ExecutorSpec('{name}', 'somewhere:Elsewhere')]\n"
            )
        monkeypatch.syspath_prepend(tmp_path)
        with HubHarness("kittwin_one", home=tmp_path / "one" / "hub") as hub:
            assert set(hub.catalogue.executors()) >= {"kittwin_one"}
            assert "kittwin_two" not in hub.catalogue.executors()
        with HubHarness("kittwin_one", "kittwin_two", home=tmp_path / "both" / "hub") as hub:
            assert set(hub.catalogue.executors()) >= {"kittwin_one", "kittwin_two"}
            assert {m.distribution for m in hub.catalogue.manifests if "kittwin" in m.module} == {"kittwins"}

    def test_what_the_test_module_registers_for_itself_is_not_in_it(self) -> None:
        @dt.task_type("kit_outsider")
        class Outsider(dt.TaskType):
            """Of the session, not of the hub for tests."""

        with HubHarness() as hub:
            assert "kit_outsider" not in hub.catalogue.task_types()

    def test_an_object_may_be_a_plugin(self) -> None:
        class Plugin:
            DOVETAIL_API = 1

            @hookimpl
            def dovetail_executors(self) -> list[ExecutorSpec]:
                return [ExecutorSpec("elsewhere", "somewhere:Elsewhere")]

        with HubHarness(Plugin()) as hub:
            assert "elsewhere" in hub.catalogue.executors()

    def test_a_plugin_that_is_not_there_is_an_error(self) -> None:
        with pytest.raises(DovetailError, match="no_such_plugin"), HubHarness("no_such_plugin"):
            pass

    def test_nothing_of_the_user_leaks_in(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOVETAIL_MAX_WORKERS", "1")
        monkeypatch.setenv("DOVETAIL_DISABLE_PLUGINS", "true")
        (tmp_path / "dovetail.toml").write_text('home = "elsewhere"\n')
        monkeypatch.chdir(tmp_path)
        with HubHarness(home=tmp_path / "mine" / "hub", max_workers=3) as hub:
            assert "DOVETAIL_MAX_WORKERS" not in os.environ
            assert hub.settings.max_workers == 3
            result = hub.run(doubling, x=2)
            assert dt.run(doubling, x=3).value == 6
            assert len(hub.runs.list_runs()) == 2
            assert hub.record(result).status == "succeeded"
        assert os.environ["DOVETAIL_MAX_WORKERS"] == "1"
        assert not (tmp_path / "elsewhere").exists()

    def test_its_directory_is_removed(self) -> None:
        with HubHarness() as hub:
            hub.run(doubling)
            home = hub.settings.home
            assert home.exists()
        assert not home.parent.exists()


class TestWhatItDoes:
    def test_calls_and_runs(self, tmp_path: Path) -> None:
        with HubHarness(home=tmp_path / "hub") as hub:
            assert hub.call(doubling, x=4) == 8
            assert hub.runs.list_runs() == []
            result = hub.run(doubling, x=4)
            assert (result.value, list(hub.nodes(result))) == (8, ["double"])
            assert [event.type for event in hub.events(result, "node.succeeded")] == ["node.succeeded"]

    def test_a_run_that_must_fail_and_does_not(self, tmp_path: Path) -> None:
        with HubHarness(home=tmp_path / "hub") as hub, pytest.raises(AssertionError, match="although it had to fail"):
            hub.fail(doubling)

    def test_what_it_raises_comes_through(self, tmp_path: Path) -> None:
        with HubHarness(home=tmp_path / "hub") as hub, pytest.raises(UsageError):
            hub.run(doubling, executor="threds")


@pytest.mark.usefixtures("release")
class TestWhatIsLeftBehind:
    def test_a_thread(self, tmp_path: Path) -> None:
        with (
            pytest.raises(AssertionError, match=r"this is still there: thread 'left-behind'[\s\S]*TaskType\.close"),
            HubHarness(home=tmp_path / "hub") as hub,
        ):
            hub.run(leaving)

    def test_a_process(self, tmp_path: Path) -> None:
        process = None
        try:
            with pytest.raises(AssertionError, match=r"process .*import time"), HubHarness(home=tmp_path / "hub"):
                process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        finally:
            assert process is not None
            process.kill()
            process.wait()

    def test_what_may_stay_is_named(self, tmp_path: Path) -> None:
        with HubHarness(home=tmp_path / "hub", may_leave={"left-*": "the test ends it"}) as hub:
            hub.run(leaving)

    def test_an_error_inside_is_not_hidden_by_it(self, tmp_path: Path) -> None:
        with pytest.raises(LookupError, match="mine"), HubHarness(home=tmp_path / "hub") as hub:
            hub.run(leaving)
            raise LookupError("mine")


def test_both_ways_to_list_child_processes_agree() -> None:
    if shutil.which("ps") is None or not Path("/proc/self/stat").exists():
        pytest.skip("needs ps and /proc")
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        assert process.pid in _leaks._children() and process.pid in _leaks._children_by_ps()
    finally:
        process.kill()
        process.wait()
    assert process.pid not in _leaks._children() and process.pid not in _leaks._children_by_ps()
