"""A worker with the oldest pyarrow that an engine asks for, and a hub with a new one."""

from __future__ import annotations

import decimal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dovetail
import pandas as pd
import pyarrow as pa
import pytest
from dovetail.env.bridge import Bridge
from dovetail.types import TypeEngine
from dovetail.types.arrow import hash_table

pytestmark = pytest.mark.slow

OLD = "16.1.0"
NEEDS = [f"pyarrow=={OLD}", "pydantic>=2.10,<3", "pluggy", "stevedore"]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """An interpreter with the old pyarrow, and the variables that give it this dovetail."""
    uv = shutil.which("uv")
    if uv is None or sys.version_info[:2] > (3, 12):
        pytest.skip("there is no uv" if uv is None else f"pyarrow {OLD} has no wheel for this Python")
    folder = tmp_path_factory.mktemp("old") / "env"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "-q", "--python", str(python), *NEEDS]
    if all(subprocess.run([*install, *more], capture_output=True).returncode for more in (["--offline"], [])):
        pytest.skip(f"pyarrow {OLD} is neither in uv's cache nor to be had from the index")
    source = Path(dovetail.__file__).parents[1]
    return str(python), {**os.environ, "PYTHONPATH": os.fspath(source)}


@pytest.fixture
def worker(old: tuple[str, dict[str, str]], bridge: Bridge, start: Any) -> Any:
    worker = start(bridge.place, python=old[0], environ=old[1])
    version = "import pyarrow; answer['version'] = pyarrow.__version__"
    assert worker.tell("raw", code=version)["version"] == OLD
    return worker


ROWS = 3000
TABLES = {
    "plain": pa.table({"i": range(ROWS), "f": [0.5] * ROWS, "s": ["text"] * ROWS, "b": [True, None, False] * 1000}),
    "nested": pa.table({"l": [[i, None] for i in range(ROWS)], "d": [{"a": i, "b": [str(i)]} for i in range(ROWS)]}),
    "dictionary": pa.table({"c": pa.array(["x", "y", None] * 1000).dictionary_encode()}),
    "times": pa.table(
        {"t": pa.array([10**9] * ROWS, pa.timestamp("ns", "UTC")), "d": pa.array([1] * ROWS, pa.date32())}
    ),
    "decimals": pa.table({"d": pa.array([decimal.Decimal("1.50")] * ROWS, pa.decimal128(20, 2))}),
    "large": pa.table({"s": pa.array(["text"] * ROWS, pa.large_string())}),
    "runs": pa.table({"r": pa.RunEndEncodedArray.from_arrays(pa.array([ROWS], pa.int32()), pa.array([1.5]))}),
    "ids": pa.table({"u": pa.array([b"0" * 16] * ROWS, pa.uuid()), "j": pa.array(["{}"] * ROWS, pa.json_())}),
    "small": pa.table({"i": [1]}),
    "empty": pa.table({"i": pa.array([], pa.int8())}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_crosses_to_an_old_pyarrow_and_back(worker: Any, bridge: Bridge, types: TypeEngine, name: str) -> None:
    table = TABLES[name]
    wire = bridge.send(table, pa.Table, types)
    back = bridge.receive(worker.tell("echo", wire=wire, kind="table")["wire"], pa.Table, types)
    assert back.schema.equals(table.schema) and back.equals(table)
    copied = "import pyarrow as pa\nt = child.receive(order)\n"
    copied += "t = pa.Table.from_batches([pa.ipc.read_record_batch(b.serialize(), t.schema) for b in t.to_batches()], t.schema)\n"
    copied += "answer['wire'] = child.side.send(t, pa.Table, child.types)"
    if name != "dictionary":  # whose dictionaries travel beside a batch
        made = worker.tell("raw", code=copied, wire=wire, kind="table")["wire"]
        again = bridge.receive(made, pa.Table, types)
        assert again.schema.equals(table.schema) and hash_table(again) == hash_table(table)


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (pa.decimal32(5, 2), pa.decimal128(5, 2)),
        (pa.decimal64(9, 2), pa.decimal128(9, 2)),
        (pa.string_view(), pa.string()),
        (pa.list_view(pa.int64()), pa.list_(pa.int64())),
    ],
)
def test_types_that_an_old_pyarrow_lacks_arrive_as_those_that_it_has(
    worker: Any, bridge: Bridge, types: TypeEngine, kind: pa.DataType, plain: pa.DataType
) -> None:
    value: Any = "text" if kind == pa.string_view() else [1, 2] if "list" in str(kind) else decimal.Decimal("1.50")
    table = pa.table({"x": pa.array([value, None] * ROWS, kind)})
    wire = bridge.send(table, pa.Table, types)
    seen = worker.tell(
        "raw", code="answer['type'] = str(child.receive(order).schema.types[0])", wire=wire, kind="table"
    )
    assert seen["type"] == str(plain)
    back = bridge.receive(worker.tell("echo", wire=wire, kind="table")["wire"], pa.Table, types)
    assert back.schema.types == [plain] and back.to_pylist() == table.to_pylist()


def test_an_old_pyarrow_adds_to_a_table_of_a_new_one(worker: Any, bridge: Bridge, types: TypeEngine) -> None:
    wire = bridge.send(TABLES["plain"], pa.Table, types)
    back = bridge.receive(worker.tell("add", wire=wire, kind="table")["wire"], pd.DataFrame, types)
    assert list(back["new"]) == list(range(ROWS)) and back["s"].iloc[-1] == "text"
