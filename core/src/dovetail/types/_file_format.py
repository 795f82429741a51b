"""The format of a file, as an annotation declares it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dovetail.errors import DefinitionError, shorten
from dovetail.types._files import Directory, File
from dovetail.types._refine import Refinement

_NAME = re.compile(r"[a-z0-9]+([.+-][a-z0-9]+)*")
_SAME = (
    {"yaml", "yml"},
    {"jpg", "jpeg"},
    {"html", "htm"},
    {"tif", "tiff"},
    {"jsonl", "ndjson"},
    {"arrow", "ipc", "feather"},
)
_BEGINNINGS = {
    "parquet": b"PAR1",
    "arrow": b"ARROW1",
    "avro": b"Obj\x01",
    "orc": b"ORC",
    "gz": b"\x1f\x8b",
    "zip": b"PK",
    "xlsx": b"PK",
    "zst": b"\x28\xb5\x2f\xfd",
    "pdf": b"%PDF",
    "png": b"\x89PNG",
    "jpg": b"\xff\xd8\xff",
    "sqlite": b"SQLite format 3\0",
}
"""What files of a format begin with, as their specifications say."""


@dataclass(frozen=True, slots=True)
class FileFormat(Refinement):
    """``Annotated[dt.File, dt.FileFormat("csv")]``: what kind of file it is, or the files in a Directory are.

    A file whose name ends otherwise does not fit; nor does one on this machine that begins otherwise, for formats that have a
    signature (Parquet, Arrow, Avro, ORC, gzip, zip, PDF, PNG, ...). A name without an ending says nothing. Of a remote directory
    nothing is asked, and of a directory the files whose names begin with ``.`` or ``_`` do not count.

    Attributes:
        name: The ending, with or without its dot: ``"csv"``, ``"csv.gz"``. Spellings such as yml and yaml are one format.
    """

    about: ClassVar[tuple[str, ...]] = ("files",)
    name: str

    def __post_init__(self) -> None:
        name = self.name.lower().removeprefix(".") if isinstance(self.name, str) else ""
        if not _NAME.fullmatch(name):
            raise DefinitionError(f"FileFormat({shorten(self.name)}): expected an ending", fix='FileFormat("csv")')
        object.__setattr__(self, "name", next((sorted(same)[0] for same in _SAME if name in same), name))

    def text(self) -> str:
        """``[csv]``."""
        return f"[{self.name}]"

    def misfit(self, value: File | Directory) -> str | None:
        """Why a file or directory is not of this format; None if it may be."""
        if isinstance(value, File):
            local = value.path if value.url is None else None
            return self._misfit(value.name, Path(local) if local is not None else None)
        if value.url is not None:
            return None
        root = Path(value.path)
        names = (name for name in value.names() if not name.rpartition("/")[2].startswith((".", "_")))
        return next((why for name in names if (why := self._misfit(name, root / name))), None)

    def _misfit(self, name: str, path: Path | None) -> str | None:
        last = name.rpartition("/")[2].lower()
        _, dot, ending = last.removeprefix(".").partition(".")
        endings = next((same for same in _SAME if self.name in same), {self.name})
        if dot and not any(last.endswith(f".{each}") for each in endings):
            return f"the name {name!r} ends with .{ending}"
        expected = _BEGINNINGS.get(self.name.rpartition(".")[2])
        if expected is None or path is None:
            return None
        try:
            with path.open("rb") as stream:
                found = stream.read(len(expected))
        except OSError:
            return None  # whoever reads it says so
        return None if found == expected else f"{name!r} begins with {found!r}, not with {expected!r}"
