"""Files and directories in the store: their bytes, or for remote ones a reference."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from dovetail.config import mask_url, url_scheme
from dovetail.errors import ArtifactCorrupt
from dovetail.types._files import Directory, File, located_by_reference
from dovetail.types._remote_files import Identity
from dovetail.types._walk import check_plain, file_digest, walk
from dovetail.types.remote import has_secret

_LOCAL = "it lies on this machine, so its bytes are stored"
_KEPT = "it is published, so its bytes are stored"
_TELLS = "its URL holds a secret, which is never stored, so its bytes are"


_whole: ContextVar[bool] = ContextVar("dovetail_whole_files", default=False)


@contextmanager
def whole_files() -> Iterator[None]:
    """Inside, remote files and directories are stored with their bytes: what is published depends on no other place."""
    token = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(token)


class FileCodec:
    """A file is stored as it is."""

    def write(self, value: File, path: Path) -> None:
        """Copy it, or download it."""
        if value.url is None:
            file_digest(value)  # says clearly that it cannot be read, before anything is written
        shutil.copyfile(value.path, path)

    def read(self, path: Path) -> File:
        """The stored copy itself."""
        file = File(path)
        file._stored = True
        return file


class DirectoryCodec:
    """A directory is stored file by file."""

    def write(self, value: Directory, path: Path) -> None:
        """Copy the tree."""
        files, empty = walk(Path(value))
        check_plain((*files, *empty))
        path.mkdir()
        for folder in {path / Path(name).parent for name in files} | {path / name for name in empty}:
            folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copyfile(Path(value) / name, path / name)

    def read(self, path: Path) -> Directory:
        """The tree that was laid out at ``path``."""
        return Directory(path)


class FileReferenceCodec:
    """A remote file stays where it is: its URL, what the storage tells of it, and the hash of its bytes are stored."""

    def write(self, value: File, path: Path) -> None:
        """Raises NotImplementedError for what has to be stored as bytes."""
        url = _referable(value.url)
        content = {"sha256": value.sha256(), **_told(value.identity())}
        _write(path, {"url": url, "name": value.name, **content})

    def read(self, path: Path) -> File:
        """The reference; nothing is fetched."""
        data = _read(path)
        with _Malformed():
            return located_by_reference(File, _url(data), str(data["name"]), _identity(data), str(data["sha256"]))


class DirectoryReferenceCodec:
    """A remote directory stays where it is; of each file its name and what a file's reference has."""

    def write(self, value: Directory, path: Path) -> None:
        """Raises NotImplementedError for what has to be stored as bytes."""
        url = _referable(value.url)
        digests, empty = value.digests()
        listing = value.listing()[0]
        files = {name: {"sha256": digest, **_told(listing[name])} for name, digest in digests.items()}
        _write(path, {"url": url, "name": value.name, "files": files, "empty": empty})

    def read(self, path: Path) -> Directory:
        """The reference; nothing is fetched."""
        data = _read(path)
        with _Malformed():
            files = {str(name): _identity(each) for name, each in data["files"].items()}
            digests = {str(name): str(each["sha256"]) for name, each in data["files"].items()}
            listing = files, [str(name) for name in data["empty"]]
            return located_by_reference(Directory, _url(data), str(data["name"]), listing, digests)


class _Malformed:
    """Says of a reference that cannot be read that it is damaged."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (LookupError, TypeError, ValueError, AttributeError)):
            raise ArtifactCorrupt(
                "a stored reference to a remote file cannot be read", why=str(error), fix="delete it and run again"
            ) from error


def _referable(url: str | None) -> str:
    if url is None or has_secret(url) or _whole.get():
        raise NotImplementedError(_LOCAL if url is None else f"{mask_url(url)}: {_TELLS}" if has_secret(url) else _KEPT)
    return url


def _told(identity: Identity) -> dict[str, Any]:
    return {"size": identity.size, "tag": identity.tag}


def _identity(data: dict[str, Any]) -> Identity:
    size, tag = data["size"], data["tag"]
    tag = None if tag is None else str(tag)
    return Identity(None if size is None else int(size), tag, racy=tag is None or tag.startswith("time:"))


def _url(data: dict[str, Any]) -> str:
    url = str(data["url"])
    if not url_scheme(url):
        raise ValueError("what it refers to is not remote")  # a path would mean another file on each machine
    return url


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, sort_keys=True, separators=(",", ":")), encoding="ascii")


def _read(path: Path) -> dict[str, Any]:
    with _Malformed():
        data = json.loads(path.read_bytes())
        if not isinstance(data, dict):
            raise TypeError("it is no object")
        return data
    raise AssertionError("unreachable")
