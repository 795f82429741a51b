"""The manifest that a plugin ships, written for a package that is not installed yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dovetail.errors import PlatformError

_PROGRAM = "import sys; from dovetail.plugins import write_shipped_manifest; write_shipped_manifest(sys.argv[1])"


def write_manifest_of(directory: Path, package: str) -> None:
    """Write the manifest of the plugin in ``directory``, from what its hook module declares.

    The hook module is found below ``src/``, before any installed package of the same name, and imported by a process of its own.

    Raises:
        PlatformError: The hook module cannot be imported.
    """
    path = os.pathsep.join([str(directory / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, f"{package}.plugin"],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise PlatformError(
            f"the manifest of {package}.plugin could not be written",
            why=(done.stderr.strip().splitlines() or ["it printed no reason"])[-1],
            fix=f"mend src/{package}/plugin.py, then: dovetail plugins manifest {package}.plugin",
        )
