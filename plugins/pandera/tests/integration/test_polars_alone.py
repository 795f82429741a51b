"""Polars schemas need polars, not pandas and not numpy."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top in ("numpy", "pandas"):
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)

sys.meta_path.insert(0, Blocked())
import pandera.polars as pa
import polars as pl
from dovetail.quality import Gate

class Flight(pa.DataFrameModel):
    carrier: str = pa.Field(isin=["AA", "UA"], unique=True, str_matches="^[A-Z]+$")
    delay: float = pa.Field(ge=0, nullable=True)

    @pa.check("delay")
    def small(cls, data):
        return data.lazyframe.select(pl.col(data.key) < 100)

    class Config:
        coerce = True

frame = pl.DataFrame({"carrier": ["AA", "??", "UA"], "delay": ["1", None, "x"]})
print(Gate(Flight, on_fail="quarantine", max_quarantined=1.0)(frame).rows())
"""


def test_a_gate_without_pandas_and_numpy() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout == "[('AA', '1')]\n", done.stderr
