"""A gate says nothing that its user did not ask for."""

from __future__ import annotations

import subprocess
import sys


def test_a_gate_is_quiet() -> None:
    """Pandera warns on import when it is imported by its old name; the plugin never does that."""
    code = (
        "import polars as pl, pandera.polars as pa\n"
        "from dovetail.quality import Gate\n"
        "Gate(pa.DataFrameSchema({'a': pa.Column(int)}))(pl.DataFrame({'a': [1]}))\n"
    )
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pandera" not in done.stderr.lower(), done.stderr
