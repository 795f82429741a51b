"""Whoever dies, and whenever: a sweep leaves nothing of theirs behind, and touches nobody who lives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dovetail.env.bridge import Bridge, sweep
from dovetail.errors import PlatformError
from dovetail.types import TypeEngine

ROWS = 100_000


def lie(place: dict[str, Any]) -> bool:
    """Whether anything of a bridge is left."""
    roots = [Path(path) for path in place["roots"].values()]
    return any(root.exists() or root.with_name(f"{root.name}.lock").exists() for root in roots)


def test_kill_9_at_any_call_leaves_nothing_after_a_sweep(tmp_path: Path) -> None:
    script = Path(__file__).with_name("crasher.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "runs"), "83"], stdout=subprocess.PIPE, text=True, check=True
    )
    attempts = [json.loads(line) for line in done.stdout.splitlines()]
    for who in ("hub", "worker", "both"):
        mine = [each for each in attempts if each["who"] == who]
        assert [each["killed"] for each in mine] == [True] * (len(mine) - 1) + [False]  # the last got through
        assert len(mine) > 10
    assert [each for each in attempts if each["after"]] == []
    assert any(each["before"] for each in attempts)


def test_a_hub_that_lives_is_not_touched(bridge: Bridge, other: Any, types: TypeEngine, tmp_path: Path) -> None:
    wire = bridge.send(pa.table({"x": range(ROWS)}), pa.Table, types)
    assert sweep([tmp_path]).bridges == 0
    with Bridge(tmp_path):  # which sweeps as well
        pass
    back = bridge.receive(other.tell("echo", wire=wire, kind="table")["wire"], pa.Table, types)
    assert pc.sum(back["x"]).as_py() == ROWS * (ROWS - 1) // 2


def test_a_worker_that_outlives_its_hub_keeps_what_it_reads(tmp_path: Path, start: Any, child: Any) -> None:
    code = f"""
import sys, json, os
import pyarrow as pa
from pathlib import Path
from dovetail.env.bridge import Bridge
from dovetail.types import current_types
bridge = Bridge(Path({os.fspath(tmp_path)!r}))
print(json.dumps([bridge.place, bridge.send(pa.table({{"x": range({ROWS})}}), pa.Table, current_types())]), flush=True)
sys.stdin.read()
"""
    hub = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert hub.stdout is not None and hub.stdin is not None
    place, wire = json.loads(hub.stdout.readline())
    worker = start(place)
    hub.kill()
    hub.wait()
    hub.stdout.close(), hub.stdin.close()
    assert sweep([tmp_path]).bridges == 0
    worker.tell("keep", wire=wire, kind="table", name="x")
    total = "import pyarrow.compute as pc; answer['total'] = pc.sum(child.kept['x']['x']).as_py()"
    assert worker.tell("raw", code=total)["total"] == ROWS * (ROWS - 1) // 2
    worker.kill()
    swept = sweep([tmp_path])
    assert swept.bridges == len(place["roots"]) and swept.bytes >= 8 * ROWS
    assert not lie(place)


def test_the_next_hub_sweeps_what_the_last_one_left(tmp_path: Path) -> None:
    code = f"""
import json, os
from pathlib import Path
from dovetail.env.bridge import Bridge
bridge = Bridge(Path({os.fspath(tmp_path)!r}))
print(json.dumps(bridge.place), flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    place = json.loads(done.stdout)
    assert done.returncode == -9 and lie(place)
    with Bridge(tmp_path):
        assert not lie(place)


def test_what_a_dead_worker_left_goes_when_nobody_reads_it(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    table = bridge.receive(other.tell("make", rows=ROWS)["wire"], pa.Table, types)
    lost = other.tell("make", rows=ROWS)["wire"]
    other.kill()
    bridge.clean()
    homes = [path for root in bridge.place["roots"].values() for path in Path(root).glob("w*")]
    assert len([path for path in homes if path.is_dir() and any(path.iterdir())]) == 1
    assert pc.sum(table["x"]).as_py() == ROWS * (ROWS - 1) // 2
    with pytest.raises(PlatformError, match="gone"):
        bridge.receive(lost, pa.Table, types)
    del table
    bridge.clean()
    assert [path for root in bridge.place["roots"].values() for path in Path(root).glob("w*")] == []


def test_what_is_received_before_the_worker_dies_stays(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    wire = bridge.send(pa.table({"x": range(ROWS)}), pa.Table, types)
    back = bridge.receive(other.tell("add", wire=wire, kind="table")["wire"], pa.Table, types)
    other.kill()
    bridge.clean()
    bridge.release(wire)
    for _ in range(3):
        bridge.release(bridge.send(pa.table({"x": [0] * ROWS}), pa.Table, types))
    assert back["x"][ROWS - 1].as_py() == back["new"][ROWS - 1].as_py() == ROWS - 1


def test_a_worker_that_opens_too_late_is_told(tmp_path: Path, start: Any) -> None:
    bridge = Bridge(tmp_path)
    place = bridge.place
    bridge.close()
    bridge.close()
    with pytest.raises(AssertionError, match="its hub has ended"):
        start(place)
