"""Columns of more than 2 GiB of text, where offsets of 32 bits end: right or refused, and never a crash."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import json, resource, sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from dovetail.errors import DovetailError
from dovetail.spec import TypeRef
from dovetail.store import ArtifactStore
from dovetail.testing import HubHarness

ARROW, RELATION = "pyarrow.Table", "duckdb.DuckDBPyRelation"
piece = pa.array([f"{n:04}" * 2**18 for n in range(64)])  # 64 MiB, which all chunks share
rows = 33 * len(piece)
table = pa.table({"n": range(rows), "t": pa.chunked_array([piece] * 33)})
wanted = [rows, 33 * 2**26, True]
found = {}


def told(convert):
    try:
        made = convert()
        whole = made.num_rows, pc.sum(pc.binary_length(made.column("t"))).as_py()
        return [*whole, made.slice(rows - 1).to_pylist() == table.slice(rows - 1).to_pylist()] == wanted
    except DovetailError as error:
        return f"{type(error).__name__}: {error.what}; {error.fix}"


with HubHarness(*(f"dovetail_{name}.plugin" for name in ("pandas", "polars", "duckdb"))) as hub:
    types = hub.types

    def there_and_back(name):
        return types.convert(types.convert(table, TypeRef(name)), TypeRef(ARROW))

    for name in ("polars.DataFrame", "pandas.DataFrame", RELATION):
        found[name] = told(lambda: there_and_back(name))
    queried = types.convert(table, TypeRef(RELATION)).aggregate("count(*), sum(strlen(t))")
    found["rows"] = queried.fetchall()[0] == tuple(wanted[:2])
    in_one_piece = duckdb.sql("select repeat('a', 1100000) as t from range(2000)")
    found["in one piece"] = told(lambda: types.convert(in_one_piece, TypeRef(ARROW)))
    store = ArtifactStore(Path(sys.argv[1]))
    artifact = types.dump(table, TypeRef(ARROW), store)
    found["format"] = artifact.format
    found["stored"] = told(lambda: types.load(artifact, store, TypeRef(ARROW)))
found["GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps(found))
"""


@pytest.mark.slow
def test_more_text_than_32_bits_reach(tmp_path: Path) -> None:
    """Converted, hashed, stored and loaded; in a process of its own, as what is tested for is a crash."""
    command = [sys.executable, "-c", CHILD, str(tmp_path / "artifacts")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    told = found.pop("in one piece")
    assert told.startswith("ValueMismatch: a column of the DuckDB relation has more than 2 GiB")
    assert "set global arrow_large_buffer_size = true" in told
    assert found.pop("GB") < 7  # one copy more of the column would be above that
    assert found == {
        "polars.DataFrame": True,
        "pandas.DataFrame": True,
        "duckdb.DuckDBPyRelation": True,
        "rows": True,
        "format": "parquet",
        "stored": True,
    }
