"""Native gates beside the floor: eight checks in one lazy select of polars, in the same process, by CPU time.

    python benchmarks/gates.py [--json] [--check] [--rows 1000000 10000000] [--large 10000000]

The eight checks (not null, unique, range, regular expression, set, two columns, row count, mean) stand on ten columns, with
0.1 % bad rows for each check of rows. Ratios are of the best of several alternating rounds. A gate gives the ordinals of all
failing rows, the floor counts alone. Gates on rows that are not held run in processes of their own, whose peak of memory counts.
Pandera's schemas are validated by Pandera alone and behind a gate.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
from _gate_child import CHECKS, PATTERN
from _report import children_ms, clean_environment, options_parser, report
from dovetail.quality import Gate, Suite
from dovetail.types import current_types

FLOOR_RATIO = 1.5
SPLIT_RATIO = 1.3
COLD_SECONDS = 1.5
ROUNDS = 5
MEGABYTES = 700
ADAPTER_RATIO = 1.05
LARGE = 10_000_000
SUITE_FILE = """
name = "bench"
[[checks]]
check = "not_null"
column = "a"
[[checks]]
check = "unique"
columns = ["id"]
[[checks]]
check = "in_range"
column = "b"
minimum = 0
maximum = 99
[[checks]]
check = "matches"
column = "s"
pattern = "[A-Z]{2}-[0-9]{1,2}"
[[checks]]
check = "in_set"
column = "c"
values = ["x", "y", "z"]
[[checks]]
check = "compare"
left = "lo"
op = "<="
right = "hi"
[[checks]]
check = "row_count"
minimum = 1
[[checks]]
check = "mean_between"
column = "a"
minimum = -1
maximum = 1
"""
_ROW_RULES = (
    f"a is null or not b between 0 and 99 or not regexp_full_match(s, '{PATTERN}') or c not in ('x', 'y', 'z') or lo > hi "
    "or count(*) over (partition by id) > 1"
)


def data(rows: int) -> pl.DataFrame:
    """Ten columns; each check of rows fails for one row in a thousand."""
    rng = np.random.default_rng(7)
    bad = rng.random((6, rows)) < 0.001
    ids = rng.permutation(rows)
    ids[bad[0]] = ids[0]
    lo = rng.random(rows)
    frame = pl.DataFrame(
        {
            "id": ids,
            "a": rng.normal(size=rows),
            "b": np.where(bad[2], 1000, rng.integers(0, 100, rows)),
            "s": np.where(bad[3], "bad", rng.choice(["AA-12", "UA-7", "DL-99"], rows)),
            "c": np.where(bad[4], "q", rng.choice(["x", "y", "z"], rows)),
            "lo": lo,
            "hi": np.where(bad[5], lo - 1, lo + 1),
            **{name: rng.random(rows) for name in ("u", "v", "w")},
        }
    )
    return frame.with_columns(a=pl.when(pl.Series(bad[1])).then(None).otherwise(pl.col("a")))


def floor(frame: pl.DataFrame) -> pl.DataFrame:
    """The same eight checks, counted in one pass by polars alone."""
    return (
        frame.lazy()
        .select(
            null=pl.col("a").is_null().sum(),
            doubled=pl.col("id").is_duplicated().sum(),
            range=(~pl.col("b").is_between(0, 99)).sum(),
            regex=(~pl.col("s").str.contains(f"^(?:{PATTERN})$")).sum(),
            outside=(~pl.col("c").is_in(["x", "y", "z"])).sum(),
            order=(pl.col("lo") > pl.col("hi")).sum(),
            rows=pl.len(),
            mean=pl.col("a").mean(),
        )
        .collect()
    )


def cpu_seconds(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The least CPU seconds of each, over rounds in which every one has its turn."""
    found = dict.fromkeys(works, float("inf"))
    for _ in range(rounds + 1):
        for name, work in works.items():
            began = time.process_time()
            work()
            found[name] = min(found[name], time.process_time() - began)
    return found


