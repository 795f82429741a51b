"""Values of plugins, containers that load late, many threads, and many chunks."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.env._frames import to_json
from dovetail.env.bridge import Bridge, WorkerSide
from dovetail.types import TypeEngine


@pytest.fixture
def cross(bridge: Bridge, side: WorkerSide, types: TypeEngine) -> Callable[..., Any]:
    """To the other side and back, within one process."""

    def there_and_back(value: Any, kind: Any = None, back: Any = Any) -> Any:
        wire = json.loads(to_json(bridge.send(value, kind, types), "wire"))
        got = side.receive(wire, Any if kind is None else kind, types)
        answer = json.loads(to_json(side.send(got, kind, types), "wire"))
        result = bridge.receive(answer, back, types)
        bridge.release(wire)
        return result

    return there_and_back


def test_arrays_of_numpy(cross: Callable[..., Any]) -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("dovetail_numpy")
    for array in (np.arange(10_000).reshape(100, 100), np.array(["a", "b"]), np.float32([1.5])):
        back = cross(array)
        assert back.dtype == array.dtype and np.array_equal(back, array)


@pytest.mark.slow
def test_models_of_scikit_learn(cross: Callable[..., Any]) -> None:
    pytest.importorskip("dovetail_sklearn")
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    back = cross(model)
    assert type(back) is type(model) and back.predict([[2.0]]) == pytest.approx([5.0])


def test_datasets_of_xarray_are_directories(cross: Callable[..., Any]) -> None:
    pytest.importorskip("dovetail_xarray")
    xarray = pytest.importorskip("xarray")
    dataset = xarray.Dataset({"t": (("x", "y"), [[1.0, 2.0], [3.0, 4.0]])}, coords={"x": [10, 20]})
    assert cross(dataset).identical(dataset)


def test_relations_of_duckdb_never_are_in_memory_as_a_whole(
    bridge: Bridge, side: WorkerSide, types: TypeEngine
) -> None:
    pytest.importorskip("dovetail_duckdb")
    duckdb = pytest.importorskip("duckdb")
    plan = duckdb.sql("select range as x, 'text' as s from range(1000000)")
    wire = bridge.send(plan, None, types)
    assert wire["tables"][0]["blocks"][0][0] == "d"  # written as the rows came
    table = side.receive(wire, pa.Table, types)
    assert table.num_rows == 1_000_000 and table["x"][999_999].as_py() == 999_999


def test_datasets_of_hugging_face(cross: Callable[..., Any]) -> None:
    pytest.importorskip("dovetail_datasets")
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"x": [1, 2, 3], "s": ["a", "b", None]})
    assert cross(dataset).to_dict() == dataset.to_dict()


def test_record_batches_and_arrow_datasets(cross: Callable[..., Any], tmp_path: Path) -> None:
    ds = pytest.importorskip("pyarrow.dataset")
    table = pa.table({"x": range(5000)})
    assert cross(table.to_batches()[0]).equals(table.to_batches()[0])
    assert cross(ds.dataset(table)).to_table().equals(table)


def test_elements_of_a_mapping_are_loaded_when_they_are_asked_for(
    bridge: Bridge, side: WorkerSide, types: TypeEngine
) -> None:
    tables = {name: pa.table({"x": [number] * 50_000}) for number, name in enumerate("abc")}
    wire = side.send(tables, dict[str, pa.Table], types)
    found = bridge.receive(wire, Mapping[str, pa.Table], types)
    side._settle()
    for _ in range(3):  # what it waits for is not written meanwhile
        side.send(pa.table({"x": [9] * 50_000}), pa.Table, types)
    assert list(found) == ["a", "b", "c"]
    assert found["b"]["x"][49_999].as_py() == 1 and found["c"].num_rows == 50_000


def test_a_file_that_is_sent_to_two_workers(bridge: Bridge, types: TypeEngine, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    wire = bridge.send(dt.File(path), dt.File, types)
    for _ in range(2):
        side = WorkerSide(bridge.place)
        assert side.receive(wire, dt.File, types).read_text() == "text"
        side.close()


def test_many_small_chunks_are_joined(bridge: Bridge, side: WorkerSide, types: TypeEngine) -> None:
    table = pa.Table.from_batches([pa.record_batch({"x": [n] * 10, "s": [str(n)] * 10}) for n in range(3000)])
    wire = bridge.send(table, pa.Table, types)
    back = side.receive(wire, pa.Table, types)
    assert back["x"].num_chunks == 1 and back.equals(table)


def test_many_chunks_of_a_segment_are_referred_to(bridge: Bridge, side: WorkerSide, types: TypeEngine) -> None:
    table = pa.table({"x": range(2_000_000), "y": [0.5] * 2_000_000})
    back = side.receive(bridge.send(table, pa.Table, types), pa.Table, types)
    cut = pa.concat_tables([back.slice(start, 1000) for start in range(0, 2_000_000, 2000)])
    wire = side.send(cut, pa.Table, types)
    assert side.stats["written"] == 0
    assert bridge.receive(wire, pa.Table, types).equals(cut)


def test_threads_may_send_and_receive_at_once(bridge: Bridge, types: TypeEngine) -> None:
    wrong: list[Any] = []

    def work(number: int) -> None:
        side = WorkerSide(bridge.place)
        for turn in range(15):
            value = number * 1000 + turn
            wire = bridge.send(pa.table({"x": [value] * 20_000}), pa.Table, types)
            got = side.receive(wire, pa.Table, types)
            answer = side.send(got.append_column("y", pa.array([value] * 20_000)), pa.Table, types)
            back = bridge.receive(answer, pa.Table, types)
            bridge.release(wire)
            if set(back["x"].to_pylist()) | set(back["y"].to_pylist()) != {value}:
                wrong.append((value, back))
        side.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and bridge.stats["sent"] == 0


def test_a_hub_that_ends_without_closing_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
import json, pyarrow as pa
from pathlib import Path
from dovetail.env.bridge import Bridge
from dovetail.types import current_types
bridge = Bridge(Path({str(tmp_path)!r}))
wire = bridge.send(pa.table({{"x": range(50000)}}), pa.Table, current_types())
kept = bridge.receive(wire, pa.Table, current_types())
print(json.dumps(bridge.place["roots"]))
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    for root in json.loads(done.stdout).values():
        assert not Path(root).exists() and not Path(f"{root}.lock").exists()


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, None])
def test_a_column_of_more_than_2_gb_takes_no_memory_of_either_side(
    tmp_path: Path, start: Any, types: TypeEngine, room: int | None
) -> None:
    with Bridge(tmp_path, room=room) as bridge:
        sender, reader = start(bridge.place), start(bridge.place)
        code = """
import numpy as np, pyarrow as pa, resource
table = pa.table({"x": np.zeros(2_300_000_000, "int8")})
before = pa.total_allocated_bytes()
answer["wire"] = child.side.send(table, pa.Table, child.types)
answer["allocated"] = pa.total_allocated_bytes() - before
answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
"""
        made = sender.tell("raw", code=code)
        assert made["allocated"] < 10 << 20
        if room == 0:
            assert made["peak"] < 3_200_000_000  # the zeros themselves, which were looked at, and nothing else
        table = bridge.receive(made["wire"], None, types)
        wire = bridge.send(table, None, types)
        look = "t = child.receive(order); answer['rows'] = t.num_rows; answer['last'] = t['x'][-1].as_py()"
        assert reader.tell("raw", code=look, wire=wire, kind="table") == {"rows": 2_300_000_000, "last": 0}
        assert reader.tell("stats")["rss"] < 500_000_000
        del table
        bridge.release(wire)
