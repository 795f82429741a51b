"""A built environment, and the marker that says it is whole."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dovetail.env.build._places import Places, locked, read_json
from dovetail.errors import DefinitionError, EngineUnavailable
from dovetail.spec import Manifest

MARKER = "dovetail.json"
FORMAT = 1


@dataclass(frozen=True)
class Environment:
    """An environment that is built and whole.

    Attributes:
        name: What the request called it that was asked with.
        digest: Of what is locked and of the interpreter; the same in all projects that lock the same.
        path: Its directory.
        python: The interpreter inside.
        python_version: Its version: ``(3, 12, 1)``.
        packages: Versions of the distributions in it, by canonical name.
        manifests: What the dovetail plugins declare that are installed in it.
        problems: Plugins installed in it that cannot be used: who, and why.
        size: Bytes on disk when it was built.
        built: When that was, in seconds since the epoch.
    """

    name: str
    digest: str
    path: Path
    python: Path
    python_version: tuple[int, int, int]
    packages: Mapping[str, str] = field(hash=False)
    manifests: tuple[Manifest, ...] = field(default=(), hash=False)
    problems: tuple[tuple[str, str], ...] = ()
    size: int = 0
    built: float = 0.0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep it from being removed, for as long as the block lasts or this process lives.

        Raises:
            EngineUnavailable: It has been removed since it was found.
        """
        with held(self.path) as whole:
            if not whole:
                raise EngineUnavailable(
                    f"environment {self.name} was removed a moment ago",
                    who=str(self.path),
                    fix=f"dovetail env sync {self.name}",
                )
            yield


@contextmanager
def held(path: Path, *, inherited: bool = False) -> Iterator[bool]:
    """Hold the environment at a directory; yields whether it is there.

    Args:
        path: Directory of the environment.
        inherited: Programs that this process starts, or becomes, hold it as well.
    """
    lock = path.parent / ".locks" / f"{path.name}.lock"
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(locked(lock, shared=True))
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            # A place that this user can only read: nor can it be removed from here by mistake.
        else:
            with suppress(OSError):
                os.utime(descriptor)
            if inherited:
                os.set_inheritable(descriptor, True)
        yield (path / MARKER).is_file()


def read_environment(places: Places, digest: str, name: str) -> Environment | None:
    """The environment of a digest, if it is there and whole. Starts no process.

    Whole means that the marker, which is written last, is there, that the interpreter is, and that nobody has installed
    anything into it, or taken anything out, since.
    """
    path = places.home(digest)
    told = read_json(path / MARKER)
    try:
        if told["format"] != FORMAT or told["digest"] != digest:
            return None
        python = path / told["python"]
        if not os.access(python, os.X_OK) or distributions_in(path / told["site"]) != told["distributions"]:
            return None
        return Environment(
            name=name,
            digest=digest,
            path=path,
            python=python,
            python_version=(int(told["version"][0]), int(told["version"][1]), int(told["version"][2])),
            packages=dict(told["packages"]),
            manifests=tuple(Manifest.from_dict(each) for each in told["manifests"]),
            problems=tuple((str(who), str(why)) for who, why in told["problems"]),
            size=int(told["size"]),
            built=float(told["built"]),
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, DefinitionError):
        return None


def marker_of(environment: Environment, site: Path) -> dict[str, Any]:
    """The content of the marker of an environment that was just built.

    Args:
        environment: What it is.
        site: Its directory of packages.
    """
    path = environment.path
    return {
        "format": FORMAT,
        "digest": environment.digest,
        "python": str(environment.python.relative_to(path)),
        "version": list(environment.python_version),
        "site": str(site.relative_to(path)),
        "distributions": distributions_in(site),
        "packages": dict(environment.packages),
        "manifests": [each.to_dict() for each in environment.manifests],
        "problems": [list(each) for each in environment.problems],
        "size": environment.size,
        "built": environment.built,
    }


def distributions_in(site: Path) -> list[str] | None:
    """Names of the metadata directories in a directory of packages, in order; None if it cannot be read."""
    try:
        with os.scandir(site) as entries:
            return sorted(entry.name for entry in entries if entry.name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return None


def touch(path: Path) -> None:
    """Note that the environment at a directory is used now."""
    with suppress(OSError):
        os.utime(path.parent / ".locks" / f"{path.name}.lock")


def size_of(path: Path) -> int:
    """Bytes of all files below a directory."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += Path(folder, name).lstat().st_size
    return total


def clear(path: Path) -> int:
    """Remove the directory of an environment, its marker first; returns the bytes that were in it. Raises OSError."""
    if not path.exists():
        return 0
    (path / MARKER).unlink(missing_ok=True)
    size = size_of(path)
    shutil.rmtree(path)
    return size
