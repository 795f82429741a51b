"""Rows that are made while they are read: bounded in memory and segments, and ended by whoever ends."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dovetail.env.bridge import Bridge
from dovetail.errors import DovetailError, PlatformError, TaskFailed, WorkerDied
from dovetail.types import TypeEngine

ROWS = 1 << 20
"""Of one batch of 8 MB: four of them are a piece."""

STREAM = """
import pyarrow as pa
child.made = 0
def batches():
    for number in range(order["batches"]):
        child.made += 1
        yield pa.record_batch({"x": pa.array([number] * order["rows"], pa.int64())})
        if number == order.get("fails_at"):
            raise ValueError("no more")
        if number == order.get("dies_at"):
            import os
            os.kill(os.getpid(), 9)
reader = pa.RecordBatchReader.from_batches(pa.schema([("x", pa.int64())]), batches())
answer["wire"] = child.side.send(reader, child.kind("reader"), child.types)
"""


def batches(count: int, rows: int = ROWS, made: list[int] | None = None) -> pa.RecordBatchReader:
    def make() -> Iterator[pa.RecordBatch]:
        for number in range(count):
            if made is not None:
                made.append(number)
            yield pa.record_batch({"x": pa.array([number] * rows, pa.int64())})

    return pa.RecordBatchReader.from_batches(pa.schema([("x", pa.int64())]), make())


@pytest.fixture
def stream(other: Any) -> Callable[..., Any]:
    return lambda **options: other.tell("raw", code=STREAM, **options)["wire"]


def test_a_workers_stream_is_read_to_its_end(bridge: Bridge, stream: Any, types: TypeEngine) -> None:
    reader = bridge.receive(stream(batches=5, rows=10), pa.RecordBatchReader, types)
    assert reader.read_all()["x"].to_pylist() == [n for n in range(5) for _ in range(10)]


def test_an_empty_stream_has_its_columns(bridge: Bridge, stream: Any, types: TypeEngine) -> None:
    reader = bridge.receive(stream(batches=0, rows=1), pa.RecordBatchReader, types)
    assert reader.read_all().schema == pa.schema([("x", pa.int64())])


def test_no_more_is_made_than_a_few_pieces_ahead(bridge: Bridge, other: Any, stream: Any, types: TypeEngine) -> None:
    reader = bridge.receive(stream(batches=100, rows=ROWS), pa.RecordBatchReader, types)
    seen = 0
    for number, batch in enumerate(reader):
        assert batch.column(0)[0].as_py() == number
        seen += batch.num_rows
        del batch
        if number % 20 == 0:
            found = other.tell("raw", code="answer['made'] = child.made; answer['bytes'] = child.side.stats['bytes']")
            assert found["made"] <= number + 1 + 4 * 4  # the piece that is read, two ahead, one being made
            assert found["bytes"] <= 5 * (33 << 20)
    assert seen == 100 * ROWS


def test_a_hubs_reader_is_streamed_to_a_worker(bridge: Bridge, other: Any, types: TypeEngine) -> None:
    wire = bridge.send(batches(12), pa.RecordBatchReader, types)
    code = """
import pyarrow.compute as pc
reader = child.receive(order)
answer["total"] = sum(pc.sum(batch.column(0)).as_py() for batch in reader)
"""
    assert other.tell("raw", code=code, wire=wire, kind="reader")["total"] == sum(range(12)) * ROWS
    bridge.release(wire)
    assert bridge.stats["sent"] == 0


def test_a_stream_becomes_the_frame_that_is_wanted(bridge: Bridge, stream: Any, types: TypeEngine) -> None:
    table = bridge.receive(stream(batches=3, rows=2), pa.Table, types)
    assert table["x"].to_pylist() == [0, 0, 1, 1, 2, 2]


def test_what_fails_while_rows_are_made_is_told(bridge: Bridge, stream: Any, types: TypeEngine) -> None:
    reader = bridge.receive(stream(batches=9, rows=ROWS, fails_at=5), pa.RecordBatchReader, types)
    with pytest.raises(TaskFailed, match="ValueError: no more"):
        reader.read_all()


def test_a_sender_that_dies_is_not_taken_for_the_end(
    bridge: Bridge, stream: Any, other: Any, types: TypeEngine
) -> None:
    reader = bridge.receive(stream(batches=50, rows=ROWS, dies_at=6), pa.RecordBatchReader, types)
    with pytest.raises(WorkerDied, match="in the middle"):
        reader.read_all()
    other.kill()


def test_a_reader_that_goes_away_ends_the_stream(bridge: Bridge, stream: Any, other: Any, types: TypeEngine) -> None:
    reader = bridge.receive(stream(batches=1000, rows=ROWS), pa.RecordBatchReader, types)
    reader.read_next_batch()
    del reader
    gc.collect()
    join = """
import threading
for each in threading.enumerate():
    if each.name == "dovetail-stream":
        each.join()
answer["made"] = child.made
"""
    assert other.tell("raw", code=join)["made"] < 40


def test_a_stream_that_nobody_receives_is_released(bridge: Bridge, stream: Any, other: Any, types: TypeEngine) -> None:
    wire = stream(batches=3, rows=1)
    bridge.release(wire)
    assert other.tell("stats")["sent"] == 0
    with pytest.raises(PlatformError, match="gone"):
        bridge.receive(wire, pa.RecordBatchReader, types)


def test_a_stream_is_read_once(bridge: Bridge, stream: Any, types: TypeEngine) -> None:
    wire = stream(batches=3, rows=1)
    assert bridge.receive(wire, pa.Table, types).num_rows == 3
    with pytest.raises(DovetailError):
        bridge.receive(wire, pa.Table, types)


def test_sockets_work_in_directories_with_long_names(tmp_path: Path, start: Any, types: TypeEngine) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with Bridge(deep, room=0) as bridge:
        wire = bridge.send(batches(2, 5), pa.RecordBatchReader, types)
        other = start(bridge.place)
        answer = other.tell("echo", wire=wire, kind="table")
        assert bridge.receive(answer["wire"], pa.Table, types).num_rows == 10
