"""What the scripts of this repository share: where things are, how uv is found, how commands are run. Standard library only."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
_BIN = "Scripts" if os.name == "nt" else "bin"


class ToolError(Exception):
    """A step that went wrong, with a message for people."""


@dataclass(frozen=True)
class Distribution:
    """One distribution of this workspace."""

    name: str
    path: Path
    project: Mapping[str, Any]

    @property
    def short(self) -> str:
        """``core``, ``polars``, ... as the directory is called."""
        return self.path.name

    @property
    def dependencies(self) -> list[str]:
        """What the distribution itself asks for."""
        asked: list[str] = self.project["project"].get("dependencies", [])
        return asked

    @property
    def extras(self) -> Mapping[str, list[str]]:
        """The optional dependencies by extra."""
        extras: Mapping[str, list[str]] = self.project["project"].get("optional-dependencies", {})
        return extras

    @property
    def test_group(self) -> list[str]:
        """What the tests need beyond the distribution itself: its dependency group ``test``."""
        group: list[str] = self.project.get("dependency-groups", {}).get("test", [])
        return group

    @property
    def left_out(self) -> frozenset[str]:
        """What of it is neither pinned nor installed here: the ``left-out`` of its ``[tool.dovetail-workspace]``."""
        table = self.project.get("tool", {}).get("dovetail-workspace", {})
        return frozenset(table.get("left-out", ()))

    def engine(self) -> list[str]:
        """Arguments for ``uv pip install`` that install it from this tree with its engine, but for what is left out."""
        if not self.left_out:
            return self.editable(["arrow", "engine"])
        lines = [line for line in self.extras.get("engine", []) if requirement_name(line) not in self.left_out]
        return self.editable(["arrow"]) + lines

    @property
    def packages(self) -> list[str]:
        """The import names under ``src/``."""
        return sorted(init.parent.name for init in (self.path / "src").glob("*/__init__.py"))

    @property
    def lock(self) -> Path:
        """The pins that its tests run with: its own, where its engine goes with none of the others', else those of all."""
        own = self.path / LOCK.name
        return own if own.exists() else LOCK

    def editable(self, extras: Iterable[str] = ()) -> list[str]:
        """Arguments for ``uv pip install`` that install it from this tree."""
        suffix = ",".join(extra for extra in extras if extra in self.extras)
        return ["-e", f"{self.path}[{suffix}]" if suffix else str(self.path)]


def requirement_name(line: str) -> str:
    """``torch>=2.4`` -> ``torch``."""
    return re.split(r"[\s\[<>=!~;(]", line.strip(), maxsplit=1)[0]


def distributions() -> list[Distribution]:
    """Core first, then the plugins and the contributed ones by name."""
    folders = [ROOT / "core", *sorted((ROOT / "plugins").glob("*/")), *sorted((ROOT / "contrib").glob("*/"))]
    found = []
    for folder in folders:
        pyproject = folder / "pyproject.toml"
        if pyproject.exists():
            project = tomllib.loads(pyproject.read_text(encoding="utf-8"))
            found.append(Distribution(project["project"]["name"], folder, project))
    return found


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / _BIN / ("python.exe" if os.name == "nt" else "python")


def run(
    arguments: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    output: IO[str] | None = None,
) -> None:
    """Run a command to its end; ToolError when it cannot be started or fails. What it says goes to ``output`` if given."""
    words = [str(argument) for argument in arguments]
    errors = None if output is None else subprocess.STDOUT
    try:
        code = subprocess.run(words, cwd=cwd, env=env, stdout=output, stderr=errors, check=False).returncode
    except OSError as error:
        raise ToolError(f"cannot run {words[0]}: {error}") from error
    if code != 0:
        raise ToolError(f"`{' '.join(words)}` ended with exit code {code}")


def find_uv() -> Path | None:
    """uv on PATH, or the one that the bootstrap made; None when there is neither."""
    for candidate in (shutil.which("uv"), str(ROOT / ".tools" / "uv-venv" / _BIN / "uv")):
        if candidate and _starts(candidate):
            return Path(candidate)
    return None


