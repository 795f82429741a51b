"""Telling what happens, and why a build failed, in words for people and without secrets."""

from __future__ import annotations

import re
from pathlib import Path

from dovetail.config import mask_urls, redact
from dovetail.env.build._request import EnvRequest
from dovetail.errors import ConfigError, DovetailError, EngineUnavailable, PlatformError, unwritable

_NO_ROOM = ("No space left on device", "os error 28", "Disk quota exceeded", "os error 122", "Read-only file system")
_UNSOLVABLE = ("No solution found", "unsatisfiable")
_OFFLINE = ("network was disabled", "not found in the cache", "offline")
_LONG = 6000
"""Characters of what uv says that are shown; the last ones, since the cause comes last."""


def silent(line: str) -> None:
    """Tell nobody."""


def masked(text: str) -> str:
    """A text of another program without secrets."""
    return redact(mask_urls(text))


def uv_failure(doing: str, request: EnvRequest, told: str, *, offline: bool, root: Path) -> DovetailError:
    """The error for a uv that failed.

    Args:
        doing: What could not be done: ``"be resolved"``, ``"be built"``.
        request: For which environment.
        told: What uv wrote to standard error.
        offline: It had to do without network.
        root: Where environments lie.
    """
    reason = masked(_plain(told)) or "uv says nothing about it"
    what = f"environment {request.name} cannot {doing}"
    if any(word in told for word in _NO_ROOM):
        return PlatformError(
            what, who=request.who, why=reason, fix=f"make room in {root}, or name another place: DOVETAIL_ENV_DIR=DIR"
        )
    if offline and any(word in told for word in _OFFLINE):
        return EngineUnavailable(
            what,
            who=request.who,
            why=reason,
            fix="build it once with network, or give uv the wheels: UV_FIND_LINKS=DIR; then try again",
        )
    if any(word in told for word in _UNSOLVABLE):
        cls = EngineUnavailable if request.source.startswith("plugin ") else ConfigError
        return cls(what, who=request.who, why=reason, fix=_what_to_change(request))
    fix = f"see what uv says; then try again: dovetail env sync {request.name}"
    return EngineUnavailable(what, who=request.who, why=reason, fix=fix)


def _what_to_change(request: EnvRequest) -> str:
    asked = ", ".join(repr(each) for each in request.requires) or "nothing"
    place = request.source or "what it requires"
    return f"change {place}, which asks for {asked}" + (f" on Python {request.python}" if request.python else "")


def _plain(told: str) -> str:
    lines = [line.rstrip() for line in told.splitlines() if line.strip() and not line.lstrip().startswith("Using ")]
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines)).strip()
    return text if len(text) <= _LONG else "... " + text[-_LONG:]


def place_failure(request: EnvRequest, root: Path, error: OSError) -> DovetailError:
    """The error for a directory of environments that takes nothing."""
    path = error.filename if isinstance(error.filename, str) else str(root)
    made = unwritable(f"environment {request.name}", path, error, "name another place: DOVETAIL_ENV_DIR=DIR")
    made.who = request.who
    return made
