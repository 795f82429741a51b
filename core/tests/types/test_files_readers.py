"""What libraries take a file for: a path if they know ``os.PathLike``, a stream if not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from dovetail.types import File

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

from pyarrow import csv, dataset, parquet  # noqa: E402 - after pyarrow is known to be there


@pytest.fixture(params=["here", "there"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], File]]:
    """Gives ``t.csv`` or ``t.parquet``, on this disk or behind a URL."""
    table = pa.table({"a": [1, 2]})
    parquet.write_table(table, tmp_path / "t.parquet")
    csv.write_csv(table, tmp_path / "t.csv")
    memory = fsspec.filesystem("memory")
    for name in ("t.csv", "t.parquet"):
        memory.pipe_file(f"/readers/{name}", (tmp_path / name).read_bytes())
    yield lambda name: File(f"{tmp_path}/{name}" if request.param == "here" else f"memory://readers/{name}")
    memory.rm("/readers", recursive=True)


AS_PATH: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "pandas csv": ("t.csv", lambda file: pd.read_csv(file)),
    "pandas parquet": ("t.parquet", lambda file: pd.read_parquet(file)),
    "pyarrow csv": ("t.csv", lambda file: csv.read_csv(file).to_pandas()),
    "pyarrow parquet": ("t.parquet", lambda file: parquet.read_table(file).to_pandas()),
    "pyarrow dataset": ("t.parquet", lambda file: dataset.dataset(file).to_table().to_pandas()),
}
POLARS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "polars csv": ("t.csv", lambda file: pl.read_csv(file)),
    "polars parquet": ("t.parquet", lambda file: pl.read_parquet(file)),
    "polars scan": ("t.parquet", lambda file: pl.scan_parquet(file).collect()),
}


@pytest.mark.parametrize("reader", AS_PATH)
def test_the_file_itself(place: Callable[[str], File], reader: str) -> None:
    name, read = AS_PATH[reader]
    assert list(read(place(name))["a"]) == [1, 2]


@pytest.mark.parametrize("reader", [*AS_PATH, *POLARS])
def test_its_path_and_its_stream(place: Callable[[str], File], reader: str) -> None:
    name, read = (AS_PATH | POLARS)[reader]
    assert list(read(place(name).path)["a"]) == [1, 2]
    if reader != "pyarrow dataset":  # which takes paths only
        with place(name).open("rb") as stream:
            assert list(read(stream)["a"]) == [1, 2]


@pytest.mark.parametrize("reader", POLARS)
def test_polars_takes_no_path_like_object(place: Callable[[str], File], reader: str) -> None:
    """The guide says to hand it ``file.path``. When this fails, the guide can say less."""
    name, read = POLARS[reader]
    with pytest.raises(TypeError):
        read(place(name))
