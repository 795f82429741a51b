"""Build one wheel per distribution of the workspace.

python scripts/wheels.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from tooling import LOCK, ROOT, ToolError, distributions, ensure_uv, run, uv_environment


def build(folder: Path) -> list[Path]:
    """The wheels, core's first, in ``folder`` (made when missing); ToolError when one cannot be built."""
    uv = ensure_uv()
    folder.mkdir(parents=True, exist_ok=True)
    wheels = []
    for member in distributions():
        stem = f"{member.name.replace('-', '_')}-{member.project['project']['version']}-"
        for stale in folder.glob(f"{stem}*.whl"):
            stale.unlink()
        words: list[str | Path] = [
            uv,
            "build",
            "--quiet",
            "--wheel",
            "--no-sources",
            "--build-constraint",
            LOCK,
            "-o",
            folder,
            member.path,
        ]
        run(words, env=uv_environment(uv))
        wheels += sorted(folder.glob(f"{stem}*.whl"))
    return wheels


def main() -> int:
    """Returns the exit code."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        wheels = build(ROOT / sys.argv[1])
    except ToolError as error:
        print(f"wheels: {error}", file=sys.stderr)
        return 3
    for wheel in wheels:
        print(f"{wheel.stat().st_size / 1024:8.1f} KiB  {wheel.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
