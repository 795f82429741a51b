"""Processes that are killed in the middle of handing values over, at every call that the bridge makes, and what is left then.

Usage: crasher.py DIRECTORY STEP. For each victim (the hub, a worker, both at once) and every STEP-th call it forks a hub and a
worker, has them exchange values until the victim is killed, and prints one line of JSON: the call, who was killed, which files
were left before and after a sweep.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import dovetail as dt
import pyarrow as pa
from dovetail.env.bridge import Bridge, WorkerSide, sweep
from dovetail.env.bridge._homes import memory_parents
from dovetail.types import current_types

_ROWS = 5000


def die_at(call: int, victims: list[int]) -> None:
    """Kill processes, this one among them, when the bridge has made so many calls."""
    count = 0

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        if "/env/bridge/" in frame.f_code.co_filename and event in ("call", "return", "c_call"):
            count += 1
            if count == call:
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(profile)
    sys.setprofile(profile)


class Pipe:
    """Lines of JSON both ways."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = os.fdopen(read, "rb"), os.fdopen(write, "wb")

    def say(self, what: Any) -> None:
        self._write.write(json.dumps(what).encode() + b"\n")
        self._write.flush()

    def hear(self) -> Any:
        line = self._read.readline()
        if not line:
            os._exit(3)  # the other has died
        return json.loads(line)


def worker(pipe: Pipe, call: int | None) -> None:
    place = pipe.hear()
    if call is not None:
        die_at(call, [])
    side, types = WorkerSide(place), current_types()
    while True:
        table = side.receive(pipe.hear(), pa.Table, types)
        file = side.receive(pipe.hear(), dt.File, types)
        rows = side.receive(pipe.hear(), pa.RecordBatchReader, types).read_all().num_rows
        assert rows == _ROWS
        pipe.say(side.send(table.append_column("new", table["x"].cast("float64")), pa.Table, types))
        pipe.say(side.send(file, dt.File, types))


def hub(pipe: Pipe, fallback: Path, call: int | None, victims: list[int]) -> None:
    if call is not None:
        die_at(call, victims)
    types = current_types()
    table = pa.table({"x": range(_ROWS)})
    with Bridge(fallback) as bridge:
        pipe.say(bridge.place)
        for number in range(3):
            source = fallback / "source.txt"
            source.write_text("text")
            wires = [bridge.send(table, pa.Table, types), bridge.send(dt.File(source), dt.File, types)]
            wires.append(bridge.send(table.to_reader(), pa.RecordBatchReader, types))
            for wire in wires:
                pipe.say(wire)
            answers = [bridge.receive(pipe.hear(), kind, types) for kind in (pa.Table, dt.File)]
            if number == 2:
                bridge.clean()
            for wire in wires:
                bridge.release(wire)
            del answers
    os._exit(0)


def forked(run: Any, *arguments: Any) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        run(*arguments)
    finally:
        os._exit(1)


def left(fallback: Path) -> list[str]:
    """Directories and locks of the bridges that were begun."""
    found = list((fallback / "bridge").glob("*")) if (fallback / "bridge").exists() else []
    names = {path.name.removesuffix(".lock") for path in found}
    for parent in memory_parents():
        found += [path for name in names for path in parent.glob(f"{name}*")]
    return [os.fspath(path) for path in found]


def attempt(fallback: Path, who: str, call: int) -> dict[str, Any]:
    fallback.mkdir()
    down, up = os.pipe(), os.pipe()

    def as_worker() -> None:
        os.close(down[1]), os.close(up[0])
        worker(Pipe(down[0], up[1]), call if who == "worker" else None)

    there = forked(as_worker)

    def as_hub() -> None:
        os.close(down[0]), os.close(up[1])
        hub(Pipe(up[0], down[1]), fallback, call if who != "worker" else None, [there] if who == "both" else [])

    here = forked(as_hub)
    for end in (*down, *up):
        os.close(end)
    killed = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9 for pid in (here, there)]
    before = left(fallback)
    sweep([fallback])
    after = [path for path in before if os.path.lexists(path)]
    return {"who": who, "call": call, "killed": any(killed), "before": len(before), "after": after}


def warm(base: Path) -> None:
    """Import and look up what every fork would have to."""
    types = current_types()
    with Bridge(base) as bridge:
        side = WorkerSide(bridge.place)
        for value, kind in ((pa.table({"x": range(_ROWS)}), pa.Table), (dt.File(__file__), dt.File)):
            wire = bridge.send(value, kind, types)
            bridge.receive(side.send(side.receive(wire, kind, types), kind, types), kind, types)
        side.close()


def main() -> None:
    base, step = Path(sys.argv[1]), int(sys.argv[2])
    base.mkdir()
    warm(base)
    number = 0
    for who in ("hub", "worker", "both"):
        call, killed = 1 + number % step, True
        while killed:
            number += 1
            found = attempt(base / str(number), who, call)
            killed = found["killed"]
            print(json.dumps(found), flush=True)
            call += step


if __name__ == "__main__":
    main()