def beside_the_floor(rows: int) -> dict[str, float]:
    """Seconds and ratios of gates on polars and Arrow."""
    frame = data(rows)
    table, types = frame.to_arrow(), current_types()
    gate = Gate(Suite("bench", CHECKS), on_fail="warn")
    split = Gate(Suite("bench", CHECKS), on_fail="quarantine")
    with tempfile.TemporaryDirectory() as folder:
        source, clean, bad = (str(Path(folder) / name) for name in ("all.parquet", "clean.parquet", "bad.parquet"))
        pq.write_table(table, source)
        connection = duckdb.connect()

        def by_duckdb() -> None:
            connection.execute(f"create or replace temp table t as select *, {_ROW_RULES} as bad from '{source}'")
            connection.execute(f"copy (select * exclude bad from t where not bad) to '{clean}' (format parquet)")
            connection.execute(f"copy (select * exclude bad from t where bad) to '{bad}' (format parquet)")

        def by_gate() -> None:
            result = split.evaluate(pl.read_parquet(source), types=types)
            result.value.write_parquet(clean)
            pq.write_table(result.quarantined, bad)

        works: dict[str, Callable[[], Any]] = {
            "floor": lambda: floor(frame),
            "polars": lambda: gate.evaluate(frame, types=types),
            "arrow": lambda: gate.evaluate(table, types=types),
        }
        found = cpu_seconds(works, ROUNDS if rows <= 2_000_000 else 2)
        if rows <= 2_000_000:
            found |= cpu_seconds({"duckdb_split": by_duckdb, "gate_split": by_gate}, 2)
    return found


def cold(rows: int) -> float:
    """CPU seconds of ``dovetail check`` on a Parquet file, from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(data(rows).to_arrow(), Path(folder) / "data.parquet")
        (Path(folder) / "suite.toml").write_text(SUITE_FILE, encoding="utf-8")
        costs = []
        for _ in range(4):
            before = children_ms()
            command = [sys.executable, "-m", "dovetail", "check", "data.parquet", "suite.toml", "--on-fail", "warn"]
            subprocess.run(command, cwd=folder, env=clean_environment(""), check=True, stdout=subprocess.DEVNULL)
            costs.append(children_ms() - before)
    return min(costs[1:]) / 1e3


def memory(rows: int) -> dict[str, dict[str, float]]:
    """Seconds of CPU and peaks of memory of gates on a Parquet file of so many rows."""
    found: dict[str, dict[str, float]] = {}
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "data.parquet"
        write = "import sys; sys.path.insert(0, sys.argv[1]); import gates; gates.write(int(sys.argv[2]), sys.argv[3])"
        subprocess.run([sys.executable, "-c", write, str(here), str(rows), str(source)], check=True)
        (Path(folder) / "suite.toml").write_text(SUITE_FILE, encoding="utf-8")
        for kind, action in (("reader", "warn"), ("reader", "quarantine"), ("artifact", "quarantine")):
            command = [
                sys.executable,
                str(here / "_gate_child.py"),
                str(source),
                f"{folder}/{kind}-{action}",
                kind,
                action,
            ]
            told = subprocess.run(command, env=clean_environment(""), check=True, capture_output=True, text=True)
            found[f"{kind}, {action}"] = json.loads(told.stdout)
            shutil.rmtree(f"{folder}/{kind}-{action}")
        check = ["-m", "dovetail", "check", "data.parquet", "suite.toml", "--on-fail"]
        found["dovetail check"] = _peak([*check, "warn"], folder)
        found["dovetail check --clean"] = _peak([*check, "quarantine", "--clean", "clean.parquet"], folder)
    return found


def _peak(command: list[str], folder: str) -> dict[str, float]:
    """CPU seconds and peak of memory of a command of Python's, started by a small process that has no other child."""
    program = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime, u.ru_maxrss / 1024)"
    )
    whole = [sys.executable, "-c", program, sys.executable, *command]
    told = subprocess.run(whole, cwd=folder, env=clean_environment(""), check=True, capture_output=True, text=True)
    seconds, megabytes = map(float, told.stdout.split())
    return {"seconds": seconds, "megabytes": megabytes}


def write(rows: int, path: str) -> None:
    """The data as a Parquet file, as pyarrow writes it."""
    pq.write_table(data(rows).to_arrow(), path)


