"""Plans of polars over stored files and datasets: read when they are run, and only what they ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from dovetail.config import load_settings
from dovetail.errors import MemoryLimit, ValueMismatch
from dovetail.plugins import build_catalogue
from dovetail.testing import tables
from dovetail.testing._strategies import for_each
from dovetail.types import TypeEngine, columns
from dovetail.types.arrow import write_parquet
from dovetail_polars.transformers import LazyFrameParquet, from_arrow

MB = 10**6
streams = pytest.mark.skipif(
    not hasattr(pl.LazyFrame, "collect_batches"), reason="this polars has no batches of a plan"
)


def test_a_stored_table_is_wanted_as_a_scan_of_its_file(types: TypeEngine, store: Any) -> None:
    artifact = types.dump(pl.DataFrame({"n": [1, 2, 3], "t": ["a", "b", None]}), pl.DataFrame, store)
    plan = types.load(artifact, store, pl.LazyFrame)
    assert "Parquet SCAN" in plan.explain()
    assert plan.filter(pl.col("n") > 1).select("t").collect()["t"].to_list() == ["b", None]
    narrow = types.load(artifact, store, Annotated[pl.LazyFrame, columns(n=int)])
    assert narrow.collect_schema().names() == ["n"]
    assert "PROJECT 1/2 COLUMNS" in narrow.explain()


def test_a_scan_gives_what_the_stored_table_gives(tmp_path: Path) -> None:
    scans = 0

    def check(table: pa.Table) -> None:
        nonlocal scans
        path = tmp_path / "t.parquet"
        path.unlink(missing_ok=True)
        write_parquet(table, path)
        plan = LazyFrameParquet().read(path)
        scans += "Parquet SCAN" in plan.explain()
        wanted = from_arrow(table)
        assert plan.collect_schema() == wanted.schema
        assert plan.collect().equals(wanted)

    for_each(tables(min_columns=1), check, 200)
    assert scans > 100


@pytest.mark.parametrize("name", ["a.b", "*", "^x$", "", "ä 日本"])
def test_odd_names_are_scanned_as_what_they_are(tmp_path: Path, name: str) -> None:
    path = tmp_path / "[odd]*.parquet"
    write_parquet(pa.table({name: [1], "x": [2]}), path)
    assert LazyFrameParquet().read(path).collect().to_dict(as_series=False) == {name: [1], "x": [2]}
    assert LazyFrameParquet().read_columns(path, [name]).collect().columns == [name]


def test_text_that_is_not_utf8_is_refused_when_the_scan_runs(tmp_path: Path) -> None:
    broken = pa.Array.from_buffers(pa.string(), 2, pa.array([b"fine", b"\xff"], pa.binary()).buffers())
    pq.write_table(pa.table({"t": broken}), tmp_path / "t.parquet", use_dictionary=False)
    with pytest.raises(pl.exceptions.PolarsError, match=r"(?i)utf-?8"):
        LazyFrameParquet().read(tmp_path / "t.parquet").collect()


@streams
def test_a_plan_of_more_than_may_be_collected_is_stored_bit_by_bit(tmp_path: Path, store: Any) -> None:
    settings = load_settings(tmp_path, {}, {})
    types = TypeEngine(build_catalogue(replace(settings, max_collect_bytes=4 * MB)))
    plan = pl.LazyFrame({"n": pl.int_range(0, 100, eager=True)}).select(n=pl.int_range(0, 2_000_000, dtype=pl.Int64))
    artifact = types.dump(plan, pl.LazyFrame, store)  # 16 MB
    assert artifact.meta["rows"] == 2_000_000
    assert artifact.type == "polars.DataFrame"
    with pytest.raises(MemoryLimit):
        types.accept(plan, pa.Table)
    again = types.load(artifact, store, pl.LazyFrame)
    assert again.select(pl.col("n").sum()).collect().item() == 1_999_999 * 1_000_000
    wide = TypeEngine(build_catalogue(settings))
    assert artifact.content_hash == wide.content_hash(plan.collect())


@streams
def test_the_rows_of_a_plan_keep_their_order(types: TypeEngine) -> None:
    plan = pl.LazyFrame({"n": list(range(250_000))}).filter(pl.col("n") % 2 == 0)
    reader = types.accept(plan, pa.RecordBatchReader)
    assert reader.read_all().column("n").to_pylist() == list(range(0, 250_000, 2))


def test_a_dataset_becomes_a_plan_that_reads_what_it_asks_for(types: TypeEngine, tmp_path: Path) -> None:
    for part in range(4):
        write_parquet(pa.table({"n": pa.array([part] * 3), "t": [f"t{part}"] * 3}), tmp_path / f"{part}.parquet")
    broken = pa.schema([("n", pa.int64()), ("t", pa.int64())])  # reading "t" fails
    plan = types.accept(ds.dataset(tmp_path, schema=broken), pl.LazyFrame)
    for _ in range(2):  # as often as it is run
        assert plan.select(pl.col("n").sum()).collect().item() == 18
    assert plan.select("n").head(4).collect()["n"].to_list() == [0, 0, 0, 1]
    assert plan.filter(pl.col("n") == 2).select("n").collect()["n"].to_list() == [2, 2, 2]
    with pytest.raises(Exception, match="t0"):
        plan.collect()
    steps = types.explain(ds.Dataset, pl.LazyFrame).steps
    assert [(step.source, step.lazy) for step in steps] == [("pyarrow.dataset.Dataset", True)]


def test_a_dataset_that_polars_has_no_type_for_is_refused_at_once(types: TypeEngine) -> None:
    table = pa.table({"i": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    with pytest.raises(ValueMismatch, match="month_day_nano_interval"):
        types.accept(ds.dataset(table), pl.LazyFrame)


def test_an_order_of_categories_is_that_of_the_whole_dataset(types: TypeEngine, tmp_path: Path) -> None:
    levels = pa.array(["low", "mid", "high"])
    for number, codes in enumerate(([0, 2], [1])):
        column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), levels, ordered=True)
        pq.write_table(pa.table({"c": column}), tmp_path / f"{number}.parquet")
    plan = types.accept(ds.dataset(tmp_path), pl.LazyFrame)
    assert isinstance(plan.collect_schema()["c"], pl.Enum)
    assert plan.sort("c").collect()["c"].to_list() == ["low", "mid", "high"]
