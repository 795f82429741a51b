"""What frames cost at a border: hashing, storing, converting, and passing scalars through.

    python benchmarks/frames.py [--json] [--check] [--rows 1000000]

The table has ten columns of 8 bytes: 80 MB for a million rows. Times are CPU time of this process, the best of several runs;
what is compared to a library alone alternates with it, so that a busy machine slows both. Bytes are those that the
conversion leaves allocated: in Arrow's pool, by Python (tracemalloc), and of the process as a whole; of a table that comes
out, at least those of its buffers that are not the source's.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _report import options_parser, report

HASH_GB = 1.0
FILES = 1.1
TO_PANDAS = 1.2
ALLOCATED = 0.01
SCALAR_US = 1.0
RUNS = 7


def cpu(function: Callable[[], Any], runs: int = RUNS) -> float:
    """Best CPU seconds of several runs."""
    return min(_once(function) for _ in range(runs))


def ratio(ours: Callable[[], Any], theirs: Callable[[], Any]) -> float:
    """CPU time of one over that of the other: the least of runs that alternate."""
    pairs = [(_once(ours), _once(theirs)) for _ in range(2 * RUNS)]
    return min(mine for mine, _ in pairs) / min(other for _, other in pairs)


def _once(function: Callable[[], Any]) -> float:
    before = time.process_time()
    kept = function()
    spent = time.process_time() - before
    del kept
    return spent


def allocated(function: Callable[[], Any]) -> int:
    """Bytes that the result holds beyond its source; the least of three runs, since a process also grows by itself."""
    import pyarrow as pa

    figures = []
    for _ in range(3):
        gc.collect()
        tracemalloc.start()
        pool, resident = pa.total_allocated_bytes(), _resident()
        kept = function()
        python = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        figures.append(max(python + pa.total_allocated_bytes() - pool, _resident() - resident))
        del kept
    return min(figures)


def copied(result: Any, source: Any) -> int:
    """Bytes of a table in other memory than its source's: memory that a library uses again is not seen as allocated."""
    import pyarrow as pa

    if not isinstance(result, pa.Table):
        return 0
    mine, shared = ({(buffer.address, buffer.size) for buffer in _buffers(each)} for each in (result, source))
    return sum(
        size
        for address, size in mine
        if not any(start <= address and address + size <= start + length for start, length in shared)
    )


def _buffers(table: Any) -> list[Any]:
    return [buffer for column in table.columns for chunk in column.chunks for buffer in chunk.buffers() if buffer]


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0  # only Linux tells


def table(rows: int) -> Any:
    """Ten columns of 8 bytes: integers, floats, times."""
    import numpy as np
    import pyarrow as pa

    random = np.random.default_rng(7)
    columns = {f"n{i}": pa.array(random.integers(0, 1 << 40, rows)) for i in range(4)}
    columns |= {f"f{i}": pa.array(random.random(rows)) for i in range(4)}
    columns |= {f"t{i}": pa.array(random.integers(0, 1 << 50, rows)).cast(pa.timestamp("us")) for i in range(2)}
    return pa.table(columns)


def parquet(tables: dict[str, Any]) -> dict[str, float]:
    """Writing and reading Parquet beside pyarrow itself."""
    import pyarrow.parquet as pq
    from dovetail.types.arrow import read_parquet, write_parquet

    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        mine, other = Path(folder, "mine.parquet"), Path(folder, "other.parquet")
        for name, data in tables.items():
            figures[f"write Parquet{name}, x of pyarrow"] = ratio(
                lambda data=data: write_parquet(data, mine),
                lambda data=data: pq.write_table(data, other, compression="zstd", version="2.6"),
            )
            figures[f"read Parquet{name}, x of pyarrow"] = ratio(
                lambda: read_parquet(mine), lambda: pq.ParquetFile(other).read()
            )
    return figures


