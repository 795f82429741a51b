"""Arrow beside tables: batches, readers that give their rows once, datasets; and plans that are stored bit by bit."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from dovetail.config import Settings
from dovetail.errors import DataError, MemoryLimit, ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.testing import HubHarness, tables
from dovetail.testing._strategies import for_each
from dovetail.types import TypeEngine, columns
from dovetail.types._stream_hash import hash_pieces
from dovetail.types.arrow import IpcCodec, ParquetCodec, hash_table, read_parquet, write_parquet

MB = 10**6
FAMILY = (pa.RecordBatch, pa.RecordBatchReader, ds.Dataset)
ABC = pa.table({"n": [1, 2, 3], "t": ["a", "b", None]})


def counting(batches: int, rows: int, taken: list[int]) -> pa.RecordBatchReader:
    """A reader that tells how many batches were taken."""

    def produce() -> Iterator[pa.RecordBatch]:
        for number in range(batches):
            taken.append(number)
            yield pa.record_batch({"n": pa.array(range(number * rows, (number + 1) * rows), pa.int64())})

    return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), produce())


@pytest.mark.parametrize("wanted", FAMILY)
def test_tables_become_what_is_wanted_and_come_back(types: TypeEngine, wanted: type) -> None:
    def check(table: pa.Table) -> None:
        made = types.accept(table, wanted)
        assert isinstance(made, wanted)
        again = types.accept(made, pa.Table)
        assert again.schema == table.schema
        assert hash_table(again) == hash_table(table)

    for_each(tables(), check, 200)


@pytest.mark.parametrize("wanted", FAMILY)
@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_what_is_stored_is_what_is_loaded(types: TypeEngine, store: Any, wanted: type, format: str) -> None:
    def check(table: pa.Table) -> None:
        artifact = types.dump(types.accept(table, wanted), wanted, store, format)
        assert artifact.content_hash == hash_table(table)
        for target in (wanted, pa.Table):
            again = types.load(artifact, store, target)
            assert isinstance(again, target)
            assert hash_table(types.accept(again, pa.Table)) == artifact.content_hash

    for_each(tables(min_columns=1), check, 60)


# -- readers ---------------------------------------------------------------------------------------------


def test_a_reader_that_was_read_is_not_taken_for_an_empty_one(types: TypeEngine) -> None:
    reader = ABC.to_reader()
    assert types.accept(reader, pa.Table).num_rows == 3
    for wanted in (pa.Table, pa.RecordBatch, pa.RecordBatchReader, ds.Dataset):
        with pytest.raises(ValueMismatch, match="was read already") as caught:
            types.accept(reader, wanted)
        assert "Dataset" in (caught.value.fix or "")


def test_two_consumers_of_one_reader_do_not_share_its_rows(types: TypeEngine) -> None:
    reader = ABC.to_reader()
    first, second = types.accept(reader, pa.RecordBatchReader), types.accept(reader, pa.RecordBatchReader)
    assert first.read_all().num_rows == 3
    with pytest.raises(ValueMismatch, match="was read already"):
        second.read_all()


def test_looking_at_a_reader_takes_nothing(types: TypeEngine) -> None:
    taken: list[int] = []
    reader = counting(3, 2, taken)
    assert "n" in types.preview(reader).text
    schema = types.schema(reader)
    assert schema is not None and schema.fields[0].type == "int64"
    assert types.num_rows(reader) is None
    assert taken == []


def test_declared_columns_of_a_reader_are_taken_from_each_batch(types: TypeEngine) -> None:
    taken: list[int] = []
    wanted = Annotated[pa.RecordBatchReader, columns(n=float | None, extra="drop")]
    with pytest.raises(ValueMismatch, match="column 'n'"):
        types.accept(counting(2, 2, taken), wanted)
    narrow = pa.table({"t": ["a"], "n": pa.array([1], pa.int8())}).to_reader()
    made = types.accept(narrow, Annotated[pa.RecordBatchReader, columns(n=int)])
    assert made.schema == pa.schema([("n", pa.int64())])
    assert made.read_all().to_pydict() == {"n": [1]}
    assert taken == []


def test_a_stored_reader_is_read_as_often_as_it_is_wanted(types: TypeEngine, store: Any) -> None:
    reader = types.accept(ABC.to_reader(), pa.RecordBatchReader)
    artifact = types.dump(reader, pa.RecordBatchReader, store)
    assert artifact.type == "pyarrow.Table" and artifact.meta["rows"] == 3
    for _ in range(2):
        assert types.accept(reader, pa.RecordBatchReader).read_all() == ABC
    loaded = types.load(artifact, store, pa.RecordBatchReader)
    for _ in range(2):
        assert types.accept(loaded, pa.RecordBatchReader).read_all() == ABC


@dt.task
def produce(rows: int) -> pa.RecordBatchReader:
    return pa.table({"n": list(range(rows))}).to_reader()


@dt.task
def total(rows: pa.RecordBatchReader) -> int:
    return sum(sum(batch.column("n").to_pylist()) for batch in rows)


@dt.task
def count(rows: pa.RecordBatchReader) -> int:
    return sum(batch.num_rows for batch in rows)


@dt.workflow
def once(rows: int) -> int:
    return total(produce(rows))


@dt.workflow
def twice(rows: int) -> tuple[int, int]:
    made = produce(rows)
    return total(made), count(made)


def test_a_run_stores_a_reader_and_every_task_has_all_rows(tmp_path: Path) -> None:
    with HubHarness(home=tmp_path / "hub") as hub:
        assert hub.run(twice, rows=10).value == (45, 10)


def test_in_process_one_task_may_read_and_the_second_is_told() -> None:
    assert once(rows=10) == 45
    with pytest.raises(ValueMismatch, match="was read already"):
        twice(rows=10)


def test_readers_are_forgotten_with_their_users(types: TypeEngine) -> None:
    from dovetail.types import _once

    before = len(_once._origins)
    types.accept(types.accept(ABC.to_reader(), pa.RecordBatchReader), pa.Table)
    gc.collect()
    assert len(_once._origins) <= before


# -- datasets --------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for part in range(3):
        write_parquet(pa.table({"n": pa.array([part], pa.int32()), "t": [f"t{part}"]}), folder / f"{part}.parquet")
    return folder


def test_a_dataset_of_files_keeps_their_order(types: TypeEngine, files: Path) -> None:
    assert types.accept(ds.dataset(files), pa.Table).column("n").to_pylist() == [0, 1, 2]
    assert types.preview(ds.dataset(files)).text == "3 files: n, t"


def test_columns_of_a_dataset_that_are_not_declared_are_not_read(types: TypeEngine, files: Path) -> None:
    broken = pa.schema([("n", pa.int32()), ("t", pa.int64())])  # reading "t" fails
    narrow = types.accept(ds.dataset(files, schema=broken), Annotated[ds.Dataset, columns(n="int32")])
    assert narrow.schema.names == ["n"]
    assert types.accept(narrow, pa.Table).column_names == ["n"]
    with pytest.raises(DataError, match="cannot be read") as caught:
        types.accept(ds.dataset(files, schema=broken), pa.Table)
    assert "t0" in (caught.value.why or "")


def test_a_filtered_dataset_stays_filtered(types: TypeEngine, files: Path) -> None:
    dataset = ds.dataset(files).filter(ds.field("n") > 0)
    assert types.accept(dataset, pa.Table).num_rows == 2
    assert types.accept(dataset, Annotated[pa.Table, columns(t=str)]).to_pydict() == {"t": ["t1", "t2"]}
    widened = types.accept(dataset, Annotated[ds.Dataset, columns(n=int)])
    assert widened.to_table().to_pydict() == {"n": [1, 2]}


def test_what_is_stored_is_loaded_as_a_dataset_of_its_file(types: TypeEngine, store: Any) -> None:
    artifact = types.dump(ABC, pa.Table, store)
    dataset = types.load(artifact, store, ds.Dataset)
    assert isinstance(dataset, ds.FileSystemDataset)
    narrow = types.load(artifact, store, Annotated[ds.Dataset, columns(n=int)])
    assert isinstance(narrow, ds.FileSystemDataset) and narrow.schema.names == ["n"]


# -- more than memory ------------------------------------------------------------------------------------


def test_more_than_may_be_collected_is_stored_bit_by_bit(bare_settings: Settings, store: Any) -> None:
    types = TypeEngine(build_catalogue(replace(bare_settings, max_collect_bytes=4 * MB)))
    before, most = pa.total_allocated_bytes(), 0

    def rows() -> Iterator[pa.RecordBatch]:
        nonlocal most
        for number in range(60):
            most = max(most, pa.total_allocated_bytes() - before)
            yield pa.record_batch({"n": pa.array(range(number * 50_000, (number + 1) * 50_000), pa.int64())})

    def reader() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), rows())

    artifact = types.dump(reader(), pa.RecordBatchReader, store)
    assert artifact.meta["rows"] == 3_000_000  # 24 MB
    assert most < 16 * MB, most
    with pytest.raises(MemoryLimit):
        types.accept(reader(), pa.Table)
    with pytest.raises(MemoryLimit):
        types.load(artifact, store, pa.Table)
    assert sum(batch.num_rows for batch in types.load(artifact, store, pa.RecordBatchReader)) == 3_000_000


def test_what_fits_into_a_row_group_gives_the_file_of_the_table(tmp_path: Path) -> None:
    table = pa.table({"n": list(range(1000)), "t": [f"t{n}" for n in range(1000)]})
    write_parquet(table, tmp_path / "table.parquet")
    digest, rows = ParquetCodec().write_batches(table.schema, table.to_batches(70), tmp_path / "stream.parquet")
    assert (digest, rows) == (hash_table(table), 1000)
    assert (tmp_path / "table.parquet").read_bytes() == (tmp_path / "stream.parquet").read_bytes()


def test_large_pieces_are_cut_at_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dovetail.types import _stream_files

    monkeypatch.setattr(_stream_files, "ROWS", 64)
    table = pa.table({"n": list(range(200))})
    ParquetCodec().write_batches(table.schema, table.to_batches(50), tmp_path / "cut.parquet")
    footer = pq.read_metadata(tmp_path / "cut.parquet")
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == [64, 64, 64, 8]
    assert read_parquet(tmp_path / "cut.parquet") == table


def test_a_format_that_cannot_be_streamed_takes_no_batch(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    taken: list[int] = []

    def rows() -> Iterator[pa.RecordBatch]:
        taken.append(1)
        yield from pairs.to_batches()

    pairs = pa.table(
        {"p": pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), "c": pa.array(["x", "y"]).dictionary_encode()}
    )
    for codec in (ParquetCodec(), IpcCodec()):
        with pytest.raises(NotImplementedError):
            codec.write_batches(pairs.schema, rows(), tmp_path / "no")
    assert taken == []
    artifact = types.dump(pa.RecordBatchReader.from_batches(pairs.schema, rows()), pa.RecordBatchReader, store)
    assert artifact.content_hash == hash_table(pairs)
    assert types.load(artifact, store, pa.Table).to_pydict() == pairs.to_pydict()


def test_the_hash_of_pieces_is_that_of_the_table() -> None:
    def check(table: pa.Table) -> None:
        assert hash_pieces(table.schema, table.num_rows, lambda name: table.column(name).chunks) == hash_table(table)

    for_each(tables(max_rows=30, max_columns=8), check, 200)
    text = pa.chunked_array([pa.array(["a", None], pa.large_string()), pa.array(["", "ä"], pa.large_string())])
    wide = pa.table({"t": text, "d": pa.chunked_array([pa.array([None, 1], pa.decimal256(50, 1))] * 2)})
    assert hash_pieces(wide.schema, 4, lambda name: wide.column(name).chunks) == hash_table(wide)
