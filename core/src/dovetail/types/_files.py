"""Files and directories as values: their content travels, not their path. A remote one stays where it is until it is read."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import IO, Any, TypeVar

from dovetail.config import mask_url, remember_url_secrets, url_scheme
from dovetail.errors import UsageError, ValueMismatch
from dovetail.types._copies import Copy, copies
from dovetail.types._remote_files import Identity, Remote, at_once, changed, remember, remembered
from dovetail.types._walk import file_digest, plain_name, safe_relative, walk
from dovetail.types.remote import has_secret

_L = TypeVar("_L", bound="_Located")
_LOCAL_SCHEME = re.compile(r"(?:file|local)://", re.IGNORECASE)
_ONE_TRANSFER = 64 * 1024 * 1024
"""Bytes up to which a remote file is hashed by downloading it, since it will be asked for afterwards."""
Listing = tuple[dict[str, Identity], list[str]]


class _Located(os.PathLike[str]):
    name: str
    """The name it had where it was made."""

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        if isinstance(path, _Located):
            self.__setstate__(path.__getstate__())
            self._held: Copy | None = path._held
            self.name = path.name if name is None else name
            return
        text = os.fspath(path)
        self._held = None
        self._stored = False
        self._pinned: Any = None
        self._digest: Any = None
        self._url: str | None = None
        self._path: str | None = None
        if url_scheme(text):
            self._url = text
            remember_url_secrets(text)
            queried = url_scheme(text) in ("http", "https") or has_secret(text)  # elsewhere "?" may be part of a key
            last = text.partition("?")[0] if queried else text
            self.name = last.partition("://")[2].rstrip("/").rpartition("/")[2] if name is None else name
        else:
            self._path = _LOCAL_SCHEME.sub("", text, count=1)
            self.name = name if name is not None else Path(self._path).name

    @property
    def path(self) -> str:
        """Where the content lies on this machine, downloaded first if it is remote. Treat it as read-only.

        Raises:
            ArtifactCorrupt: It has changed since it was referred to.
            EngineUnavailable: The storage cannot be reached, or refuses; or its package is missing.
        """
        return self._path if self._path is not None else self._local().path.__fspath__()

    @property
    def url(self) -> str | None:
        """The URL of what is remote, as it was given, with whatever secret it holds; None for what is local."""
        return self._url

    def download(self) -> Path:
        """:attr:`path` as a Path."""
        return Path(self.path)

    def _local(self) -> Copy:
        raise NotImplementedError

    def _remote(self) -> Remote:
        assert self._url is not None
        return Remote(self._url)

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self._path if self._path is not None else mask_url(self._url or "")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._key()))

    def _key(self) -> str | None:
        return self._path if self._url is None else self._url

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_held"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _held=None)


def located_by_reference(kind: type[_L], url: str, name: str, pinned: Any, digest: Any) -> _L:
    """A remote file or directory with what is known of its content: for the store."""
    made = kind(url, name)
    made._pinned, made._digest = pinned, digest
    return made


class File(_Located):
    """A file whose content is the value. ``open(file)`` and ``Path(file)`` work.

    A URL (``s3://``, ``gs://``, ``az://``, ``https://``, whatever fsspec knows) makes a reference: nothing is fetched until
    :attr:`path`, :meth:`open` or ``os.fspath`` asks for bytes. What was there when it was first looked at is what it means;
    if that has changed, reading it raises ArtifactCorrupt.

    Args:
        path: Where it lies: a path or a URL.
        name: The name it should be known by; default: the last part of the path.
    """

    @classmethod
    def new(cls, suffix: str = "", name: str | None = None) -> File:
        """A file to write, in a fresh folder of its own: the output of a task. The folder goes with the object.

        Args:
            suffix: What the name ends with, such as ``".csv"``.
            name: The whole name, in place of a suffix.
        """
        made = Copy(plain_name(name if name is not None else f"file{suffix}"))
        file = cls(made.path)
        file._held = made
        return file

    @property
    def size(self) -> int | None:
        """Bytes; None where a remote storage does not tell. Raises as :attr:`path`, and ValueMismatch if it is not there."""
        if self._url is not None:
            return self.identity().size
        try:
            return Path(self.path).stat().st_size
        except OSError as error:
            raise ValueMismatch(f"cannot read the file {self}", why=str(error), fix="check the path") from error

    def open(self, mode: str = "r", encoding: str | None = None, newline: str | None = None) -> IO[Any]:
        """Open it as the built-in ``open`` does. A remote file is streamed: no more than a few MB are held at once.

        Args:
            mode: ``"r"`` (text), ``"rb"``, or for a file of :meth:`new` or another one that you own, ``"w"`` or ``"wb"``.
            encoding: Of text; default UTF-8.
            newline: As of the built-in.

        Raises:
            UsageError: Writing to a remote or a stored file.
            ArtifactCorrupt: It has changed since it was referred to.
            EngineUnavailable: The storage cannot be reached, or refuses.
        """
        binary = "b" in mode
        encoding = encoding if binary or encoding else "utf-8"
        if (self._url is not None or self._stored) and set(mode) - set("rbt"):
            raise UsageError(
                f"{self} cannot be written", why="a value never changes", fix="write to dt.File.new() and return it"
            )
        if self._url is None:
            return open(self.path, mode, encoding=encoding, newline=newline)  # noqa: PTH123 - any mode
        if self._held is not None:
            return open(self._held.path, mode, encoding=encoding, newline=newline)  # noqa: PTH123
        stream = self._remote().stream(self.identity(), self._digest)
        return stream if binary else io.TextIOWrapper(stream, encoding, newline=newline)

    def read_bytes(self) -> bytes:
        """All of it."""
        with self.open("rb") as stream:
            return bytes(stream.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of it, decoded."""
        with self.open("r", encoding) as stream:
            return str(stream.read())

    def sha256(self) -> str:
        """SHA-256 of the bytes, in hex. A remote file is read for it once, unless the hash is known."""
        if self._url is None:
            return file_digest(self.path)
        if self._digest is None:
            pinned = self.identity()
            known = remembered(self._url, pinned)
            if known is None and (pinned.size is not None and pinned.size <= _ONE_TRANSFER):
                self._local()
                known = remembered(self._url, pinned) or file_digest(self.path)
            self._digest = known or self._remote().digest(pinned)
        return str(self._digest)

    def identity(self) -> Identity:
        """What a remote file is, by its storage, since it was first looked at."""
        if self._pinned is None:
            self._pinned = self._remote().identity()
        return self._pinned  # type: ignore[no-any-return]

    def _local(self) -> Copy:
        if self._held is None:
            remote, pinned = self._remote(), self.identity()

            def fetch(path: Path) -> int:
                remember(remote.url, pinned, remote.fetch(path, pinned, self._digest))
                path.chmod(0o444)
                return path.stat().st_size

            key = (remote.url, pinned) if pinned.sure else (remote.url, self._digest) if self._digest else object()
            self._held = copies.get(key, plain_name(self.name), fetch)
        return self._held


class Directory(_Located):
    """A directory whose files are the value. ``os.listdir(directory)`` and ``Path(directory)`` work.

    A URL makes a reference, as for :class:`File`: what is below it is fetched when :attr:`path` is asked for.

    Args:
        path: Where it lies: a path or a URL.
        name: The name it should be known by; default: the last part of the path.
    """

    @classmethod
    def new(cls, name: str = "directory") -> Directory:
        """A directory to fill: the output of a task. It is removed with the object."""
        made = Copy(plain_name(name))
        made.path.mkdir()
        directory = cls(made.path)
        directory._held = made
        return directory

    def names(self) -> list[str]:
        """Relative names of all files below, with ``/``, sorted; nothing is downloaded."""
        return sorted(self.listing()[0]) if self._url is not None else walk(Path(self.path))[0]

    def file(self, name: str) -> File:
        """One of the files, by its relative name; a remote one is not downloaded.

        Raises:
            ValueMismatch: There is none of that name.
        """
        known = self.names()
        if name not in known:
            raise ValueMismatch(f"{self} has no file {name!r}", fix="names() tells which there are")
        if self._url is None:
            return File(Path(self.path) / safe_relative(name))
        pinned, digests = self.listing()[0][name], self._digest or {}
        url = f"{self._url.rstrip('/')}/{name}"
        return located_by_reference(File, url, name.rpartition("/")[2], pinned, digests.get(name))

    def files(self) -> list[Path]:
        """Paths of all regular files below, sorted; downloaded first if they are remote."""
        return [Path(self.path) / relative for relative in walk(Path(self.path))[0]]

    def digests(self) -> tuple[dict[str, str], list[str]]:
        """SHA-256 of each file by its relative name, and the directories that hold nothing."""
        if self._url is None:
            root = Path(self.path)
            files, empty = walk(root)
            return {name: file_digest(root / name) for name in files}, empty
        files_now, empty = self.listing()
        if self._digest is None:
            if sum(each.size or 0 for each in files_now.values()) <= _ONE_TRANSFER:
                self._local()  # its files tell
            else:
                remote, names = self._remote(), sorted(files_now)
                found = at_once(lambda name: remote.below(name).small_digest(files_now[name]), names)
                self._digest = dict(zip(names, found, strict=True))
                self._check(remote)
        if self._digest is None:
            root = self._local().path
            self._digest = {name: file_digest(root / name) for name in sorted(files_now)}
        return dict(self._digest), empty

    def listing(self) -> Listing:
        """What a remote directory holds, by its storage, since it was first looked at."""
        if self._pinned is None:
            self._pinned = self._remote().listing()
        return self._pinned  # type: ignore[no-any-return]

    def _check(self, remote: Remote) -> None:
        files, empty = self.listing()
        now, empty_now = remote.listing()
        if files.keys() != now.keys() or empty != empty_now:
            odd = sorted(files.keys() ^ now.keys()) or ["a directory that holds nothing"]
            raise changed(remote.url, f"there, or gone: {', '.join(odd[:3])}{' ...' if len(odd) > 3 else ''}")
        for name, pinned in files.items():
            remote.below(name).check(pinned, now[name])

    def _local(self) -> Copy:
        if self._held is None:
            remote, (files, empty) = self._remote(), self.listing()
            known: dict[str, str] = self._digest or {}

            def fetch(path: Path) -> int:
                self._check(remote)
                for name in empty:
                    (path / name).mkdir(parents=True)
                for folder in {path / Path(name).parent for name in files} | {path}:
                    folder.mkdir(parents=True, exist_ok=True)
                for _ in at_once(
                    lambda n: remote.below(n).fetch(path / n, files[n], known.get(n), ask_again=False), files
                ):
                    pass
                if not known:
                    self._check(remote)
                return sum(each.size or 0 for each in files.values())

            surely = all(each.sure for each in files.values())
            what = tuple(files.items()) if surely else tuple(known.items()) if known else object()
            key = remote.url, what, tuple(empty)
            self._held = copies.get(key, plain_name(self.name), fetch)
        return self._held


File.__module__ = Directory.__module__ = "dovetail.types"  # the public name, in messages and in the store