def _starts(command: str) -> bool:
    try:
        return subprocess.run([command, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def ensure_uv() -> Path:
    """uv, made by venv and pip in ``.tools/uv-venv`` when the machine has none."""
    found = find_uv()
    if found is not None:
        return found
    home = ROOT / ".tools" / "uv-venv"
    print("uv is not on PATH: making one in .tools/uv-venv", flush=True)
    run([sys.executable, "-m", "venv", "--clear", home])
    run([python_of(home), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_pin("uv")])
    found = find_uv()
    if found is None:
        raise ToolError("uv was installed in .tools/uv-venv but does not start; remove .tools and try again")
    return found


def _pin(name: str) -> list[str]:
    for line in LOCK.read_text(encoding="utf-8").splitlines() if LOCK.exists() else ():
        if line.split("==")[0].strip() == name:
            return [line.split(";")[0].strip()]
    return [name]


def uv_environment(uv: Path) -> dict[str, str]:
    """The environment for uv and for tools that call it.

    uv does not read pip's configuration. Where a machine reaches packages through what pip was told (an index, a folder of
    wheels, a certificate) and uv was told nothing, uv is told the same.
    """
    env = dict(os.environ)
    env["PATH"] = os.pathsep.join([str(uv.parent), env.get("PATH", "")])
    env.pop("VIRTUAL_ENV", None)  # `-p` says which environment is meant; another one that is active must not
    settings = _pip_settings()
    spaced = {"UV_DEFAULT_INDEX": "index-url", "UV_INDEX": "extra-index-url"}
    own_files = (
        Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml",
        Path("/etc/uv/uv.toml"),
    )
    told = any(name in env for name in (*spaced, "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE"))
    told = told or any(path.exists() for path in own_files)
    if not told:
        for variable, key in spaced.items():
            if key in settings:
                env[variable] = " ".join(settings[key].split())
        if "extra-index-url" in settings:
            env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # how pip itself weighs its indexes
    if "find-links" in settings:
        env.setdefault("UV_FIND_LINKS", ",".join(settings["find-links"].split()))
    if "cert" in settings:
        env.setdefault("SSL_CERT_FILE", settings["cert"])
    return env


@cache
def _pip_settings() -> dict[str, str]:
    """``pip config list`` by key; the environment wins over files, as it does for pip. Empty where there is no pip."""
    base = Path(sys.base_prefix) / _BIN / Path(sys.executable).name  # `.venv` has no pip; what it was made from has
    pythons = [sys.executable, str(base), shutil.which("python3") or "", str(python_of(ROOT / ".tools" / "uv-venv"))]
    listing = ""
    for python in pythons:
        if python and Path(python).exists():
            command = [python, "-m", "pip", "config", "list"]
            listed = subprocess.run(command, capture_output=True, text=True, check=False)
            if listed.returncode == 0:
                listing = listed.stdout
                break
    order = {"global": 0, "install": 1, ":env:": 2}
    found: list[tuple[int, str, str]] = []
    for line in listing.splitlines():
        key, separator, value = line.partition("=")
        scope, _, name = key.partition(".")
        if separator and scope in order:
            found.append((order[scope], name, value.strip().strip("'\"").replace("\\n", " ")))
    return {name: value for _, name, value in sorted(found)}


def digest(paths: Iterable[Path], *words: str) -> str:
    """One hash over files and words, to see whether an environment is still what it was made from."""
    hasher = hashlib.sha256()
    for word in words:
        hasher.update(word.encode() + b"\0")
    for path in paths:
        hasher.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return hasher.hexdigest()


def make_environment(
    venv: Path,
    python: str,
    inputs: Iterable[Path],
    installs: Sequence[Sequence[str | Path]],
    output: IO[str] | None = None,
) -> bool:
    """Make or refresh a virtual environment; True when there was something to do.

    ``installs`` are the arguments of successive ``uv pip install`` calls. A stamp in the environment says what it was made
    from: with the same inputs nothing is started at all. What uv says goes to ``output`` if given.
    """
    stamp = venv / ".dovetail-stamp"
    wanted = digest(inputs, *(str(word) for install in installs for word in install))
    if stamp.exists() and python_of(venv).exists() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    uv = ensure_uv()
    env = uv_environment(uv)
    if not _starts(str(python_of(venv))):
        run([uv, "venv", "--quiet", "--clear", "-p", python, venv], env=env, output=output)
    for install in installs:
        run([uv, "pip", "install", "--quiet", "-p", python_of(venv), *install], env=env, output=output)
    stamp.write_text(wanted, encoding="utf-8")
    return True
