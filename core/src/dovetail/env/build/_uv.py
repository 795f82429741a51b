"""uv: finding it, starting it far from the user's project, and telling why it failed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from dovetail.config import Settings
from dovetail.env._scratch import Scratch
from dovetail.env.build._index import index_settings, uv_environment
from dovetail.env.build._request import Tell
from dovetail.errors import EngineUnavailable

_LEAST = (0, 5)
"""The oldest uv that knows all options that are used here."""
_END = 5
"""Seconds that uv gets to end when this process is interrupted."""


def find_uv() -> Path:
    """uv on PATH, beside this interpreter, where users usually have it, or that of the wheel ``uv``.

    Raises:
        EngineUnavailable: There is none that starts and is new enough.
    """
    return _find_uv(os.environ.get("PATH", ""), os.environ.get("HOME", ""))


@cache
def _find_uv(path: str, home: str) -> Path:
    seen = []
    for candidate in _candidates(path, home):
        version = _version(candidate)
        if version is not None and version >= _LEAST:
            return candidate
        told = f"uv {'.'.join(map(str, version))} is too old" if version else "does not start"
        seen.append(f"{candidate} ({told})")
    raise EngineUnavailable(
        "uv, which builds environments, is not here",
        why=f"found: {', '.join(seen)}"
        if seen
        else "it is neither on PATH, nor beside this interpreter, nor in ~/.local/bin",
        fix="pip install uv",
    )


def _candidates(path: str, home: str) -> Iterator[Path]:
    places = [*path.split(os.pathsep), str(Path(sys.executable).parent)]
    places += [str(Path(home) / folder) for folder in (".local/bin", ".cargo/bin")] if home else []
    wheel = importlib.util.find_spec("uv")
    if wheel is not None and wheel.origin:
        places.append(str(Path(sys.prefix) / "bin"))
        places.append(str(Path(wheel.origin).parents[4] / "bin"))
    for place in dict.fromkeys(places):
        found = shutil.which("uv", path=place) if place else None
        if found:
            yield Path(found)


def _version(uv: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run([str(uv), "--version"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"uv (\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if done.returncode == 0 and found else None


class Uv:
    """uv, in a scratch directory of its own that holds what the project says about indexes. Made by :func:`uv_for`.

    Args:
        command: The program.
        folder: The scratch directory.
        offline: It may use no network.
        tell: Called with each line that it prints.
    """

    def __init__(self, command: Path, folder: Path, offline: bool, tell: Tell) -> None:
        self.folder = folder
        self.offline = offline
        self._command = command
        self._tell = tell
        self._env = uv_environment(command) | {"TMPDIR": str(folder)}  # where uv leaves locks behind

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        failed: Callable[[int, str], Exception],
        text: str = "",
        keep_open: Sequence[int] = (),
        quietly: bool = False,
    ) -> str:
        """Run it to its end; returns what it wrote to standard output.

        Args:
            arguments: After the program's name.
            failed: Makes the error from the exit code and from what it wrote to standard error.
            text: Standard input.
            keep_open: Descriptors that it holds as well: locks that outlive this process if it does.
            quietly: Tell nothing of what it prints.

        Raises:
            Whatever ``failed`` makes.
        """
        words = [str(self._command), *map(str, arguments), *(["--offline"] if self.offline else [])]
        told: list[str] = []
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
            given.write(text.encode())
            given.seek(0)
            process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=self._env,
                stdin=given,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                pass_fds=tuple(keep_open),
            )
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    told.append(line)
                    if line.strip() and not quietly:
                        self._tell(line.strip())
                code = process.wait()
            except BaseException:
                _stop(process)
                raise
            if code != 0:
                raise failed(code, "".join(told))
            output.seek(0)
            return output.read().decode("utf-8", "replace")

    def from_cache(self, arguments: Sequence[str | Path], *, keep_open: Sequence[int] = ()) -> bool:
        """Run it with what its cache holds; False if that is not enough. Of pinned versions nothing newer can be missed."""
        try:
            self.run([*arguments, "--offline"], failed=_NotThere, keep_open=keep_open, quietly=True)
        except _NotThere:
            return False
        return True


class _NotThere(Exception):
    """Something is not in the cache, or does not install."""


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def uv_for(settings: Settings, *, offline: bool, tell: Tell) -> Iterator[Uv]:
    """uv for one build.

    Raises:
        EngineUnavailable: There is no uv.
        ConfigError: The project's configuration of uv cannot be read.
    """
    command = find_uv()
    text = index_settings(settings.project_root)
    with _folder() as folder:
        (folder / "uv.toml").write_text(text, encoding="utf-8")
        yield Uv(command, folder, offline, tell)


@contextmanager
def _folder() -> Iterator[Path]:
    """A directory that `env gc` finds, should this process be killed."""
    try:
        scratch = Scratch()
    except OSError:  # the usual place is somebody else's
        with tempfile.TemporaryDirectory(prefix="dovetail-env-") as name:
            yield Path(name)
        return
    try:
        yield scratch.path
    finally:
        scratch.remove()
