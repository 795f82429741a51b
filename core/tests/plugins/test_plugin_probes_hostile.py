"""Plugins that do their worst in the process that looks at them, and answers that were tampered with."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from dovetail.plugins import Catalogue
from dovetail.plugins._probe import understood
from dovetail.plugins._records import Identity
from hypothesis import given
from hypothesis import strategies as st

TASK = "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec({!r}, 'json:loads')]\n"
TO_ALL = """import os
for descriptor in range(3, 64):
    try: os.write(descriptor, {!r})
    except OSError: pass
"""
FIND_PIPE = """import os, stat
PIPE = next(n for n in range(3, 64) if os.path.exists(f"/dev/fd/{n}") and stat.S_ISFIFO(os.fstat(n).st_mode))
"""
WHO = Identity("one", "dovetail-one", "1.0", "one_plugin")


def reasons(catalogue: Catalogue) -> dict[str, str]:
    return {each.name: each.reason for each in catalogue.skipped if not each.by_policy}


# -- answers -----------------------------------------------------------------------------------------

FORGED = {
    "no object": b"5\n",
    "a list": b"[1]\n",
    "a manifest that is a number": b'{"manifest": 5}\n',
    "a manifest of nothing": b'{"manifest": {}, "listens": true}\n',
    "declarations that are a number": b'{"manifest": {"api": 1, "declarations": 7}, "listens": true}\n',
    "an error that is a number": b'{"error": 5}\n',
    "an error of a class that is a list": b'{"error": {"class": [], "what": 5}}\n',
    "no JSON": b"garbage\n",
    "deeply nested": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("line", FORGED.values(), ids=list(FORGED))
def test_a_forged_answer_costs_its_plugin_alone(line: bytes, shelf: Any) -> None:
    shelf.plugin("forger", TO_ALL.format(line) + "os._exit(0)\n")
    shelf.task_type("other", "other")
    catalogue = shelf.catalogue()
    assert set(reasons(catalogue)) == {"forger"}
    assert set(catalogue.task_types()) == {"other"}


def test_an_answer_without_end_is_cut(shelf: Any) -> None:
    shelf.plugin("flood", TO_ALL.format(b"x") + "while True: os.write(PIPE, b'x' * 65536)\n", header=FIND_PIPE)
    assert set(reasons(shelf.catalogue(plugin_import_seconds=60.0))) == {"flood"}


def test_who_answers_is_not_for_the_answer_to_say() -> None:
    declared = {"kind": "TaskTypeSpec", "name": "python", "code": "json:loads"}
    claimed = {"name": "engine", "distribution": "dovetail", "version": "9", "module": "dovetail.engine", "api": 1}
    probed = understood({"manifest": {**claimed, "declarations": [declared]}, "listens": False}, WHO, 1.0)
    assert probed.manifest is not None
    assert Identity.of(probed.manifest) == WHO


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("manifest", "listens", "error", "seconds", "seen", "own", "hangs", "died", "unstarted")


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_answer_is_understood_or_refused(answer: dict[str, Any]) -> None:
    probed = understood(answer, WHO, 1.0)
    assert (probed.manifest is None) != (probed.error is None)


# -- time and processes ------------------------------------------------------------------------------


def test_one_that_takes_long_does_not_hold_up_the_next(shelf: Any, tmp_path: Path) -> None:
    mark = tmp_path / "second"
    wait = f"import os, time\nwhile not os.path.exists({str(mark)!r}): time.sleep(0.01)\n"
    shelf.plugin("first", wait + TASK.format("first"))
    shelf.plugin("second", f"open({str(mark)!r}, 'w').close()\n" + TASK.format("second"))
    catalogue = shelf.catalogue(plugin_import_seconds=30.0)
    assert set(catalogue.task_types()) == {"first", "second"}, reasons(catalogue)


def test_one_that_kills_who_looks_is_told_from_those_that_are_looked_at_beside_it(shelf: Any, tmp_path: Path) -> None:
    mark = tmp_path / "second"
    wait = f"import os, time\nwhile not os.path.exists({str(mark)!r}): time.sleep(0.01)\n"
    shelf.plugin("first", wait + TASK.format("first"))
    kill = f"import os, signal, time\nopen({str(mark)!r}, 'w').close()\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)"
    shelf.plugin("second", kill)
    shelf.task_type("third", "third")
    catalogue = shelf.catalogue(plugin_import_seconds=30.0)
    assert set(catalogue.task_types()) == {"first", "third"}
    assert "SIGKILL" in reasons(catalogue)["second"]


def test_a_hub_with_many_open_files_can_look(shelf: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("no so many files may be opened here")
    shelf.task_type("one", "one")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert set(shelf.catalogue().task_types()) == {"one"}
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_hub_that_does_not_care_for_its_children_can_look(shelf: Any) -> None:
    shelf.task_type("one", "one")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # which a process that it starts inherits
    try:
        catalogue = shelf.catalogue()
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert set(catalogue.task_types()) == {"one"}, reasons(catalogue)


HUB = """
import sys
from pathlib import Path
from dovetail.config import Settings
from dovetail.plugins import build_catalogue
try:
    build_catalogue(Settings(Path.cwd(), allow=("dovetail-hangs",), plugin_import_seconds=60.0), builtins=())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_hub_that_is_stopped_leaves_no_process(number: signal.Signals, shelf: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    os.mkfifo(mark)
    # Whoever holds the pipe open lives.
    hold = f"import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nheld = os.open({str(mark)!r}, os.O_WRONLY)\n"
    shelf.plugin("hangs", hold + "os.fork()\nos.write(held, b'.')\nwhile True: time.sleep(60)")
    environment = {**os.environ, "PYTHONPATH": str(shelf.root)}
    hub = subprocess.Popen([sys.executable, "-c", HUB], cwd=tmp_path, env=environment, start_new_session=True)
    with mark.open("rb", buffering=0) as alive:
        assert alive.read(1) == b"."
        hub.send_signal(number)
        assert hub.wait(30) == (130 if number == signal.SIGINT else -number)
        ended = threading.Event()
        threading.Thread(target=lambda: (alive.readall(), ended.set()), daemon=True).start()
        assert ended.wait(30), "the plugin's process goes on"


def test_answers_are_json_lines_whatever_was_printed(shelf: Any) -> None:
    shelf.plugin("loud", "import os\nprint('LOUD')\nos.write(1, b'LOUD')\nos.write(2, b'LOUD')\n" + TASK.format("loud"))
    (manifest,) = shelf.catalogue().manifests
    assert json.loads(json.dumps(manifest.to_dict()))["declarations"][0]["name"] == "loud"


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="only Linux chooses by a score")
def test_where_memory_runs_out_the_plugin_goes_first(shelf: Any) -> None:
    shelf.plugin("eater", "NAME = open('/proc/self/oom_score_adj').read().strip()\n" + TASK.replace("{!r}", "NAME"))
    assert set(shelf.catalogue().task_types()) == {"1000"}
