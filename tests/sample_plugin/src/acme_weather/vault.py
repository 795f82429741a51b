"""The secret provider ``vault``: a file with one ``key=secret`` in each line, named by ``ACME_WEATHER_VAULT``."""

from __future__ import annotations

import os
from pathlib import Path


def read(key: str) -> str | None:
    """The secret of this name, or None."""
    path = os.environ.get("ACME_WEATHER_VAULT")
    lines = Path(path).read_text(encoding="utf-8").splitlines() if path else []
    return dict(line.split("=", 1) for line in lines if "=" in line).get(key)
