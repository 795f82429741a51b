"""Stored tables and streams that lie, break, or would not fit: refused or bounded, with a message; never a crash."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dovetail.config import Settings
from dovetail.errors import ArtifactCorrupt, DataError, DovetailError, MemoryLimit, PlatformError, ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.types import Collect, TypeEngine, columns
from dovetail.types._arrow_files import reading
from dovetail.types.arrow import read_ipc, read_parquet, write_ipc, write_parquet

MB = 10**6
TABLE = pa.table({"n": list(range(100)), "t": [f"text {i}" for i in range(100)], "l": [[i] for i in range(100)]})


# -- files that lie --------------------------------------------------------------------------------------


def test_a_footer_that_lies_about_where_and_how_much_is_refused_or_harmless(tmp_path: Path) -> None:
    """In a process of its own: what is tested for is a crash."""
    path = tmp_path / "lies.parquet"
    write_parquet(TABLE, path)
    code = f"""
import random
from pathlib import Path
from dovetail.errors import ArtifactCorrupt, DataError, MemoryLimit
from dovetail.types.arrow import read_parquet
good = Path({str(path)!r}).read_bytes()
footer = int.from_bytes(good[-8:-4], "little")
draw = random.Random(20)
seen = set()
for number in range(300):
    data = bytearray(good)
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(good) - footer - 8, len(good) - 4)] = draw.randrange(256)
    bad = Path({str(tmp_path / "bad.parquet")!r})
    bad.write_bytes(data)
    try:
        table = read_parquet(bad)
        table.validate(full=True)
        seen.add("read")
    except (ArtifactCorrupt, DataError, MemoryLimit) as error:
        assert error.fix and error.what
        seen.add(type(error).__name__)
print(sorted(seen))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ArtifactCorrupt" in done.stdout


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path, form: str) -> None:
    write, read = (write_parquet, read_parquet) if form == "parquet" else (write_ipc, read_ipc)
    whole = tmp_path / "whole"
    write(TABLE, whole)
    data = whole.read_bytes()
    for cut in [0, 1, 7, *sorted(random.Random(1).sample(range(len(data)), 40))]:
        short = tmp_path / "short"
        short.write_bytes(data[:cut])
        with pytest.raises(ArtifactCorrupt) as caught:
            read(short)
        assert caught.value.fix


# -- bombs -----------------------------------------------------------------------------------------------


def test_a_parquet_bomb_is_refused_by_what_its_footer_announces(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"n": pa.array([7]).take(pa.array([0] * (4 * MB)))}), bomb, compression="zstd")
    assert bomb.stat().st_size < 100_000
    with pytest.raises(MemoryLimit, match="32 MB") as caught:
        read_parquet(bomb, limit=10 * MB)
    assert caught.value.details == {"size": 32 * MB, "limit": 10 * MB}
    assert read_parquet(bomb, limit=33 * MB).num_rows == 4 * MB


def test_only_the_columns_that_are_read_count(tmp_path: Path) -> None:
    path = tmp_path / "two.parquet"
    pq.write_table(pa.table({"big": pa.array([7] * 2 * MB), "small": pa.nulls(2 * MB, pa.int8())}), path)
    with pytest.raises(MemoryLimit):
        read_parquet(path, limit=10 * MB)
    assert read_parquet(path, ["small"], limit=10 * MB).num_rows == 2 * MB


