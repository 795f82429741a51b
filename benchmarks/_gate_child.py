"""What gates.py measures in processes of their own: the peak of memory of a gate between two Parquet files, both in full.

python benchmarks/_gate_child.py SOURCE.parquet STORE reader|artifact warn|quarantine
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dovetail.quality import Gate, Suite
from dovetail.quality.checks import compare, in_range, in_set, matches, mean_between, not_null, row_count, unique
from dovetail.spec import TypeRef
from dovetail.store import ArtifactStore
from dovetail.types import current_types

PATTERN = "[A-Z]{2}-[0-9]{1,2}"
CHECKS = [
    not_null("a"),
    unique("id"),
    in_range("b", 0, 99),
    matches("s", PATTERN),
    in_set("c", ["x", "y", "z"]),
    compare("lo", "<=", "hi"),
    row_count(1),
    mean_between("a", -1, 1),
]


def peak() -> float:
    """Most megabytes of memory that this process has had. ``ru_maxrss`` would know of what started it as well."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(source: str, store: str, kind: str, action: Any) -> None:
    """Rows of the file through a gate into the store; the peak of memory on standard output."""
    types, artifacts = current_types(), ArtifactStore(Path(store))
    file = pq.ParquetFile(source, pre_buffer=False)
    value: Any = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(1 << 16))
    if kind == "artifact":
        value = types.load(
            types.dump(value, pa.RecordBatchReader, artifacts), artifacts, TypeRef("pyarrow.dataset.Dataset")
        )
    began = time.process_time()
    result = Gate(Suite("bench", CHECKS), on_fail=action).evaluate(
        value,
        types=types,
        place=artifacts.temporary,
        quarantine=lambda rows, meta: types.dump(rows, type(rows), artifacts),
    )
    stored = types.dump(result.value, type(result.value), artifacts)
    told = {
        "seconds": time.process_time() - began,
        "rows": stored.meta["rows"],
        "rows_in": result.report.rows_in,
        "megabytes": peak(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
