"""The contract of type transformers and codecs, and the small records that travel with stored values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type named by string, for annotations whose library is not imported: ``"pyspark.sql.DataFrame"``."""

    name: str

    def __getattr__(self, attribute: str) -> TypeRef:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return TypeRef(f"{self.name}.{attribute}")

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One column or field: its name, its type as text, and whether nulls may occur."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a frame or the fields of a record."""

    fields: tuple[FieldInfo, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """A bounded look at a value, for people: text, or a table of at most ``limit`` rows."""

    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    total_rows: int | None = None

    @classmethod
    def of_text(cls, text: str) -> Preview:
        """A preview that is a text alone, cut at 400 characters."""
        return cls(text if len(text) <= 400 else text[:397] + "...")


class TypeTransformer:
    """Teaches the type engine one Python type. Methods that a type cannot support return None.

    A transformer of a *table* also implements :meth:`num_rows`, :meth:`take_rows` and :meth:`to_arrow`; that is what gates need.
    """

    type_name: ClassVar[str] = ""
    is_table: ClassVar[bool] = False
    lazy: ClassVar[bool] = False
    """The value is a plan; its rows are not known before it is collected."""

    def content_hash(self, value: Any) -> str:
        """Hex digest of what the value means: equal values give equal hashes in every process and for every chunking."""
        raise NotImplementedError(f"{type(self).__name__} does not implement content_hash()")

    def schema(self, value: Any) -> Schema | None:
        """Columns or fields."""
        return None

    def preview(self, value: Any, limit: int = 10) -> Preview:
        """At most ``limit`` rows, at most 20 columns, cells of at most 80 characters."""
        return Preview.of_text(repr(value))

    def size(self, value: Any) -> int | None:
        """Bytes in memory, where that is cheap to know."""
        return None

    def num_rows(self, value: Any) -> int | None:
        """Rows of a table; None where that is not known without work."""
        return None

    def take_rows(self, value: Any, rows: Sequence[int]) -> Any:
        """The rows with these ordinals (0-based, ascending), as the same type. ``rows`` may be a numpy array."""
        raise NotImplementedError(f"{type(self).__name__} does not implement take_rows()")

    def to_arrow(self, value: Any) -> Any:
        """A table as ``pyarrow.Table``."""
        raise NotImplementedError(f"{type(self).__name__} does not implement to_arrow()")

    def arrow_schema(self, value: Any) -> Any:
        """The ``pyarrow.Schema`` that :meth:`to_arrow` would give, without running a plan; None where it is not known."""
        return None

    def project(self, value: Any, columns: Mapping[str, Any]) -> Any:
        """The value with these columns only, in this order, as the same type; a plan stays a plan.

        Args:
            value: A table.
            columns: Name -> ``pyarrow.DataType`` to widen the column to (no value changes by it), or None to leave it as it is.
                Every name is there.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement project()")

    def null_counts(self, value: Any, columns: Sequence[str]) -> Mapping[str, int] | None:
        """How many nulls each of these columns holds; None where that is not known without running a plan."""
        return None

    def batches(self, value: Any) -> Iterator[Any] | None:
        """The rows of a plan as a stream of ``pyarrow.RecordBatch``, never all at once; None where the type has no such way."""
        return None


class Codec(Protocol):
    """Value <-> one file, or one directory where the :class:`CodecSpec` says so. Never pickle."""

    def write(self, value: Any, path: Path) -> None:
        """Write ``value`` to ``path``, which does not exist yet."""
        ...

    def read(self, path: Path) -> Any:
        """Read back what :meth:`write` wrote."""
        ...


@runtime_checkable
class ColumnCodec(Protocol):
    """What a :class:`Codec` of tables may offer besides: to look at the columns of a file, and to read some of them alone."""

    def arrow_schema(self, path: Path) -> Any:
        """The ``pyarrow.Schema`` of the stored table, from what describes the file; no rows are read."""
        ...

    def read_columns(self, path: Path, columns: Sequence[str]) -> Any:
        """Like :meth:`Codec.read`, with these columns only, in this order. Every name is there."""
        ...


@dataclass(frozen=True, slots=True)
class Blob:
    """One stored file: its name inside the artifact (``"data.parquet"``), SHA-256 of its bytes in hex, size in bytes."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored value, described. JSON-able by ``to_dict``; small values are held inline and have no blobs.

    Attributes:
        id: SHA-256 in hex over type, format, blobs, inline and children: equal id means equal stored value.
        type: Type name, ``"polars.DataFrame"``, or the kind of a container: ``"list"``, ``"dict"``, ``"json"``.
        format: Codec format, ``"parquet"``; ``"json"`` for inline values, ``"tree"`` for containers of artifacts.
        content_hash: Of the value; equal across formats.
        blobs: Stored files.
        inline: JSON text of a small value, or of a container's structure; else None.
        children: Artifacts of the leaves of a container, in order.
        meta: For people: ``rows``, ``columns``, ``bytes``. Not part of the id.
    """

    id: str
    type: str
    format: str
    content_hash: str
    blobs: tuple[Blob, ...] = ()
    inline: str | None = None
    children: tuple[Artifact, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {
            "id": self.id,
            "type": self.type,
            "format": self.format,
            "content_hash": self.content_hash,
            "blobs": [[b.name, b.digest, b.size] for b in self.blobs],
            "inline": self.inline,
            "children": [child.to_dict() for child in self.children],
            "meta": self.meta,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Artifact:
        """Read back what :meth:`to_dict` wrote."""
        return cls(
            id=data["id"],
            type=data["type"],
            format=data["format"],
            content_hash=data["content_hash"],
            blobs=tuple(Blob(*b) for b in data["blobs"]),
            inline=data["inline"],
            children=tuple(cls.from_dict(child) for child in data["children"]),
            meta=dict(data["meta"]),
        )


@runtime_checkable
class BlobSink(Protocol):
    """Where codecs put files; an artifact store is one."""

    def temporary(self, suffix: str = "") -> Path:
        """A fresh path, on the file system of the store, that does not exist yet."""
        ...

    def add_file(self, path: Path, name: str) -> Blob:
        """Move the file at ``path`` (made by :meth:`temporary`) into the store, durably."""
        ...

    def add_bytes(self, data: bytes, name: str) -> Blob:
        """Store ``data``, durably."""
        ...


@runtime_checkable
class BlobSource(Protocol):
    """Where codecs find files again; an artifact store is one."""

    def open_path(self, blob: Blob) -> Path:
        """Local path of the blob, its hash verified. Raises ArtifactNotFound or ArtifactCorrupt."""
        ...


@runtime_checkable
class BlobStore(BlobSink, BlobSource, Protocol):
    """What the code of an :class:`ArtifactStoreSpec` returns for a URL. Blobs are named by their SHA-256.

    A blob is there as a whole or not at all, and adding bytes that are there already renews the time of their last write.
    """

    def sync(self, digest: str) -> None:
        """Make sure that a blob survives a loss of power. Raises ArtifactNotFound."""
        ...

    def digests(self) -> Iterator[tuple[str, float, int]]:
        """Of every blob its SHA-256, the time of its last write (seconds since the epoch), and its bytes."""
        ...

    def remove_if_older(self, digest: str, moment: float) -> bool:
        """Remove a blob last written before ``moment`` (seconds since the epoch); True if it was removed."""
        ...

    def sweep(self) -> int:
        """Remove what writers that died left behind; returns how many files."""
        ...
