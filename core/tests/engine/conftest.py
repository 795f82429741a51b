"""A hub in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dovetail.hub import Hub
from dovetail.spec import Blob
from dovetail.store import ArtifactStore


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub(home=tmp_path / "store") as hub:
        yield hub


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a script in a process of its own, with its store in ``tmp_path / "store"``."""

    def run(script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "script.py"
        file.write_text(textwrap.dedent(script))
        return subprocess.run(
            [sys.executable, str(file), *arguments],
            env={**os.environ, "DOVETAIL_HOME": str(tmp_path / "store"), **env},
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )

    return run


@pytest.fixture
def opened(hub: Hub, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Digests of the files that were opened since the values of the module's workflow ``made`` were stored and forgotten."""
    hub.run(request.module.made)
    digests: list[str] = []
    open_path = ArtifactStore.open_path

    def counting(self: ArtifactStore, blob: Blob) -> Any:
        digests.append(blob.digest)
        return open_path(self, blob)

    monkeypatch.setattr(ArtifactStore, "open_path", counting)
    return digests
