"""Leaves: frames, files and the like, written to the store and read from it by their codecs."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from dovetail.errors import ConversionError, UsageError, ValueMismatch, listing
from dovetail.spec import Artifact, Blob, BlobSink, BlobSource, CodecSpec, ColumnCodec, TransformerSpec, TypeTransformer
from dovetail.types._accept import Acceptors
from dovetail.types._arrow_files import ipc_schema, parquet_schema
from dovetail.types._arrow_layout import shared_schema
from dovetail.types._artifact import make_artifact
from dovetail.types._backing import Backing, backing_of, remember_backing, take_over
from dovetail.types._collect import close_stream, collecting
from dovetail.types._files import Directory, File
from dovetail.types._fit import Fit
from dovetail.types._graph import HUB
from dovetail.types._losses import losing
from dovetail.types._names import parse_name
from dovetail.types._once import READER, remember
from dovetail.types._refine import Collect, Columns, Lossy, Stored, is_refined, refinement
from dovetail.types._registry import Registry
from dovetail.types._stream_files import hash_ipc, hash_parquet, ipc_batches, parquet_batches
from dovetail.types._walk import plain_name, safe_relative, walk

MISSING: Any = object()
_FILES = {"parquet": (parquet_schema, hash_parquet), "arrow": (ipc_schema, hash_ipc)}
"""Formats of tables that lie in one file: how its columns are read, and its content hash."""


class LeafStore:
    """One leaf <-> one artifact."""

    def __init__(self, registry: Registry, acceptors: Acceptors) -> None:
        self._registry = registry
        self._acceptors = acceptors

    def dump(self, value: Any, annotation: Any, spec: TransformerSpec, sink: BlobSink, format: str | None) -> Artifact:
        """Store a value that is one of ``spec``'s type, or converts to it, as the annotation says."""
        if is_refined(annotation):
            value = self._acceptors.build(annotation)(value)
        else:
            road = self._acceptors.frames.road(value, spec.type)
            value = value if road is None else road(value)
        transformer = self._registry.transformer(spec)
        codecs = _choose(spec, _format(annotation, format), self._size(value, spec))
        reader = value if spec.type == READER else None
        if transformer.lazy:
            # A plan is run once, and what comes out is hashed and written: bit by bit, where its type can.
            declared = refinement(annotation, Collect)
            most = self._acceptors.roads.configured if declared is None else declared.max_bytes
            streamed = self._dump_file(value, spec, codecs, sink) or self._dump_stream(value, spec, codecs, sink, most)
            if streamed is not None:
                return _readable_again(reader, streamed, sink)
            came_to = self._acceptors.roads.run_plan(value, spec, most)
            if came_to is not value:
                value = came_to
                spec = self._registry.find_class(type(value)) or spec
                transformer = self._registry.transformer(spec)
                wanted, codecs = codecs, [c for each in codecs if (c := _codec(spec, each.format)) is not None]
                if not codecs:
                    raise ConversionError(f"{spec.type} has no codec {wanted[0].format!r}", fix="declare one")
        meta = _describe(transformer, value)
        content_hash = transformer.content_hash(value)
        codec, blobs, inline = self._write(value, spec, codecs, sink)
        meta["bytes"] = sum(blob.size for blob in blobs)
        artifact = make_artifact(spec.type, codec.format, content_hash, blobs, inline, (), meta)
        return _readable_again(reader, artifact, sink)

    def _dump_stream(
        self, value: Any, spec: TransformerSpec, codecs: list[CodecSpec], sink: BlobSink, most: int | None
    ) -> Artifact | None:
        """Store the rows of a plan as they come, as what it would come to; None where its type or the codecs cannot."""
        transformer = self._registry.transformer(spec)
        edge = next((edge for edge in spec.converters if edge.cost == "collect"), None)
        schema = transformer.arrow_schema(value) if edge is not None else None
        batches = transformer.batches(value) if schema is not None else None
        if edge is None or schema is None or batches is None:
            return None
        target = self._registry.specs[self._registry.names[edge.target]]
        with contextlib.ExitStack() as ending:
            ending.callback(close_stream, batches)
            for codec in (_codec(target, codec.format) for codec in codecs):
                write = None if codec is None else getattr(self._registry.codec(target, codec), "write_batches", None)
                if codec is None or write is None:
                    return None
                path = sink.temporary(codec.suffix)
                try:
                    with collecting(most):
                        content_hash, rows = write(schema, batches, path)
                except NotImplementedError:  # and no batch is gone
                    _remove(path)
                    continue
                except BaseException:
                    _remove(path)
                    raise
                blob = sink.add_file(path, f"data{codec.suffix}")
                meta = {"rows": rows, "columns": len(schema), "bytes": blob.size}
                return make_artifact(target.type, codec.format, content_hash, (blob,), None, (), meta)
        return None

    def _dump_file(self, value: Any, spec: TransformerSpec, codecs: list[CodecSpec], sink: BlobSink) -> Artifact | None:
        """Take over the file that a plan reads, where it is what :meth:`_dump_stream` would write; else None."""
        backing = backing_of(value)
        edge = next((edge for edge in spec.converters if edge.cost == "collect"), None)
        if backing is None or edge is None or backing.format != codecs[0].format or not backing.path.exists():
            return None
        target = self._registry.specs[self._registry.names[edge.target]]
        codec = _codec(target, backing.format)
        read, digest = _FILES[backing.format]
        schema = read(backing.path)
        if codec is None or not schema.equals(self._registry.transformer(spec).arrow_schema(value)):
            return None
        content_hash, rows = backing.content_hash, backing.rows
        if not content_hash or rows is None:
            content_hash, rows = digest(backing.path)
        blob = take_over(backing, sink, f"data{codec.suffix}")
        meta = {"rows": rows, "columns": len(schema), "bytes": blob.size}
        return make_artifact(target.type, codec.format, content_hash, (blob,), None, (), meta)

    def _size(self, value: Any, spec: TransformerSpec) -> int | None:
        """Bytes of a value, if a codec cares."""
        asked = any(codec.min_bytes or codec.max_bytes is not None for codec in spec.codecs)
        return self._acceptors.roads.size(value) if asked else None

    def is_stored_as(self, artifact: Artifact, annotation: Any, spec: TransformerSpec, format: str | None) -> bool:
        """Whether a stored leaf is what :meth:`dump` would make of its value; a plan is stored as what it came to."""
        if _format(annotation, format) not in (None, artifact.format) or refinement(annotation, Columns) is not None:
            return False
        return artifact.type == spec.type or self._registry.transformer(spec).lazy

    def _write(
        self, value: Any, spec: TransformerSpec, codecs: list[CodecSpec], sink: BlobSink
    ) -> tuple[CodecSpec, tuple[Blob, ...], str | None]:
        for number, codec in enumerate(codecs):
            path = sink.temporary(codec.suffix)
            try:
                self._registry.codec(spec, codec).write(value, path)
            except NotImplementedError as error:
                # The format lacks a type (Parquet has no intervals): the next one may have it.
                _remove(path)
                if number == len(codecs) - 1:
                    raise ValueMismatch(
                        f"a {spec.type} cannot be stored as {codec.format}",
                        why=str(error),
                        fix=f"let dovetail choose among {listing(c.format for c in spec.codecs)}, or cast the column",
                    ) from error
                continue
            except BaseException:
                _remove(path)
                raise
            if not codec.is_directory:
                name = plain_name(value.name) if isinstance(value, File) else f"data{codec.suffix}"
                return codec, (sink.add_file(path, name),), None
            files, empty = walk(path)
            blobs = tuple(sink.add_file(path / name, name) for name in files)
            _remove(path)
            return codec, blobs, json.dumps({"empty": empty}) if empty else None
        raise AssertionError("a declared leaf has at least one codec")

    def load(self, artifact: Artifact, source: BlobSource, annotation: Any, spec: TransformerSpec | None) -> Any:
        """The value, as the annotation (whose declaration is ``spec``) wants it."""
        stored = self._registry.specs.get(self._registry.names.get(artifact.type, ""))
        wanted = stored if annotation is Any else spec
        # The target reads the format itself if it can: a polars artifact comes out of Parquet straight into pandas.
        reader = wanted if wanted is not None and _codec(wanted, artifact.format) is not None else stored
        codec = _codec(reader, artifact.format) if reader is not None else None
        if reader is None or codec is None:
            raise self._registry.unknown(parse_name(artifact.type) or artifact.type, f"stored as {artifact.format}")
        declared, most = refinement(annotation, Columns), refinement(annotation, Collect)
        limit = self._acceptors.roads.configured if most is None else most.max_bytes
        with collecting(limit), losing(refinement(annotation, Lossy) is not None):
            value = self._read_columns(artifact, source, reader, codec, declared)
            if value is MISSING:
                value = self._read(artifact, source, reader, codec)
        return self._acceptors.build(annotation)(value)

    def _read_columns(
        self, artifact: Artifact, source: BlobSource, spec: TransformerSpec, codec: CodecSpec, declared: Columns | None
    ) -> Any:
        """The value with its declared columns only, or without those that the stored type keeps for itself.

        MISSING where all is to be read, and where no codec can do that.
        """
        foreign = artifact.type != spec.type
        wanted = None if declared is None or declared.extra == "keep" else declared
        if codec.is_directory or len(artifact.blobs) != 1 or not (foreign or wanted):
            return MISSING
        reader = self._registry.codec(spec, codec)
        if not isinstance(reader, ColumnCodec):
            hub = self._registry.specs.get(HUB)
            other = _codec(hub, artifact.format) if hub is not None and foreign else None
            reader = self._registry.codec(hub, other) if hub is not None and other is not None else None
        if not isinstance(reader, ColumnCodec):
            return MISSING
        path = source.open_path(artifact.blobs[0])
        schema = reader.arrow_schema(path)
        shared = shared_schema(schema)
        projection = None if wanted is None else Fit(wanted).projection(shared, artifact.type)
        if projection is None:
            return reader.read_columns(path, shared.names) if foreign and shared is not schema else MISSING
        return reader.read_columns(path, tuple(projection))

    def _read(self, artifact: Artifact, source: BlobSource, spec: TransformerSpec, codec: CodecSpec) -> Any:
        read = self._registry.codec(spec, codec).read
        if not codec.is_directory:
            blob = artifact.blobs[0]
            path = source.open_path(blob)
            value = read(path)
            if artifact.content_hash and codec.format in _FILES and self._registry.transformer(spec).lazy:
                rows = artifact.meta.get("rows")
                remember_backing(value, Backing(path, codec.format, rows, artifact.content_hash, blob, source))
            if isinstance(value, File) and value.url is None:
                value.name = blob.name
            return value
        folder = Path(tempfile.mkdtemp(prefix="dovetail-"))
        try:
            for name in json.loads(artifact.inline)["empty"] if artifact.inline else ():
                (folder / safe_relative(name)).mkdir(parents=True, exist_ok=True)
            for blob in artifact.blobs:
                target = folder / safe_relative(blob.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source.open_path(blob), target)  # a copy: writing to it must not reach the store
            value = read(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        weakref.finalize(value if isinstance(value, Directory) else spec, shutil.rmtree, folder, ignore_errors=True)
        return value


def _codec(spec: TransformerSpec, format: str) -> CodecSpec | None:
    return next((codec for codec in spec.codecs if codec.format == format), None)


def _format(annotation: Any, format: str | None) -> str | None:
    stored = refinement(annotation, Stored)
    return format if stored is None else stored.format


def _choose(spec: TransformerSpec, format: str | None, size: int | None) -> list[CodecSpec]:
    """The codecs to try, best first: the one that was asked for, or those made for values of this size, then the others."""
    if format is None:
        if size is None:
            return sorted(spec.codecs, key=lambda codec: (codec.min_bytes, codec.max_bytes) != (0, None))
        return sorted(
            spec.codecs,
            key=lambda codec: not codec.min_bytes <= size <= (size if codec.max_bytes is None else codec.max_bytes),
        )
    codec = _codec(spec, format)
    if codec is None:
        raise UsageError(
            f"{spec.type} has no codec {format!r}", fix=f"use one of {listing(codec.format for codec in spec.codecs)}"
        )
    return [codec]


def _readable_again(reader: Any, artifact: Artifact, sink: BlobSink) -> Artifact:
    """The artifact. Where it was made of a reader, whose rows are gone now, they are read from it from now on."""
    if reader is not None and isinstance(sink, BlobSource):
        path = sink.open_path(artifact.blobs[0])
        remember(reader, lambda: (parquet_batches if artifact.format == "parquet" else ipc_batches)(path))
    return artifact


def _describe(transformer: TypeTransformer, value: Any) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if transformer.is_table:
        rows, schema = transformer.num_rows(value), transformer.schema(value)
        if rows is not None:
            meta["rows"] = rows
        if schema is not None:
            meta["columns"] = len(schema.fields)
    return meta


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
