"""A bridge with a real second process on its other side."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dovetail.env.bridge import Bridge, WorkerSide
from dovetail.types import TypeEngine, current_types

_CHILD = Path(__file__).with_name("child.py")


class Other:
    """A process that holds the other side."""

    def __init__(
        self, place: dict[str, Any], python: str = sys.executable, environ: dict[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [python, str(_CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
        )
        self.open(place)

    def open(self, place: dict[str, Any]) -> None:
        """Let it open its side of another bridge, and forget what it had."""
        self.pid = self.tell("open", place=place)["pid"]

    def tell(self, do: str, **order: Any) -> dict[str, Any]:
        """Its answer to an order."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"it ended: {self.process.wait()}"
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer or order.get("fails"), answer
        return answer

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def end(self) -> None:
        """Close its pipe and wait."""
        if self.process.poll() is None:
            self.process.communicate()


@pytest.fixture(scope="session")
def child() -> Any:
    """The module that the other process runs."""
    spec = importlib.util.spec_from_file_location("bridge_child", _CHILD)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bridge_child"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def types() -> TypeEngine:
    return current_types()


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    with Bridge(tmp_path) as bridge:
        yield bridge


@pytest.fixture
def side(bridge: Bridge) -> Iterator[WorkerSide]:
    """The other side in this process, for what a second one would not show."""
    side = WorkerSide(bridge.place)
    yield side
    side.close()


@pytest.fixture(scope="session")
def running() -> Iterator[list[Other]]:
    """A process for test after test, since each takes a while to start."""
    started: list[Other] = []
    yield started
    for other in started:
        other.end()


@pytest.fixture
def other(bridge: Bridge, running: list[Other]) -> Iterator[Other]:
    if running and running[-1].process.poll() is None:
        running[-1].open(bridge.place)
    else:
        running.append(Other(bridge.place))
    yield running[-1]
    if running[-1].process.poll() is None:
        running[-1].tell("close")


@pytest.fixture
def start() -> Iterator[Callable[..., Other]]:
    """Starts further processes."""
    started: list[Other] = []

    def make(place: dict[str, Any], **options: Any) -> Other:
        started.append(Other(place, **options))
        return started[-1]

    yield make
    for each in started:
        each.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bridge, Other]]:
    """One bridge and process for many values."""
    with Bridge(tmp_path_factory.mktemp("bridge")) as bridge:
        other = Other(bridge.place)
        yield bridge, other
        other.end()


@pytest.fixture
def there_and_back(shared: tuple[Bridge, Other], types: TypeEngine, child: Any) -> Callable[..., Any]:
    """Sends a value to the other process, which sends it back."""
    kinds = child.kinds()
    bridge, other = shared

    def cross(value: Any, kind: str, back: str | None = None) -> Any:
        if kind not in kinds or (back or kind) not in kinds:
            kinds.update(child.frames())
        wire = bridge.send(value, kinds[kind], types)
        answer = other.tell("echo", wire=wire, kind=kind, **({"as": back} if back else {}))
        result = bridge.receive(answer["wire"], kinds[back or kind], types)
        bridge.release(wire)
        return result

    return cross