def test_a_compressed_arrow_file_is_unpacked_up_to_the_limit(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.arrow"
    batch = pa.record_batch({"n": pa.array([0] * MB)})
    with pa.ipc.new_file(str(bomb), batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for _ in range(20):
            writer.write_batch(batch)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(MemoryLimit):
        read_ipc(bomb, limit=30 * MB)
    plain = tmp_path / "plain.arrow"
    write_ipc(pa.table({"n": [0] * MB}), plain)
    assert read_ipc(plain, limit=MB).num_rows == MB  # mapped: it takes no memory of ours


def test_the_setting_and_the_edge_bound_what_is_loaded(bare_settings: Settings, store: Any) -> None:
    types = TypeEngine(build_catalogue(replace(bare_settings, max_collect_bytes=20 * MB)))
    artifact = types.dump(pa.table({"n": pa.nulls(4 * MB, pa.int64()), "m": [1] * (4 * MB)}), pa.Table, store)
    with pytest.raises(MemoryLimit) as caught:
        types.load(artifact, store)
    assert "20 MB" in (caught.value.why or "") and "DOVETAIL_MAX_COLLECT_BYTES" in (caught.value.fix or "")
    assert types.load(artifact, store, Annotated[pa.Table, Collect("200MB")]).num_rows == 4 * MB
    with pytest.raises(MemoryLimit):
        types.load(artifact, store, Annotated[pa.Table, columns(m=int)])
    both = Annotated[pa.Table, columns(m=int), Collect("40MB")]
    assert types.load(artifact, store, both).column_names == ["m"]


def test_memory_that_is_not_there_is_no_fault_of_the_file(tmp_path: Path) -> None:
    refused = pytest.raises(PlatformError, match=r"not enough memory to read the file good\.parquet")
    with refused, reading(tmp_path / "good.parquet", "Parquet"):
        pa.allocate_buffer(1 << 60)


# -- code in disguise ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("wanted", [None, ["n"]])
def test_an_extension_type_that_is_a_pickle_is_never_loaded(tmp_path: Path, form: str, wanted: Any) -> None:
    field = pa.field(
        "x",
        pa.int64(),
        metadata={
            b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": b"cos\nsystem\n(S'echo unpickled'\ntR.",
        },
    )
    table = pa.table([pa.array([1]), pa.array([2])], schema=pa.schema([field, pa.field("n", pa.int64())]))
    path = tmp_path / "code"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    with pytest.raises(DataError, match="pickled Python code"):
        (read_parquet if form == "parquet" else read_ipc)(path, wanted)


# -- broken text, lists and names ------------------------------------------------------------------------


def broken_text(kind: pa.DataType) -> pa.Array:
    text = pa.array([b"fine", b"\xff\xfe", b"\xc3"])
    return pa.Array.from_buffers(kind, 3, pa.array(text, kind if kind == pa.binary() else pa.binary()).buffers())


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("nested", [False, True])
def test_text_that_is_not_utf8_is_refused_by_its_column(tmp_path: Path, form: str, nested: bool) -> None:
    array = broken_text(pa.string())
    if nested:
        array = pa.StructArray.from_arrays([array], ["inner"])
    table = pa.table({"n": [1, 2, 3], "words": array})
    path = tmp_path / "text"
    if form == "parquet":
        pq.write_table(table, path, use_dictionary=False)
    else:
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
    read = read_parquet if form == "parquet" else read_ipc
    with pytest.raises(ArtifactCorrupt, match="cannot be read") as caught:
        read(path)
    assert "words" in (caught.value.why or "") and "UTF8" in (caught.value.why or "")
    assert read(path, ["n"]).num_rows == 3


def test_offsets_that_lead_out_of_the_buffer_are_refused(tmp_path: Path) -> None:
    offsets = pa.py_buffer(b"".join(i.to_bytes(4, "little") for i in (0, 10_000, 5)))
    wild = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"short")])
    table = pa.table({"words": wild})
    path = tmp_path / "wild"
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ArtifactCorrupt):
        read_ipc(path)


def test_columns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 3]), pa.array([1, 2, 3])], ["a", "b"])
    path = tmp_path / "ragged"
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)
    data = bytearray(path.read_bytes())
    # Both field nodes say "3 rows, 0 nulls"; the second is made to say 9.
    node = (3).to_bytes(8, "little") + bytes(8)
    second = data.index(node, data.index(node) + 1)
    data[second : second + 8] = (9).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(ArtifactCorrupt):
        read_ipc(path)


def test_a_name_that_comes_twice_is_refused_where_it_would_be_stored(tmp_path: Path, types: TypeEngine) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    for write in (write_parquet, write_ipc):
        with pytest.raises(ValueMismatch, match="more than one column called 'a'"):
            write(twice, tmp_path / "twice")


# -- streams ---------------------------------------------------------------------------------------------


def endless() -> Iterator[pa.RecordBatch]:
    while True:
        yield pa.record_batch({"n": pa.array([0] * 100_000)})


def test_a_stream_without_end_is_read_up_to_the_limit(bare_settings: Settings) -> None:
    types = TypeEngine(build_catalogue(replace(bare_settings, max_collect_bytes=10 * MB)))
    reader = pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), endless())
    with pytest.raises(MemoryLimit, match="RecordBatchReader"):
        types.accept(reader, pa.Table)


def test_a_stream_that_breaks_says_so(types: TypeEngine) -> None:
    def breaks() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": [1]})
        raise pa.ArrowInvalid("the source is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), breaks())
    with pytest.raises(DovetailError, match="stream") as caught:
        types.accept(reader, pa.Table)
    assert "the source is gone" in str(caught.value)
