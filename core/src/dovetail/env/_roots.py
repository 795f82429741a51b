"""The worker root: where a worker of an environment has dovetail and the hub's plugins from.

A directory with links to exactly those packages, first on the module path of the worker. So an environment holds engines only;
the code of the hub and that of its workers is always the same; and dovetail's own requirements burden no engine. The hub's
cloudpickle comes along under a name of its own, for engines that want another version of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from dovetail.env._arrive import CLOUDPICKLE
from dovetail.errors import unwritable
from dovetail.spec import Manifest

_KEEP_SECONDS = 7 * 24 * 3600.0


def worker_root(manifests: Iterable[Manifest], folder: Path) -> Path:
    """The directory that holds dovetail and the packages of these plugins; made at first need, then found again.

    Args:
        manifests: Plugins that are installed here; those that are not are passed over.
        folder: Where such directories are kept; made if it is not there.

    Raises:
        PlatformError, UsageError: It cannot be written: no room, or no permission.
    """
    links = {"dovetail": _place("dovetail"), CLOUDPICKLE: _place("cloudpickle")}
    for manifest in manifests:
        if not manifest.distribution:  # of the project, with which it comes
            continue
        for name in sorted(_packages(manifest)):
            links.setdefault(name, _place(name))
    found = {name: place for name, place in links.items() if place is not None}
    text = "\n".join(f"{name}\t{place}" for name, place in sorted(found.items()))
    root = folder / hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    try:
        if not root.is_dir():
            _make(root, found)
        os.utime(root)  # in use: see remove_roots
    except OSError as error:
        raise unwritable("the worker root", root, error, "set cache_dir to a directory of yours") from error
    return root


def remove_roots(folder: Path, older_than: float = _KEEP_SECONDS) -> int:
    """Remove worker roots that nobody has asked for lately, or whose packages have moved; returns how many.

    Args:
        folder: As for :func:`worker_root`.
        older_than: Seconds since the last use.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for root in tuple(folder.iterdir()):
            with contextlib.suppress(OSError):
                old = time.time() - root.stat().st_mtime > older_than
                if root.is_dir() and (old or not all(link.exists() for link in root.iterdir())):
                    shutil.rmtree(root)  # links are removed, not what they lead to
                    removed += 1
    return removed


def _make(root: Path, links: dict[str, Path]) -> None:
    root.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=root.parent))
    try:
        for name, place in links.items():
            (made / (name + place.suffix if place.is_file() else name)).symlink_to(place)
        with contextlib.suppress(OSError):  # somebody else was faster
            made.rename(root)
        if not root.is_dir():
            raise FileNotFoundError(f"{root} was removed while it was made")
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _packages(manifest: Manifest) -> Iterator[str]:
    """Top names of what a plugin consists of: of its distribution where that says so, else of the code that it names."""
    yield manifest.module.partition(".")[0]
    pending: list[Any] = [each.to_dict() for each in manifest.declarations]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            code = value.get("code")
            if isinstance(code, str) and ":" in code:
                yield code.partition(":")[0].partition(".")[0]
            pending += value.values()
        elif isinstance(value, (list, tuple)):
            pending += value
    with contextlib.suppress(metadata.PackageNotFoundError, ValueError):
        for file in metadata.files(manifest.distribution) or ():
            top = file.parts[0].removesuffix(".py")
            if file.suffix == ".py" and top.isidentifier():
                yield top


def _place(name: str) -> Path | None:
    """The directory, or the file, of an installed package or module; None if there is no such."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        place = Path(next(iter(spec.submodule_search_locations)))
    elif spec.origin is not None and spec.has_location:
        place = Path(spec.origin)
    else:
        return None
    return Path(os.path.realpath(place)) if place.exists() else None
