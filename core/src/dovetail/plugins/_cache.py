"""What probes found, kept in the user's cache directory for as long as nothing that decided it has changed.

One small JSON file per plugin and interpreter, which nobody else can have written. A cache that cannot be written or read is
no cache, and no error.
"""

# ruff: noqa: PTH100, PTH117, PTH118, PTH120, PTH123 - pathlib costs more than what is done with these paths
from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dovetail.config import Settings
from dovetail.plugins._collect import is_importable
from dovetail.plugins._locate import locate, package_files
from dovetail.plugins._probe import Probed
from dovetail.plugins._scan import Found
from dovetail.plugins._witness import is_settled, note_files, still_holds
from dovetail.spec import API_VERSION

_FORMAT = 3
_AGAIN = 3600
"""Seconds after which what failed is tried again: a machine that was overloaded looks like a plugin that hangs."""
_LONGEST = 32 << 20
"""Bytes of a file that is read."""
_SLOW = 1.0
"""Seconds from which on a failure is believed for a while: it may heal by itself, but each run would wait for it again."""


class ProbeCache:
    """The cache of one process.

    Args:
        settings: ``cache_dir`` says where it lies, ``plugin_import_seconds`` what counts as hanging.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = _directory(settings)
        self._limit = settings.plugin_import_seconds
        self._core: list[Any] | None = None

    def get(self, found: Found, *, to_tell: bool = False) -> dict[str, Any] | None:
        """The answer of an earlier probe, if everything that decided it is as it was; else None.

        Args:
            found: The plugin.
            to_tell: Whether it is only to be told to people. A failure that costs little is kept for that alone: whoever
                wants to use the plugin tries again.
        """
        path = self._path(found)
        if path is None:
            return None
        try:
            kept: Any = json.loads(_read(path))
            if kept["key"] != self._key(found) or not still_holds(kept["seen"]):
                return None
            answer: dict[str, Any] = kept["answer"]
            if kept["to_tell"] and not (to_tell and _still_absent(answer["error"])):
                return None
            if answer.get("hangs") and kept["limit"] < self._limit:
                return None  # it gets more time now
            if "manifest" not in answer and not 0 <= time.time() - kept["at"] < _AGAIN:
                return None
            return answer if {"manifest", "error", "hangs", "died"} & set(answer) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def put(self, found: Found, probed: Probed, began: int) -> None:
        """Keep what a probe found, unless it may change without anything that can be seen from here.

        Args:
            found: The plugin.
            probed: What was found.
            began: When the probe was begun, in nanoseconds since the epoch.
        """
        path = self._path(found)
        if path is None:
            return
        seen = self._seen(found, probed, began)
        try:
            settled = seen is not None and is_settled(seen)
        except (KeyError, TypeError, ValueError, AttributeError):  # the plugin had a hand in it
            settled = False
        if not settled:
            with suppress(OSError):
                path.unlink()
            return
        answer = {key: value for key, value in probed.answer.items() if key != "seen"}
        quick = probed.outcome == "missing" or (probed.outcome == "failed" and probed.seconds <= _SLOW)
        facts = {"key": self._key(found), "at": time.time(), "limit": self._limit, "seen": seen, "to_tell": quick}
        _write(path, facts | {"answer": answer})

    def _seen(self, found: Found, probed: Probed, began: int) -> Mapping[str, Any] | None:
        if probed.outcome in ("ok", "failed", "missing"):
            return probed.seen or None
        source = locate(found.module) if probed.outcome in ("hangs", "died") else None
        return note_files(package_files(source), began) if source else None

    def _path(self, found: Found) -> Path | None:
        if self._folder is None:
            return None
        who = [sys.executable, sys.prefix, found.distribution, found.name, found.module, found.attribute]
        return self._folder / f"{hashlib.sha256(json.dumps(who).encode()).hexdigest()[:32]}.json"

    def _key(self, found: Found) -> list[Any]:
        if self._core is None:
            self._core = _core_stamps()
        plugin = [found.distribution, found.version, found.name, found.module, found.attribute]
        return [_FORMAT, API_VERSION, sys.version, self._core, plugin, locate(found.module)]


def _still_absent(error: Mapping[str, Any]) -> bool:
    """Whether the module that was missing still is; True if none was."""
    return not error["missing"] or bool(error["absent"] and not is_importable(error["absent"]))


def now() -> int:
    """The time by which files are stamped."""
    return time.time_ns()


def _directory(settings: Settings) -> Path | None:
    if settings.cache_dir is not None:
        return settings.cache_dir / "probes"
    stated = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(stated):
        return Path(stated) / "dovetail" / "probes"
    try:
        return Path.home() / ".cache" / "dovetail" / "probes"
    except RuntimeError:  # a user without a home
        return None


def _core_stamps() -> list[Any]:
    """The state of the code that looks at plugins; its version does not change while it is worked on."""
    floor = os.path.dirname(os.path.abspath(__file__))
    folders = (floor, os.path.join(os.path.dirname(floor), "spec"))
    return [
        [entry.name, entry.stat().st_mtime_ns, entry.stat().st_size]
        for folder in folders
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
        if entry.name.endswith(".py")
    ]


def _read(path: Path) -> bytes:
    """The content of a file that only this user can have written: what it names is code that will be run.

    Raises:
        OSError: There is none, or it is somebody else's.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
        if not ours or found.st_size > _LONGEST:
            raise OSError("not to be trusted")
        return stream.read()


def _write(path: Path, data: dict[str, Any]) -> None:
    temporary = path.with_name(f"{path.stem}-{os.getpid()}-{threading.get_ident()}.tmp")
    made = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # In a directory that is not ours alone, somebody may have put a link there.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        made = True
        with open(descriptor, "w", encoding="utf-8") as stream:
            json.dump(data, stream)
        temporary.replace(path)
    except OSError:
        if made:
            with suppress(OSError):
                temporary.unlink()
