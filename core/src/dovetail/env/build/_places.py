"""Where environments lie, and the locks by which processes agree on who builds, uses and removes them."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dovetail.config import Settings
from dovetail.errors import ConfigError

LOCK_FILE = "dovetail.lock"
SAY_AFTER = 1.0
"""Seconds after which somebody who waits for a lock is told so."""


class Busy(Exception):
    """Another process holds the lock. ``args[0]`` says who, for people."""


class Places:
    """The directory of all environments of a user, and what lies beside them.

    Args:
        settings: ``env_dir``, else ``cache_dir``, say where it is.
    """

    def __init__(self, settings: Settings) -> None:
        self.root = settings.env_dir or _default(settings)

    def home(self, digest: str) -> Path:
        """The directory of one environment."""
        return self.root / digest[:16]

    def lock(self, digest: str) -> Path:
        """The file that its builder and its users lock."""
        return self.root / ".locks" / f"{digest[:16]}.lock"

    def request(self, key: str) -> Path:
        """What a request led to."""
        return self.root / ".requests" / f"{key[:32]}.json"

    def pins(self, key: str) -> Path:
        """The resolution of a request that no lock file pins."""
        return self.root / ".requests" / f"{key[:32]}.pins.json"

    @property
    def pythons(self) -> Path:
        """What interpreters have told about themselves."""
        return self.root / ".pythons.json"

    def check(self) -> None:
        """See that nobody else can have put something there that would be run.

        Raises:
            ConfigError: Others may write into the directory.
        """
        try:
            found = self.root.stat()
        except OSError:
            return
        if found.st_uid not in (os.geteuid(), 0) or found.st_mode & stat.S_IWOTH:
            raise ConfigError(
                f"the directory of environments {str(self.root)!r} can be written by others",
                why="what lies there is run",
                fix="chmod o-w it, or set env_dir to a directory of your own",
            )


def _default(settings: Settings) -> Path:
    if settings.cache_dir is not None:
        return settings.cache_dir / "envs"
    stated = os.environ.get("XDG_CACHE_HOME", "")
    if Path(stated).is_absolute():
        return Path(stated) / "dovetail" / "envs"
    try:
        return Path.home() / ".cache" / "dovetail" / "envs"
    except RuntimeError:
        raise ConfigError(
            "there is no place for environments",
            why="this user has no home directory",
            fix="set env_dir, or DOVETAIL_ENV_DIR",
        ) from None


def lock_path(settings: Settings) -> Path:
    """Where the lock file of a project lies, or would lie: beside its config file."""
    return (settings.source.parent if settings.source else settings.project_root) / LOCK_FILE


def stamp(path: Path) -> str:
    """A digest of the file's content; ``""`` if there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if there is none, or it holds something else."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def write_json(path: Path, data: Any) -> None:
    """Replace a JSON file as a whole, in a way that survives the loss of power. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(data, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def locked(
    path: Path, *, shared: bool = False, wait: bool = True, waiting: Callable[[str], None] | None = None
) -> Iterator[int]:
    """Hold the lock of a file; yields its descriptor. The kernel frees it when the last process that has it ends.

    Args:
        path: The file; it is made if it is not there.
        shared: Several may hold it so at once.
        wait: Wait for whoever holds it.
        waiting: Called once with who holds it, if the wait takes longer than a second.

    Raises:
        Busy: Without ``wait``: somebody else holds it.
        OSError: The file cannot be made.
    """
    descriptor = _acquire(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, wait, waiting)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(path: Path, kind: int, wait: bool, waiting: Callable[[str], None] | None) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            _flock(descriptor, path, kind, wait, waiting)
            if _is_still(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was removed while we waited: another one lies there, or will


def _flock(descriptor: int, path: Path, kind: int, wait: bool, waiting: Callable[[str], None] | None) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
    if not wait:
        raise Busy(holders(path))
    timer = threading.Timer(SAY_AFTER, lambda: waiting(holders(path))) if waiting else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        fcntl.flock(descriptor, kind)
    finally:
        if timer:
            timer.cancel()


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def holders(path: Path) -> str:
    """Who holds the lock of a file, for people: ``process 4711 (dovetail run ...)``; ``another process`` where the system
    does not tell."""
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return "another process"
    found = {}
    for line in lines:
        words = line.split()
        if len(words) >= 6 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
            found[words[4]] = _command(words[4])
    known = [f"process {pid}" + (f" ({command})" if command else "") for pid, command in found.items() if pid != "0"]
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "") or "another process"


def _command(pid: str) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return ""
    plain = (" ".join(word.split()) for word in words[:6])
    told = " ".join(word if len(word) < 40 else "..." + word[-36:] for word in plain if word)
    return told if len(told) <= 100 else told[:97] + "..."
