"""Make `.venv`: the pinned third-party packages of `requirements.lock`, and every distribution of this workspace, editable.

Started by `scripts/bootstrap.sh`, which finds the Python. Doing it again costs nothing until the lock or a pyproject changes.
"""

from __future__ import annotations

import sys

from tooling import LOCK, ROOT, ToolError, distributions, make_environment


def main() -> int:
    """Returns the exit code."""
    members = distributions()
    editable = [word for member in members for word in member.editable()]
    inputs = [LOCK, *(member.path / "pyproject.toml" for member in members)]
    try:
        made = make_environment(ROOT / ".venv", sys.executable, inputs, [["-r", LOCK], ["--no-deps", *editable]])
    except (ToolError, OSError) as error:
        print(f"set-up failed: {error}", file=sys.stderr)
        print(
            "If the package index cannot be reached, give pip or uv one (`pip config`, UV_DEFAULT_INDEX).",
            file=sys.stderr,
        )
        return 3
    if made:
        print(f"set up .venv: {len(members)} distributions of this workspace and what {LOCK.name} pins", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
