"""A conversion imports the libraries of its two ends, and no other frame library, whatever is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
from dovetail.types.arrow import write_ipc

FRAMES = [
    "dask",
    "datasets",
    "duckdb",
    "geopandas",
    "ibis",
    "pandas",
    "polars",
    "pyarrow",
    "tensorflow",
    "torch",
    "xarray",
]

CHILD = """
import json, sys
from pathlib import Path

import dovetail as dt
from dovetail.config import Settings
from dovetail.plugins import list_plugins
from dovetail.spec import TypeRef

root = Path(sys.argv[1])
found = {}


def note(step):
    found[step] = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.argv[2])))


types = dt.default_hub().types
assert len(list_plugins(Settings(project_root=root, home=root / ".dovetail"))) > 10
types.explain(TypeRef("pyarrow.RecordBatchReader"), TypeRef("polars.LazyFrame"))
note("hub")

import pyarrow as pa


def through(value, *names):
    for name in names:
        value = types.convert(value, TypeRef(name))
    return value


table = pa.ipc.open_file(sys.argv[3]).read_all()  # of a list, Arrow would make an array with a look at pandas
READER, DATASET, PLAN, RELATION = sys.argv[4:]
{steps}
print(json.dumps(found))
"""
NAMES = ["pyarrow.RecordBatchReader", "pyarrow.dataset.Dataset", "polars.LazyFrame", "duckdb.DuckDBPyRelation"]

READERS = """
note("road")
assert through(table, READER, "pyarrow.Table").equals(table)
types.content_hash(through(table, READER))
note("readers")
assert through(table, RELATION, READER, "pyarrow.Table").equals(table)
note("relations")
types.content_hash(through(table, READER, PLAN, READER))
note("plans")
through(table, "pandas.DataFrame", PLAN)
note("pandas")
"""

DATASETS = """
import pyarrow.dataset

note("its own")  # pandas, where that is installed
assert through(table, DATASET, READER, "pyarrow.Table").equals(table)
types.content_hash(through(table, DATASET))
note("datasets")
through(table, DATASET, PLAN, READER)
note("plans")
"""


def imported(steps: str, repository: Path, tmp_path: Path) -> dict[str, list[str]]:
    """What of the frame libraries is there after each step of a script, in a process of its own."""
    write_ipc(pa.table({"n": [1, 2], "t": ["a", "b"]}), tmp_path / "table.arrow")
    given = [str(repository), json.dumps(FRAMES), str(tmp_path / "table.arrow"), *NAMES]
    command = [sys.executable, "-c", CHILD.replace("{steps}", steps), *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=repository)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_no_frame_library_is_imported_that_neither_side_uses(repository: Path, tmp_path: Path) -> None:
    assert imported(READERS, repository, tmp_path) == {
        "hub": [],
        "road": ["pyarrow"],
        "readers": ["pyarrow"],
        "relations": ["duckdb", "pyarrow"],
        "plans": ["duckdb", "polars", "pyarrow"],
        "pandas": ["duckdb", "pandas", "polars", "pyarrow"],
    }


def test_datasets_import_nothing_but_what_arrow_itself_does(repository: Path, tmp_path: Path) -> None:
    found = imported(DATASETS, repository, tmp_path)
    assert set(found["its own"]) <= {"pandas", "pyarrow"}
    assert found["datasets"] == found["its own"]
    assert found["plans"] == sorted([*found["its own"], "polars"])
