"""Stored tables that lie, break or would not fit, wanted as each frame: refused with a reason, never a crash."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dovetail.errors import ArtifactCorrupt, DataError, DovetailError, MemoryLimit
from dovetail.spec import Artifact, Blob, TypeRef
from dovetail.testing._pairs import PairTable
from dovetail.types import TypeEngine
from dovetail.types._collect import collecting
from dovetail.types.arrow import write_parquet

ARROW = TypeRef("pyarrow.Table")
MB = 10**6


class Files:
    """A source of one file, which nobody verified: what the codecs see is as bad as it is here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open_path(self, blob: Blob) -> Path:
        return self.path


def wanted_as(table: PairTable) -> Iterator[tuple[str, Callable[[Path], pa.Table]]]:
    """Each frame that reads Parquet files, and how a file is read as it, rows included."""
    types: TypeEngine = table.types
    for name in table.names:
        if "parquet" not in {codec.format for codec in types.catalogue.transformers()[name].codecs}:
            continue

        def read(path: Path, name: str = name) -> pa.Table:
            artifact = Artifact("0", "pyarrow.Table", "parquet", "0", (Blob("data.parquet", "0", 1),))
            return types.convert(types.load(artifact, Files(path), TypeRef(name)), ARROW)

        yield name, read


def refused(read: Callable[[Path], Any], path: Path, *kinds: type[BaseException]) -> None:
    with pytest.raises(kinds) as caught:
        read(path)
    assert not isinstance(caught.value, DovetailError) or (caught.value.what and caught.value.fix)


def test_code_in_disguise_reaches_no_frame(table: PairTable, tmp_path: Path) -> None:
    marks = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": b"cos\nsystem\n(S'false'\ntR.",
    }
    schema = pa.schema([pa.field("x", pa.int64(), metadata=marks)])
    pq.write_table(pa.table([pa.array([1])], schema=schema), tmp_path / "code.parquet")
    for _, read in wanted_as(table):
        refused(read, tmp_path / "code.parquet", DataError)


def test_text_that_is_not_utf8_is_refused_wherever_it_is_read(table: PairTable, tmp_path: Path) -> None:
    import duckdb
    import polars as pl

    plans = (pl.exceptions.PolarsError, duckdb.Error)  # what reads the file when it is run says it in its own words
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"fine", b"\xff\xfe"], pa.binary()).buffers())
    pq.write_table(pa.table({"t": broken}), tmp_path / "text.parquet", use_dictionary=False)
    for _, read in wanted_as(table):
        refused(read, tmp_path / "text.parquet", ArtifactCorrupt, DataError, *plans)


def test_a_bomb_is_refused_before_it_is_unpacked(table: PairTable, tmp_path: Path) -> None:
    rows = pa.array([7], pa.int64()).take(pa.array([0] * (8 * MB)))
    pq.write_table(pa.table({"n": rows}), tmp_path / "bomb.parquet", compression="zstd")
    types, pause = table.types, threading.Event()
    small = PairTable(TypeEngine(_limited(types.catalogue, 8 * MB)))
    assert (tmp_path / "bomb.parquet").stat().st_size < MB
    for name, read in wanted_as(small):
        with collecting(8 * MB):
            before = pa.total_allocated_bytes()
            refused(read, tmp_path / "bomb.parquet", MemoryLimit)
            for _ in range(100):  # what threads of a dataset have read ahead is let go a moment later
                if pa.total_allocated_bytes() - before < 32 * MB:
                    break
                pause.wait(0.05)
            assert pa.total_allocated_bytes() - before < 32 * MB, name


class _limited:
    """A catalogue whose settings bound what is collected."""

    def __init__(self, catalogue: Any, most: int) -> None:
        self._catalogue = catalogue
        self.settings = replace(catalogue.settings, max_collect_bytes=most)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalogue, name)


def test_a_footer_that_lies_is_refused_or_harmless_for_every_frame(table: PairTable, tmp_path: Path) -> None:
    import polars as pl

    write_parquet(pa.table({"n": list(range(50)), "t": [f"t{n}" for n in range(50)]}), tmp_path / "good.parquet")
    good = (tmp_path / "good.parquet").read_bytes()
    footer = int.from_bytes(good[-8:-4], "little")
    draw, told = random.Random(4), 0
    for _ in range(15):
        data = bytearray(good)
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(good) - footer - 8, len(good) - 4)] = draw.randrange(256)
        (tmp_path / "bad.parquet").write_bytes(data)
        for _, read in wanted_as(table):
            try:
                read(tmp_path / "bad.parquet")
            except (DovetailError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
                told += isinstance(error, DovetailError)
    assert told > 20
