"""Which plans and streams read one whole file that nobody changes, so that it need not be written again."""

from __future__ import annotations

import contextlib
import shutil
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.spec import Blob, BlobSink, BlobSource

_lock = threading.Lock()
_known: dict[int, tuple[Any, Backing]] = {}
"""``id`` of a value -> a weak reference to it, and its file. Plans are not compared: theirs would be plans again."""


@dataclass(frozen=True, slots=True)
class Backing:
    """A file, and what it holds.

    Attributes:
        path: The file.
        format: Format of its codec.
        rows: Rows, where that is known.
        content_hash: Of the table, where that is known.
        blob: The file as it lies in a store.
        store: That store.
        movable: The file may be moved into a store, since its path is ours.
    """

    path: Path
    format: str
    rows: int | None = None
    content_hash: str = ""
    blob: Blob | None = None
    store: Any = None
    movable: bool = False


def remember_backing(value: Any, backing: Backing) -> None:
    """Say that a value reads all of a file, and nothing else."""
    key = id(value)

    def forget(_: Any) -> None:
        _known.pop(key, None)

    with contextlib.suppress(TypeError):  # what cannot be referred to weakly is simply written again
        reference = weakref.ref(value, forget)
        with _lock:
            _known[key] = reference, backing


def backing_of(value: Any) -> Backing | None:
    """The file that a value reads, if that is known."""
    found = _known.get(id(value))
    return found[1] if found is not None and found[0]() is value else None


def take_over(backing: Backing, sink: BlobSink, name: str) -> Blob:
    """Store the file that a value reads, which goes on reading it: there, or where the store keeps it."""
    if backing.blob is not None and backing.store is sink:
        return backing.blob
    path = sink.temporary(Path(name).suffix)
    try:
        with _lock:
            moved = backing.movable and isinstance(sink, BlobSource) and _moved(backing.path, path)
            if moved:
                blob = sink.add_file(path, name)
                assert isinstance(sink, BlobSource)
                backing.path.symlink_to(sink.open_path(blob))
                return blob
        shutil.copyfile(backing.path, path)
        return sink.add_file(path, name)
    finally:
        path.unlink(missing_ok=True)


def _moved(source: Path, target: Path) -> bool:
    """True if a file was moved; not from one file system to another, and not what was moved before."""
    if source.is_symlink():
        return False
    try:
        source.replace(target)
    except OSError:
        return False
    return True
