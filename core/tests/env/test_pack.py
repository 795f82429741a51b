"""Code on its way to a worker."""

from __future__ import annotations

import functools
import importlib.util
import sys
import threading

import cloudpickle
import pytest
from dovetail.env import WorkerPool, _frames, pack
from dovetail.env._payload import unpack
from dovetail.errors import DefinitionError, PlatformError, TaskFailed

PIPELINE = """
from dataclasses import dataclass
from enum import Enum
import helper_beside

class Colour(Enum):
    RED = 1

@dataclass
class Row:
    x: int
    colour: Colour = Colour.RED

def work(request):
    row = Row(request["x"])
    return {"x": helper_beside.twice(row.x), "colour": row.colour.name, "module": __name__}

def fail(request):
    raise RuntimeError(work.__name__)
"""


@pytest.fixture(params=["registered", "unregistered"])
def pipeline(request, tmp_path, monkeypatch):
    """A pipeline file loaded from its path under a made-up name, as the hub does."""
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    (tmp_path / "helper_beside.py").write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = importlib.util.spec_from_file_location("_dovetail_file_pipeline", tmp_path / "pipeline.py")
    module = importlib.util.module_from_spec(spec)
    if request.param == "registered":
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    else:
        monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up while it is built
        spec.loader.exec_module(module)
        monkeypatch.delitem(sys.modules, spec.name)
    yield module
    sys.modules.pop("helper_beside", None)


def test_a_file_loaded_under_a_made_up_name_travels_by_value(pool, pipeline):
    payload = pack(pipeline.work, by_value=[pipeline.__name__])
    assert pool.call(payload, {"x": 21}) == {"x": 42, "colour": "RED", "module": pipeline.__name__}


def test_its_tracebacks_show_its_own_lines(pool, pipeline):
    with pytest.raises(TaskFailed) as caught:
        pool.call(pack(pipeline.fail, by_value=[pipeline.__name__]), {})
    text = caught.value.details["traceback"]
    assert f'File "{pipeline.__file__}", line 19, in fail' in text
    assert "raise RuntimeError(work.__name__)" in text


def test_by_value_is_forgotten_afterwards(pipeline):
    before = cloudpickle.list_registry_pickle_by_value()
    pack(pipeline.work, by_value=[pipeline.__name__, "no_such_module"])
    assert cloudpickle.list_registry_pickle_by_value() == before


def test_closures_and_partials(pool):
    factor = 3
    times = lambda request, extra: {"is": request["x"] * factor + extra}  # noqa: E731
    assert pool.call(pack(functools.partial(times, extra=1), by_value=[__name__]), {"x": 5}) == {"is": 16}


def test_what_cannot_be_packed_says_what_to_do():
    lock = threading.Lock()

    def locked(request):
        with lock:
            return {}

    with pytest.raises(DefinitionError, match="cannot be sent") as caught:
        pack(locked, by_value=[__name__])
    assert "lock" in caught.value.why and "inside the function" in caught.value.fix


def test_a_closure_above_the_cap_says_so():
    data = bytes(_frames.MAX_FRAME)
    with pytest.raises(PlatformError, match="too large"):
        pack(lambda request: {"size": len(data)}, by_value=[__name__])


def test_another_python_version_is_named():
    payload = bytearray(pack(len))
    payload[3] = 99
    with pytest.raises(PlatformError) as caught:
        unpack(bytes(payload))
    assert "3.99" in caught.value.why


def test_what_pack_did_not_make_is_not_unpickled():
    with WorkerPool() as pool, pytest.raises(PlatformError, match="not packed by"):
        pool.call(cloudpickle.dumps(len), {})
