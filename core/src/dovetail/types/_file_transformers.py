"""What the type engine asks of files and directories: hash, size, schema, a look at them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from dovetail.errors import DovetailError
from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer
from dovetail.types._files import Directory, File

_HEAD = 4096


class FileTransformer(TypeTransformer):
    """:class:`File`."""

    type_name = "dovetail.File"

    def content_hash(self, value: File) -> str:
        """SHA-256 of the bytes; neither the name nor the place matters."""
        return value.sha256()

    def size(self, value: File) -> int | None:
        """Bytes, as the disk or the storage tells."""
        return value.size

    def preview(self, value: File, limit: int = 10) -> Preview:
        """Name and size, and the first lines if it is text; of a remote file no more than these are fetched."""
        size = value.size
        if value.url is not None and value._held is None:
            try:
                head = value._remote().head(_HEAD) if size else b""
            except DovetailError as error:
                return Preview(text=f"{value}, {error.what}")
        else:
            with Path(value.path).open("rb") as stream:
                head = stream.read(_HEAD)
        text = f"{value.name if value.url is None else value}, {'?' if size is None else size} bytes"
        if head and b"\0" not in head:
            lines = head.decode("utf-8", "replace").splitlines()[:limit]
            text += "\n" + "\n".join(line[:80] for line in lines)
        return Preview(text=text)


class DirectoryTransformer(TypeTransformer):
    """:class:`Directory`."""

    type_name = "dovetail.Directory"

    def content_hash(self, value: Directory) -> str:
        """SHA-256 over the relative names and the bytes of all files, and the names of directories that hold nothing."""
        digests, empty = value.digests()
        listing = [[name, digest] for name, digest in digests.items()]
        return hashlib.sha256(json.dumps(["directory", listing, empty]).encode()).hexdigest()

    def schema(self, value: Directory) -> Schema | None:
        """The files as fields."""
        return Schema(tuple(FieldInfo(name, "file", False) for name in value.names()))

    def size(self, value: Directory) -> int | None:
        """Bytes, as the disk or the storage tells."""
        return sum(size for _, size in _sizes(value))

    def preview(self, value: Directory, limit: int = 10) -> Preview:
        """The first files with their sizes."""
        sizes = _sizes(value)
        rows = tuple((name, str(size)) for name, size in sizes[:limit])
        return Preview(columns=("file", "bytes"), rows=rows, total_rows=len(sizes))


def _sizes(value: Directory) -> list[tuple[str, int]]:
    if value.url is not None:
        return [(name, each.size or 0) for name, each in sorted(value.listing()[0].items())]
    return [(name, (Path(value.path) / name).stat().st_size) for name in value.names()]
