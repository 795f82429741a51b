"""Child processes of the kit: fresh interpreters that see what this one sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dovetail.testing._import_probe import MARK

_SLOWEST = 120.0


def run_python(
    *arguments: str, timeout: float = _SLOWEST, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter, with the module path of this process and without any ``DOVETAIL_*`` of the user's.

    Raises:
        AssertionError: It did not end within ``timeout`` seconds.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DOVETAIL_")}
    kept["PYTHONPATH"] = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    kept.pop("PYTHONSTARTUP", None)
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            env={**kept, **(env or {})},
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        shown = " ".join(arguments)[:200]
        raise AssertionError(f"a child process did not end within {timeout:g} s: python {shown}") from error


def import_report(module: str, hidden: Sequence[str], *, core: bool = False) -> dict[str, Any]:
    """What importing a hook module took and changed, in a process in which the packages ``hidden`` do not exist.

    With ``core``, the core is loaded before, so that all of it is seen to stay as it is.
    """
    more = ("core",) if core else ()
    done = run_python("-m", "dovetail.testing._import_probe", module, json.dumps(list(hidden)), *more)
    before, mark, text = done.stdout.rpartition(MARK)
    if not mark:
        told = (done.stderr or done.stdout).strip()[-2000:]
        return {
            "error": f"the process ended with code {done.returncode}: {told}",
            "cpu": 0.0,
            "loaded": [],
            "changes": [],
        }
    report: dict[str, Any] = json.loads(text)
    if before.strip():
        report["changes"].append(f"standard output: {before.strip()[:200]!r}")
    return report
