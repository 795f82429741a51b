"""Write `requirements.lock`: every third-party package of the workspace, pinned, without naming where it comes from.

    python scripts/lock.py [--upgrade]

One file for all supported Pythons and platforms (markers say which line is for whom). Pins that still fit are kept unless
`--upgrade` is given. uv's own lock file holds addresses of a package index, so it is not committed; this one is.

A distribution whose engine cannot be had together with the others' has a `requirements.lock` of its own, beside its
`pyproject.toml`: its engine is installed in the environment of its own tests alone. An empty file makes it one of those.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tooling import LOCK, ROOT, Distribution, ToolError, distributions, ensure_uv, requirement_name, uv_environment

HEADER = """\
# Pinned third-party packages of the whole workspace. Made by `make lock`; do not edit.
"""
OWN_HEADER = """\
# Pinned third-party packages of the tests of {name} alone. Made by `make lock`; do not edit.
"""


def main() -> int:
    """Returns the exit code."""
    upgrade = "--upgrade" in sys.argv[1:]
    members = distributions()
    together = [member for member in members if member.lock == LOCK]
    try:
        write(LOCK, HEADER, _requirements(together), upgrade=upgrade)
        for member in members:
            if member not in together:
                write(member.lock, OWN_HEADER.format(name=member.name), _own(member), upgrade=upgrade)
    except ToolError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 3
    return 0


def write(lock: Path, header: str, requirements: Sequence[str], *, upgrade: bool) -> None:
    """Write one lock file; ToolError when the requirements cannot be met together."""
    pins = resolve(lock, requirements, upgrade=upgrade)
    lock.write_text(header + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"{lock.relative_to(ROOT)}: {len(pins)} lines")


def resolve(lock: Path, requirements: Sequence[str], *, upgrade: bool) -> list[str]:
    """The lines ``name==version ; markers``; ToolError when the requirements cannot be met together."""
    uv = ensure_uv()
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "pins.txt"  # uv prefers the versions that it finds in its output file
        if lock.exists() and not upgrade:
            kept.write_text(lock.read_text(encoding="utf-8"), encoding="utf-8")
        flags = ["--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "--no-emit-index-url"]
        done = subprocess.run(
            [str(uv), "pip", "compile", "-", "-o", str(kept), "--quiet", *flags],
            input="\n".join(requirements),
            text=True,
            cwd=folder,
            env=uv_environment(uv),
            check=False,
        )
        if done.returncode != 0:
            raise ToolError(f"the requirements of {lock.relative_to(ROOT)} cannot be met together (see above)")
        lines = kept.read_text(encoding="utf-8").splitlines()
    strange = [line for line in lines if "==" not in line or "://" in line]
    if strange:
        raise ToolError(f"not a plain pin: {strange[0]}")
    return lines


def _requirements(members: Sequence[Distribution]) -> list[str]:
    """All that any of them, an extra or a group asks for, but for the workspace's own distributions."""
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [line for group in root["dependency-groups"].values() for line in group if isinstance(line, str)]
    for member in members:
        asked += [*member.dependencies, *member.test_group]
        asked += [line for extra in member.extras.values() for line in extra]
    out = {name for member in members for name in member.left_out}
    asked = [line for line in asked if requirement_name(line) not in out]
    return sorted({line for line in asked if not line.replace("_", "-").startswith("dovetail")})


def _own(member: Distribution) -> list[str]:
    """What the environment of its tests holds: the shared test group, itself, and the distributions of this tree it needs."""
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    local = {other.name: other for other in distributions()}
    asked, seen = list(root["dependency-groups"]["test"]), {""}
    open_lines = [f"{member.name}[engine]", "dovetail[arrow,testing]", *member.test_group]
    while open_lines:
        line = open_lines.pop()
        name, extras = _name_and_extras(line)
        if name not in local:
            asked.append(line)
        elif line not in seen:
            seen.add(line)
            open_lines += [*local[name].dependencies]
            open_lines += [more for extra in extras for more in local[name].extras.get(extra, ())]
    return sorted(line for line in set(asked) if requirement_name(line) not in member.left_out)


def _name_and_extras(line: str) -> tuple[str, list[str]]:
    """``dovetail[arrow]==0.1.*`` -> ``dovetail`` and ``["arrow"]``."""
    word = line.split("=")[0].split("<")[0].split(">")[0].split(";")[0].strip()
    name, _, extras = word.partition("[")
    return name, [extra.strip() for extra in extras.rstrip("]").split(",") if extra.strip()]


if __name__ == "__main__":
    raise SystemExit(main())