def run_all(rows: int) -> dict[str, float]:
    """All figures by name; the unit stands in the name."""
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from dovetail.config import Settings
    from dovetail.plugins import build_catalogue, use_catalogue
    from dovetail.types import current_types
    from dovetail.types.arrow import hash_table

    types = current_types()
    arrow = table(rows)
    with_nulls = pa.table({f"c{i}": pa.array(range(rows), mask=_every(rows, 10)) for i in range(10)})
    text = pa.table({f"s{i}": pa.array([f"word {n % 1000}" for n in range(rows // 10)]) for i in range(10)})
    figures = {
        "hash, GB/s": arrow.nbytes / cpu(lambda: hash_table(arrow)) / 1e9,
        "hash, a tenth nulls, GB/s": with_nulls.nbytes / cpu(lambda: hash_table(with_nulls)) / 1e9,
        "hash, text, GB/s": text.nbytes / cpu(lambda: hash_table(text)) / 1e9,
    }
    figures |= parquet({"": arrow, ", text": text})
    figures["Arrow to pandas, x of to_pandas"] = ratio(lambda: types.accept(arrow, pd.DataFrame), arrow.to_pandas)
    frame = types.accept(arrow, pl.DataFrame)
    relation = types.accept(arrow, duckdb.DuckDBPyRelation)
    extended = arrow.to_pandas(types_mapper=pd.ArrowDtype)
    size = arrow.nbytes
    with_settings = build_catalogue(Settings(Path.cwd(), plugin={"pandas": {"dtypes": "pyarrow"}}))

    def to_arrow_dtypes() -> Any:
        with use_catalogue(with_settings):
            return current_types().accept(arrow, pd.DataFrame)

    conversions: dict[str, Callable[[], Any]] = {
        "Arrow to polars": lambda: types.accept(arrow, pl.DataFrame),
        "polars to Arrow": lambda: types.accept(frame, pa.Table),
        "Arrow to pandas with Arrow dtypes": to_arrow_dtypes,
        "pandas with Arrow dtypes to Arrow": lambda: types.accept(extended, pa.Table),
        "pandas with Arrow dtypes to polars": lambda: types.accept(extended, pl.DataFrame),
        "Arrow to DuckDB": lambda: types.accept(arrow, duckdb.DuckDBPyRelation),
        "DuckDB to Arrow": lambda: types.accept(relation, pa.Table),
        "Arrow to DuckDB to Arrow": lambda: types.accept(types.accept(arrow, duckdb.DuckDBPyRelation), pa.Table),
        "a query of DuckDB to a reader of Arrow": lambda: types.accept(
            relation.filter("n0 >= 0"), pa.RecordBatchReader
        ),
    }
    for name, convert in conversions.items():
        figures[f"{name}, bytes allocated, % of the data"] = (
            100 * max(allocated(convert), copied(convert(), arrow)) / size
        )
    queried = copied(types.accept(relation.filter("n0 >= 0"), pa.Table), arrow)
    figures["a query of DuckDB to Arrow, % copied (no bar: DuckDB does)"] = 100 * queried / size
    count = 200_000
    accept = types.acceptor(int)
    figures["a scalar, us"] = cpu(lambda: [accept(n) for n in range(count)]) / count * 1e6
    return {name: round(figure, 3) for name, figure in figures.items()}


def _every(rows: int, step: int) -> Any:
    import numpy as np

    return np.arange(rows) % step == 0


def verdicts(figures: dict[str, float]) -> list[str]:
    """What misses its bar."""
    wrong = []
    for name, figure in figures.items():
        least = HASH_GB if name.endswith("GB/s") else None
        most = next(
            (
                bar
                for word, bar in (
                    ("Parquet", FILES),
                    ("to_pandas", TO_PANDAS),
                    ("% of the data", 100 * ALLOCATED),
                    ("us", SCALAR_US),
                )
                if word in name
            ),
            None,
        )
        if least is not None and figure < least:
            wrong.append(f"{name}: {figure}, the bar is {least}")
        if least is None and most is not None and figure > most:
            wrong.append(f"{name}: {figure}, the bar is {most}")
    return wrong


def main() -> int:
    """Returns the exit code: 1 with `--check` when a bar is missed."""
    parser = options_parser("Cost of frames at a border.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the table, 80 bytes each")
    options = parser.parse_args()
    figures = run_all(options.rows)
    lines = [f"{name:70s}{figure:10.3f}" for name, figure in figures.items()]
    return report(options, figures, lines, verdicts(figures))


if __name__ == "__main__":
    raise SystemExit(main())
