"""Write `requirements.lock`: every third-party package of the workspace, pinned, without naming where it comes from.

    python scripts/lock.py [--upgrade]

One file for all supported Pythons and platforms (markers say which line is for whom). Pins that still fit are kept unless
`--upgrade` is given. uv's own lock file holds addresses of a package index, so it is not committed; this one is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tooling import LOCK, ROOT, ToolError, distributions, ensure_uv, uv_environment

HEADER = """\
# Pinned third-party packages of the whole workspace. Made by `make lock`; do not edit.
"""


def main() -> int:
    """Returns the exit code."""
    try:
        pins = resolve(upgrade="--upgrade" in sys.argv[1:])
    except ToolError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 3
    LOCK.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"{LOCK.name}: {len(pins)} lines")
    return 0


def resolve(*, upgrade: bool) -> list[str]:
    """The lines ``name==version ; markers``; ToolError when the requirements cannot be met together."""
    uv = ensure_uv()
    requirements = "\n".join(_requirements())
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "pins.txt"  # uv prefers the versions that it finds in its output file
        if LOCK.exists() and not upgrade:
            kept.write_text(LOCK.read_text(encoding="utf-8"), encoding="utf-8")
        flags = ["--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url"]
        done = subprocess.run(
            [str(uv), "pip", "compile", "-", "-o", str(kept), "--quiet", *flags],
            input=requirements,
            text=True,
            cwd=folder,
            env=uv_environment(uv),
            check=False,
        )
        if done.returncode != 0:
            raise ToolError(
                "the requirements of core, the plugins and the root groups cannot be met together (see above)"
            )
        lines = kept.read_text(encoding="utf-8").splitlines()
    strange = [line for line in lines if "==" not in line or "://" in line]
    if strange:
        raise ToolError(f"not a plain pin: {strange[0]}")
    return lines


def _requirements() -> list[str]:
    """All that any distribution, extra or group asks for, but for the workspace's own distributions."""
    members = distributions()
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [line for group in root["dependency-groups"].values() for line in group if isinstance(line, str)]
    for member in members:
        asked += member.project["project"].get("dependencies", [])
        asked += [line for extra in member.extras.values() for line in extra]
        asked += member.test_group
    return sorted({line for line in asked if not line.replace("_", "-").startswith("dovetail")})


if __name__ == "__main__":
    raise SystemExit(main())
