"""Plugins without a manifest are imported in a process of their own, once, and again as soon as anything has changed."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import PluginError, PluginLoadError
from dovetail.plugins import Catalogue, build_catalogue, diagnose, list_plugins
from dovetail.spec import Manifest

TASK = "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec({0!r}, 'json:loads')]\n"
LOUD = "open(__file__ + '.imported', 'a').write('x')\n"

WRONG = {
    # how it goes wrong: (the module, what the reason says)
    "exits": ("import os; os._exit(0)", "importing it ended the process (exit code 0)"),
    "fails": ("import os; os._exit(77)", "importing it ended the process (exit code 77)"),
    "crashes": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended the process (SIGSEGV)"),
    "hangs": ("import threading; threading.Event().wait()", "import took longer than 4 s"),
    "hangs_deaf": (
        "import signal, threading\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nthreading.Event().wait()",
        "import took longer than 4 s",
    ),
    "hangs_in_a_hook": (
        "@hookimpl\ndef dovetail_task_types():\n    import threading\n    threading.Event().wait()",
        "import took longer than 4 s",
    ),
    "closes_its_pipe": ("import os, threading\nos.closerange(3, 64)\nthreading.Event().wait()", "took longer than 4 s"),
    "kills_its_parent": (
        "import os, signal, threading\nos.kill(os.getppid(), signal.SIGKILL)\nthreading.Event().wait(2)\nos._exit(0)",
        "ended the process",
    ),
}

ODD = {
    # what it does beside being a good plugin
    "prints": "import os, sys\nprint('{}' * 100_000)\nos.write(1, b'noise\\n' * 100_000)\nos.write(2, b'noise')",
    "reads": "import sys\nassert sys.stdin.read() == ''",
    "starts_threads": "import threading\nthreading.Thread(target=threading.Event().wait).start()",
    "forks": "import os, threading\nif os.fork() == 0: threading.Event().wait()",
    "forks_and_goes_on": "import os\nos.fork()",
    "starts_a_process": "import subprocess\nsubprocess.Popen(['sleep', '60'])",
    "patches_the_core": "import dovetail.plugins._collect as c\nc._check_fields = c._refuse_repeated = lambda *a: None\n"
    "import dovetail.spec\ndovetail.spec.API_VERSION = 9",
    "patches_json": "import json\njson.dumps = lambda *a, **k: 'patched'\njson.JSONEncoder.encode = None",
    "closes_everything": "import os\nos.closerange(0, 3)",
}


def names(catalogue: Catalogue) -> set[str]:
    return set(catalogue.task_types())


def reasons(catalogue: Catalogue) -> dict[str, str]:
    return {item.name: item.reason for item in catalogue.skipped if not item.by_policy}


def test_whatever_a_plugin_does_at_import_the_others_work(shelf: Any) -> None:
    for name, (body, _) in WRONG.items():
        shelf.plugin(name, body)
    for name, body in ODD.items():
        shelf.plugin(name, body + "\n" + TASK.format(name))
    shelf.plugin("zebra", "import dovetail.spec as s\nassert s.API_VERSION == 1\n" + TASK.format("zebra"))
    before = set(sys.modules), threading.active_count(), list(sys.path), os.getcwd()
    catalogue = shelf.catalogue(plugin_import_seconds=4.0)
    assert (threading.active_count(), list(sys.path), os.getcwd()) == before[1:]
    assert not {name for name in set(sys.modules) - before[0] if name.startswith("shelf_")}
    found = reasons(catalogue)
    assert set(found) == set(WRONG)
    for name, (_, reason) in WRONG.items():
        assert reason in found[name]
    assert names(catalogue) == {*ODD, "zebra"}


def test_what_a_plugin_starts_ends_with_the_look_at_it(shelf: Any) -> None:
    shelf.plugin(
        "starts",
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import threading; threading.Event().wait()'])\n"
        "open(__file__ + '.pid', 'w').write(str(child.pid))\n",
    )
    shelf.catalogue()
    (file,) = shelf.root.glob("*.pid")
    process = int(file.read_text())
    pause = threading.Event()
    for _ in range(200):  # a process that was killed takes a moment to be gone
        state = _state_of(process)
        if state in (None, "Z"):
            return
        pause.wait(0.05)
    raise AssertionError(f"process {process} is alive: {state}")


def _state_of(process: int) -> str | None:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    stat = Path(f"/proc/{process}/stat")
    return stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "?"


def test_a_hook_module_cannot_build_a_catalogue(shelf: Any) -> None:
    shelf.plugin(
        "eager",
        "from pathlib import Path\nfrom dovetail.config import Settings\nfrom dovetail.plugins import build_catalogue\n"
        "build_catalogue(Settings(Path.cwd()))",
    )
    assert "while the catalogue was being built" in reasons(shelf.catalogue())["eager"]


def test_a_plugin_that_hangs_says_what_looks_again(shelf: Any) -> None:
    shelf.plugin("slow", WRONG["hangs"][0])
    (finding,) = diagnose(shelf.catalogue(plugin_import_seconds=0.2))
    assert "import took longer than 0.2 s" in finding.reason
    assert finding.fix == "pip install --upgrade dovetail-slow; dovetail plugins check slow looks again"


def test_without_an_interpreter_to_ask_plugins_are_skipped_with_that_reason(
    shelf: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shelf.task_type("one", "one")
    shelf.task_type("two", "two")
    script = tmp_path / "no-python"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    found = reasons(shelf.catalogue())
    assert set(found) == {"one", "two"}
    assert all("no process could be started" in reason for reason in found.values())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    assert "no process could be started" in reasons(shelf.catalogue())["one"]


# -- what was found is kept --------------------------------------------------------------------------


class Kept:
    """A plugin that writes down its imports, and old files, so that what is found may be kept."""

    def __init__(self, shelf: Any, body: str = "") -> None:
        self.shelf = shelf
        self.log = shelf.root.parent / "imports.log"
        self.module = shelf.plugin("kept", f"open({str(self.log)!r}, 'a').write('x')\n" + body)
        self.file = shelf.root / f"{self.module}.py"

    @property
    def imports(self) -> int:
        return len(self.log.read_text()) if self.log.exists() else 0

    def catalogue(self, **changes: Any) -> Catalogue:
        """A catalogue, once the last change lies far enough back to be told from the next."""
        threading.Event().wait(0.03)
        return self.shelf.catalogue(**changes)


def test_a_plugin_is_looked_at_once(shelf: Any) -> None:
    kept = Kept(shelf, TASK.format("a"))
    first, second = kept.catalogue(), kept.catalogue()
    assert kept.imports == 1
    assert first.manifests == second.manifests
    (listing,) = [each for each in list_plugins(shelf.settings()) if each.name == "kept"]
    assert (listing.known_by, listing.declarations) == ("probe", first.manifests[0].declarations)


def test_an_edit_is_seen_at_once_though_size_and_times_are_restored(
    shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else Python itself takes the old bytecode for current
    kept = Kept(shelf, TASK.format("before"))
    times = os.stat(kept.file)
    assert names(kept.catalogue()) == {"before"}
    kept.file.write_text(kept.file.read_text().replace("'before'", "'after_'"))
    os.utime(kept.file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert names(kept.catalogue()) == {"after_"}


def test_a_module_that_replaces_another_with_its_times_is_seen(shelf: Any) -> None:
    kept = Kept(shelf, TASK.format("before"))
    assert names(kept.catalogue()) == {"before"}
    copy = kept.file.with_name("copy")
    copy.write_text(kept.file.read_text().replace("'before'", "'after_'"))
    times = os.stat(kept.file)
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    copy.replace(kept.file)
    assert names(kept.catalogue()) == {"after_"}


def test_what_the_import_depended_on_is_watched(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = shelf.module("NAME = 'helper1'")
    data = shelf.root.parent / "data.json"
    data.write_text('"data1"')
    folder = shelf.root.parent / "folder"
    folder.mkdir()
    monkeypatch.setenv("SHELF_NAME", "variable1")
    monkeypatch.delenv("SHELF_OTHER", raising=False)
    kept = Kept(
        shelf,
        f"import importlib.util, json, os\nfrom {helper} import NAME\n"
        f"names = [NAME, json.load(open({str(data)!r})), os.environ['SHELF_NAME'], *os.listdir({str(folder)!r})]\n"
        "names += ['other'] if 'SHELF_OTHER' in os.environ else []\n"
        "names += ['optional'] if importlib.util.find_spec('shelf_optional') else []\n"
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec(name, 'json:loads') for name in names]\n",
    )
    expected = {"helper1", "data1", "variable1"}

    def now(*changes: str) -> None:
        seen = kept.imports
        assert names(kept.catalogue()) == expected, changes
        assert names(kept.catalogue()) == expected
        assert kept.imports == seen + 1, changes

    now("nothing")
    (shelf.root / f"{helper}.py").write_text("NAME = 'helper2'")
    expected = expected - {"helper1"} | {"helper2"}
    now("a module beside it")
    data.write_text('"data2"')
    expected = expected - {"data1"} | {"data2"}
    now("a file that it reads")
    (folder / "listed").touch()
    expected |= {"listed"}
    now("a directory that it lists")
    monkeypatch.setenv("SHELF_NAME", "variable2")
    expected = expected - {"variable1"} | {"variable2"}
    now("a variable")
    monkeypatch.setenv("SHELF_OTHER", "1")
    expected |= {"other"}
    now("a variable that was not there")
    (shelf.root / "shelf_optional.py").touch()
    expected |= {"optional"}
    now("a module that was not there")
    (shelf.root / "shelf_optional.py").unlink()
    expected -= {"optional"}
    now("a module that is gone")


def test_another_version_is_looked_at_again(shelf: Any) -> None:
    kept = Kept(shelf, TASK.format("a"))
    kept.catalogue()
    (folder,) = shelf.root.glob("*.dist-info")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: dovetail-kept\nVersion: 2.0\n")
    (manifest,) = kept.catalogue().manifests
    assert (manifest.version, kept.imports) == ("2.0", 2)


def test_a_secret_that_a_plugin_asks_the_environment_for_is_not_kept(
    shelf: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHELF_PASSWORD", "correct-horse-battery")
    kept = Kept(shelf, "import os\nos.environ['SHELF_PASSWORD']\n")
    kept.catalogue()
    (file,) = (tmp_path / "cache").rglob("*.json")
    assert "SHELF_PASSWORD" in file.read_text() and "correct-horse" not in file.read_text()


def test_a_missing_module_is_looked_for_each_time(shelf: Any) -> None:
    kept = Kept(shelf, "import shelf_not_there_yet\n" + TASK.format("a"))
    assert "shelf_not_there_yet" in reasons(kept.catalogue())["kept"]
    (shelf.root / "shelf_not_there_yet.py").touch()
    assert names(kept.catalogue()) == {"a"}


def test_a_failure_that_came_quickly_is_not_kept(shelf: Any) -> None:
    state = shelf.root.parent / "healed"
    kept = Kept(
        shelf, f"from pathlib import Path\nif not Path({str(state)!r}).exists(): raise OSError\n" + TASK.format("a")
    )
    assert "OSError" in reasons(kept.catalogue())["kept"]
    state.touch()
    assert names(kept.catalogue()) == {"a"}


@pytest.mark.parametrize("way", ["hangs", "crashes"])
def test_a_plugin_that_hangs_or_crashes_slows_the_first_run_alone(shelf: Any, way: str) -> None:
    kept = Kept(shelf, WRONG[way][0])
    first = reasons(kept.catalogue(plugin_import_seconds=0.5))
    second = kept.catalogue(plugin_import_seconds=0.5)
    assert reasons(second) == first
    assert kept.imports == 1
    (skipped,) = (item for item in second.skipped if not item.by_policy)
    assert skipped.fix.endswith("dovetail plugins check kept looks again")
    if way == "hangs":
        kept.catalogue(plugin_import_seconds=0.6)  # it gets more time
        assert kept.imports == 2
    kept.file.write_text(kept.file.read_text().replace(WRONG[way][0], TASK.format("mended")))
    assert names(kept.catalogue()) == {"mended"}


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"key": 1}', "\x00"])
def test_a_damaged_cache_is_no_cache(shelf: Any, tmp_path: Path, damage: str) -> None:
    kept = Kept(shelf, TASK.format("a"))
    kept.catalogue()
    (file,) = (tmp_path / "cache").rglob("*.json")
    file.write_text(damage)
    assert names(kept.catalogue()) == {"a"}
    assert kept.imports == 2


@pytest.mark.parametrize("answer", [{"manifest": 7}, {"error": {}}, {"manifest": {"declarations": [{}]}}, {}, [], 7])
def test_an_answer_that_was_tampered_with_is_no_answer(shelf: Any, tmp_path: Path, answer: Any) -> None:
    kept = Kept(shelf, TASK.format("a"))
    kept.catalogue()
    (file,) = (tmp_path / "cache").rglob("*.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"answer": answer}))
    assert names(kept.catalogue()) == {"a"}
    assert kept.imports == 2


def test_a_cache_that_cannot_be_written_is_no_error(shelf: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = Kept(shelf, TASK.format("a"))
    for _ in range(2):
        assert names(kept.catalogue(cache_dir=tmp_path / "file" / "below")) == {"a"}
    assert kept.imports == 2


def test_the_cache_lies_where_the_setting_says(shelf: Any, tmp_path: Path) -> None:
    kept = Kept(shelf, TASK.format("a"))
    kept.catalogue(cache_dir=tmp_path / "mine")
    assert len(list((tmp_path / "mine").rglob("*.json"))) == 1
    assert not (tmp_path / "cache").exists()


def test_what_is_refused_or_foreign_is_not_looked_at(shelf: Any) -> None:
    kept = Kept(shelf)
    away = Manifest("away", "dovetail-away", "1", "dovetail_away")
    build_catalogue(shelf.settings(deny=("dovetail-kept",)), manifests=[away], builtins=())
    build_catalogue(shelf.settings(disable_plugins=True), builtins=())
    assert kept.imports == 0


def test_the_error_of_a_plugin_keeps_its_class_its_message_and_its_traceback(shelf: Any) -> None:
    shelf.plugin("own", "class Odd(Exception): pass\ndef deep(): raise Odd('own kind')\ndeep()")
    with pytest.raises(PluginLoadError) as caught:
        shelf.catalogue(strict=True)
    assert str(caught.value.__cause__) == "Odd: own kind"
    (note,) = caught.value.__cause__.__notes__  # type: ignore[union-attr]
    assert "def deep(): raise Odd('own kind')" in note
    import pickle

    copied = pickle.loads(pickle.dumps(caught.value.__cause__))
    assert str(copied) == "Odd: own kind"
    assert isinstance(caught.value, PluginError)


def test_signals_of_the_parent_are_left_alone(shelf: Any) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
    shelf.task_type("one", "one")
    shelf.catalogue()
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)] == before