def adapters(rows: int) -> dict[str, dict[str, float]]:
    """CPU seconds of Pandera alone, and of a gate with the same schema, on frames that pass."""
    import pandera.pandas as pandas_schemas
    import pandera.polars as polars_schemas

    frame = data(rows).filter(
        pl.col("a").is_not_null(),
        pl.col("b") < 100,
        pl.col("s") != "bad",
        pl.col("c") != "q",
        ~pl.col("id").is_duplicated(),
    )
    types = current_types()
    found: dict[str, dict[str, float]] = {}
    for name, kinds, value in (("pandas", pandas_schemas, frame.to_pandas()), ("polars", polars_schemas, frame)):
        schema = kinds.DataFrameSchema(
            {
                "id": kinds.Column(int, unique=True),
                "a": kinds.Column(float, kinds.Check.in_range(-50, 50)),
                "b": kinds.Column(int, kinds.Check.in_range(0, 99)),
                "s": kinds.Column(str, kinds.Check.str_matches(f"^{PATTERN}$")),
                "c": kinds.Column(str, kinds.Check.isin(["x", "y", "z"])),
            }
        )
        gate = Gate(schema)
        assert gate.evaluate(value, types=types).report.decision == "publish"
        found[name] = cpu_seconds(
            {
                "bare": lambda schema=schema, value=value: schema.validate(value, lazy=True),
                "gate": lambda gate=gate, value=value: gate.evaluate(value, types=types),
            },
            ROUNDS,
        )
    return found


def main() -> int:
    """Measure and report; returns the exit code."""
    parser = options_parser("Native gates beside the floor.")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000], help="sizes of the table")
    parser.add_argument("--large", type=int, default=LARGE, help="rows of the file that is not held")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    lines, missed = [], []
    for rows in options.rows:
        found = figures[str(rows)] = beside_the_floor(rows)
        for kind in ("polars", "arrow"):
            ratio = found[kind] / found["floor"]
            beside = f"{found[kind]:6.3f} s  floor {found['floor']:6.3f} s  {ratio:.2f} x (bar {FLOOR_RATIO:g})"
            lines.append(f"{rows:>11,} rows  gate on {kind:6} {beside}")
            if ratio > FLOOR_RATIO:
                missed.append(f"a gate on {kind} of {rows:,} rows takes {ratio:.2f} x of the floor")
        if "gate_split" in found:
            ratio = found["gate_split"] / found["duckdb_split"]
            lines.append(
                f"{rows:>11,} rows  check and quarantine {ratio:.2f} x of DuckDB's split (bar {SPLIT_RATIO:g})"
            )
            if ratio > SPLIT_RATIO:
                missed.append(f"check and quarantine take {ratio:.2f} x of DuckDB's split")
    figures["cold_check_seconds"] = seconds = cold(1_000_000)
    lines.append(f"  1,000,000 rows  dovetail check from a cold start {seconds:.2f} s (bar {COLD_SECONDS:g})")
    if seconds > COLD_SECONDS:
        missed.append(f"dovetail check takes {seconds:.2f} s")
    figures["adapters"] = adapters(1_000_000)
    for kind, costs in figures["adapters"].items():
        ratio = costs["gate"] / costs["bare"]
        lines.append(
            f"  1,000,000 rows  Pandera on {kind} behind a gate {ratio:.2f} x of alone (bar {ADAPTER_RATIO:g})"
        )
        if ratio > ADAPTER_RATIO:
            missed.append(f"a schema of Pandera on {kind} takes {ratio:.2f} x behind a gate")
    figures["memory"] = memory(options.large)
    for kind, costs in figures["memory"].items():
        lines.append(
            f"{options.large:>11,} rows  {kind:22} {costs['seconds']:6.1f} s  {costs['megabytes']:4.0f} MB (bar {MEGABYTES})"
        )
        if costs["megabytes"] > MEGABYTES:
            missed.append(f"{kind} of {options.large:,} rows takes {costs['megabytes']:.0f} MB")
    return report(options, figures, lines, missed)


if __name__ == "__main__":
    sys.exit(main())
