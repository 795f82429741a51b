"""The packaged plugin of the guide is found by its entry point."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

GUIDE = "docs/how-to/write-a-plugin.md"


def test_the_packaged_plugin_is_found_by_its_entry_point(page: Callable[[str], Any], tmp_path: Path) -> None:
    guide = page(GUIDE)
    project = tomllib.loads(guide.file("pyproject.toml"))["project"]
    # What an installer would lay down; building a wheel needs an index.
    for name in ("ledger.py", "ledger_plugin.py", "ledger_transformer.py"):
        (tmp_path / name).write_text(guide.file(name))
    info = tmp_path / "dovetail_ledger-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((group, entries),) = project["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()))
    command = [sys.executable, "-m", "dovetail", "types", "path", "ledger.Ledger", "pyarrow.Table"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert "dovetail-ledger" in shown
