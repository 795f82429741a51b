"""Dumping values to artifacts and loading them back."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

from dovetail.errors import ArtifactCorrupt, ConversionError, DovetailError, UsageError, ValueMismatch, listing
from dovetail.spec import Artifact, Blob, BlobSink, BlobSource, CodecSpec, TransformerSpec, TypeTransformer
from dovetail.types._accept import Acceptors
from dovetail.types._canonical import Hasher, scalar_hash
from dovetail.types._coders import Coders, Pair
from dovetail.types._files import Directory, File, safe_relative, walk
from dovetail.types._infer import infer, is_json
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import NoneType, normalise, parse_name
from dovetail.types._registry import Registry

INLINE_LIMIT = 8192
"""Characters of JSON up to which a value is held in the artifact itself."""
_PLAIN_FORMATS = ("json", "tree", "bytes")
"""Formats of what is no leaf. Plugins are kept from declaring codecs by these names."""
Known = Iterable[tuple[Any, Artifact]]
"""Values with the artifacts that hold them already."""
_TEXT = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
_NAMES: dict[Any, str] = {int: "int", float: "float", bool: "bool", str: "str", NoneType: "None"}


def artifact_id(
    type_name: str,
    format: str,
    blobs: tuple[Blob, ...] = (),
    inline: str | None = None,
    children: tuple[Artifact, ...] = (),
) -> str:
    """SHA-256 in hex over all that makes the stored value. No part but the last can hold a NUL."""
    parts = [type_name, format]
    parts += [f"{blob.name}\0{blob.digest}\0{blob.size}" for blob in blobs]
    parts += [f"child\0{child.id}" for child in children]
    parts.append("\0-" if inline is None else f"\0+{inline}")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def make_artifact(
    type_name: str,
    format: str,
    content_hash: str,
    blobs: tuple[Blob, ...] = (),
    inline: str | None = None,
    children: tuple[Artifact, ...] = (),
    meta: dict[str, Any] | None = None,
) -> Artifact:
    """An artifact with its id."""
    identity = artifact_id(type_name, format, blobs, inline, children)
    return Artifact(
        identity, type_name, format, content_hash, blobs, inline, children, meta if meta is not None else {}
    )


@dataclass(slots=True)
class _Plan:
    annotation: Any
    spec: TransformerSpec | None
    name: str
    coder: Pair | None = None


class Storage:
    """Values <-> artifacts, through the coders for structure and the codecs for leaves."""

    def __init__(self, registry: Registry, acceptors: Acceptors, coders: Coders, hasher: Hasher) -> None:
        self._registry = registry
        self._acceptors = acceptors
        self._coders = coders
        self._hasher = hasher
        self._plans: dict[Any, _Plan] = {}

    # -- dump ----------------------------------------------------------------------------------------

    def dump(
        self, value: Any, annotation: Any, sink: BlobSink, format: str | None = None, known: Known = ()
    ) -> Artifact:
        """Store a value that fits its annotation; leaves that are ``known`` are referred to. Raises Mismatch if it does not."""
        cls = type(value)
        if cls in _NAMES and (annotation is cls or annotation is Any or (annotation is None and value is None)):
            return _dump_scalar(value, cls, sink)
        plan = self._plan(annotation)
        if plan.annotation is Any:
            return self._dump_any(value, sink, format, known)
        if plan.spec is not None and plan.spec.codecs:
            return self._dump_leaf(value, plan.spec, sink, format)
        if plan.annotation is bytes and cls is bytes and len(value) > INLINE_LIMIT // 2:
            blob = sink.add_bytes(value, "value.bin")
            return make_artifact("bytes", "bytes", self._hasher.hash(value), (blob,), meta={"bytes": len(value)})
        leaves = _Collector(self, sink, format, self._by_identity(known))
        encoded = self._coder(plan)[0](value, leaves)
        return self._dump_json(plan.name, encoded, self._hasher.hash(value, leaves.hashes), leaves.children, sink)

    def _plan(self, annotation: Any) -> _Plan:
        """What is known of an annotation, found out once."""
        try:
            return self._plans[annotation]
        except (KeyError, TypeError):  # TypeError: metadata that cannot be hashed
            pass
        plain = normalise(annotation)
        plan = self._plans.get(plain)
        if plan is None:
            plan = self._plans[plain] = _Plan(plain, self._registry.leaf(plain), self._registry.name(plain))
        with contextlib.suppress(TypeError):
            self._plans[annotation] = plan
        return plan

    def _coder(self, plan: _Plan) -> Pair:
        if plan.coder is None:
            plan.coder = self._coders.get(plan.annotation)
        return plan.coder

    def _by_identity(self, known: Known) -> dict[int, tuple[Any, Artifact | None]]:
        """The stored leaves by ``id``, together with the values, so that no other value gets the id meanwhile."""
        found: dict[int, tuple[Any, Artifact | None]] = {}
        for value, artifact in known:
            for leaf, stored in self._leaves(value, artifact):
                before = found.setdefault(id(leaf), (leaf, stored))[1]
                if before is not stored and (before is None or before.id != stored.id):
                    found[id(leaf)] = leaf, None  # it was changed between the two: only the value itself can tell
        return found

    def _leaves(self, value: Any, artifact: Artifact) -> Iterator[tuple[Any, Artifact]]:
        if artifact.format not in _PLAIN_FORMATS:
            yield value, artifact
        elif artifact.children:
            finder = _Finder()
            # What cannot be taken apart is stored again, which is only slower.
            with contextlib.suppress(Mismatch, DovetailError):
                self._coders.get(self._coders.named(artifact.type))[0](value, finder)
            if len(finder.values) == len(artifact.children):
                yield from zip(finder.values, artifact.children, strict=True)

    def _dump_any(self, value: Any, sink: BlobSink, format: str | None, known: Known) -> Artifact:
        if is_json(value):
            return self._dump_json("json", value, self._hasher.hash(value), [], sink)
        annotation = infer(value, self._registry)
        if self._registry.leaf(annotation) is None and parse_name(self._registry.name(annotation)) is None:
            raise self._registry.unknown(
                type(value), "a value without an annotation must have a type that can be named"
            )
        return self.dump(value, annotation, sink, format, known)

    def _dump_json(
        self, name: str, encoded: Any, content_hash: str, children: list[Artifact], sink: BlobSink
    ) -> Artifact:
        try:
            text = _TEXT(encoded)
        except ValueError as error:  # an int of more digits than Python prints
            raise Mismatch(encoded, "a value that JSON can hold", str(error)) from None
        format = "tree" if children else "json"
        if len(text) <= INLINE_LIMIT:
            return make_artifact(name, format, content_hash, (), text, tuple(children), {"bytes": len(text)})
        blob = sink.add_bytes(text.encode("ascii"), "value.json")
        return make_artifact(name, format, content_hash, (blob,), None, tuple(children), {"bytes": blob.size})

    def _dump_leaf(self, value: Any, spec: TransformerSpec, sink: BlobSink, format: str | None) -> Artifact:
        road = self._acceptors.road(value, spec.type)
        if road is not None:
            value = road(value)
        transformer = self._registry.transformer(spec)
        codecs = _choose(spec, format)
        if transformer.lazy:
            # A plan is run once, and what comes out is hashed and written.
            edge = next((edge for edge in spec.converters if edge.cost == "collect"), None)
            if edge is not None:
                value = self._registry.catalogue.load(edge.code, spec)(value)
                spec = self._registry.find_class(type(value)) or spec
                transformer = self._registry.transformer(spec)
                stored_as, codecs = codecs[0], [c for c in spec.codecs if c.format == codecs[0].format]
                if not codecs:
                    raise ConversionError(f"{spec.type} has no codec {stored_as.format!r}", fix="declare one")
        meta = _describe(transformer, value)
        content_hash = transformer.content_hash(value)
        codec, blobs, inline = self._write(value, spec, codecs, sink)
        meta["bytes"] = sum(blob.size for blob in blobs)
        return make_artifact(spec.type, codec.format, content_hash, blobs, inline, (), meta)

    def is_stored_as(self, artifact: Artifact, spec: TransformerSpec, format: str | None) -> bool:
        """Whether a stored leaf is what :meth:`dump` would make of its value; a plan is stored as what it came to."""
        if format not in (None, artifact.format):
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
                name = Path(value.name).name or "file" if isinstance(value, File) else f"data{codec.suffix}"
                return codec, (sink.add_file(path, name),), None
            files, empty = walk(path)
            blobs = tuple(sink.add_file(path / name, name) for name in files)
            _remove(path)
            return codec, blobs, json.dumps({"empty": empty}) if empty else None
        raise AssertionError("a declared leaf has at least one codec")

    # -- load ----------------------------------------------------------------------------------------

    def load(self, artifact: Artifact, source: BlobSource, annotation: Any) -> Any:
        """The stored value as the annotation wants it; ``Any`` means as it was stored."""
        plan = self._plan(annotation)
        if artifact.format in _PLAIN_FORMATS:
            return self._load_json(artifact, source, plan)
        return self._load_leaf(artifact, source, plan)

    def _load_json(self, artifact: Artifact, source: BlobSource, plan: _Plan) -> Any:
        annotation = plan.annotation
        if artifact.format == "bytes":
            value: Any = source.open_path(artifact.blobs[0]).read_bytes()
            return self._acceptors.build(annotation)(value)
        text: str | bytes
        if artifact.inline is not None:
            text = artifact.inline
        else:
            text = source.open_path(artifact.blobs[0]).read_bytes()
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ArtifactCorrupt(
                f"the artifact {artifact.id[:12]} holds no JSON", why=str(error), fix="delete it and run again"
            ) from error
        if artifact.type == "json":
            return self._acceptors.build(annotation)(data)
        leaves = _Loader(self, source, artifact.children)
        if plan.name == artifact.type:
            return self._coder(plan)[1](data, leaves)
        stored = self._plan(self._coders.named(artifact.type))
        return self._acceptors.build(annotation)(self._coder(stored)[1](data, leaves))

    def _load_leaf(self, artifact: Artifact, source: BlobSource, plan: _Plan) -> Any:
        stored = self._registry.specs.get(self._registry.names.get(artifact.type, ""))
        wanted = stored if plan.annotation is Any else plan.spec
        # The target reads the format itself if it can: a polars artifact comes out of Parquet straight into pandas.
        reader = wanted if wanted is not None and _codec(wanted, artifact.format) is not None else stored
        codec = _codec(reader, artifact.format) if reader is not None else None
        if reader is None or codec is None:
            raise self._registry.unknown(parse_name(artifact.type) or artifact.type, f"stored as {artifact.format}")
        return self._acceptors.build(plan.annotation)(self._read(artifact, source, reader, codec))

    def _read(self, artifact: Artifact, source: BlobSource, spec: TransformerSpec, codec: CodecSpec) -> Any:
        read = self._registry.codec(spec, codec).read
        if not codec.is_directory:
            blob = artifact.blobs[0]
            value = read(source.open_path(blob))
            return File(value.path, blob.name) if isinstance(value, File) else value
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


class _Collector:
    """Leaves of one value on their way into the store."""

    def __init__(
        self, storage: Storage, sink: BlobSink, format: str | None, known: dict[int, tuple[Any, Artifact | None]]
    ) -> None:
        self._storage, self._sink, self._format, self._known = storage, sink, format, known
        self.children: list[Artifact] = []
        self.hashes: dict[int, str] = {}

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        child = self._known.get(id(value), (value, None))[1]
        if child is None or not self._storage.is_stored_as(child, spec, self._format):
            child = self._storage._dump_leaf(value, spec, self._sink, self._format)
        self.children.append(child)
        self.hashes[id(value)] = child.content_hash
        return len(self.children) - 1

    def get(self, number: Any, annotation: Any) -> Any:
        raise AssertionError("a collector only takes")


class _Finder:
    """Leaves of one value, in the order in which they were stored."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def get(self, number: Any, annotation: Any) -> Any:
        raise AssertionError("a finder only takes")


class _Loader:
    """Leaves of one artifact on their way out of the store."""

    def __init__(self, storage: Storage, source: BlobSource, children: tuple[Artifact, ...]) -> None:
        self._storage, self._source, self._children = storage, source, children

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        raise AssertionError("a loader only gives")

    def get(self, number: Any, annotation: Any) -> Any:
        if type(number) is not int or not 0 <= number < len(self._children):
            raise Mismatch(number, "the number of a stored leaf")
        return self._storage.load(self._children[number], self._source, annotation)


def _dump_scalar(value: Any, cls: Any, sink: BlobSink) -> Artifact:
    """The road of small scalars: no pydantic, no annotation, a few microseconds."""
    name = _NAMES[cls]
    if cls is str:
        text = encode_basestring_ascii(value)
    elif cls is float:
        text = repr(value)
        if text in ("nan", "inf", "-inf"):
            text = f'"{text}"'
    elif cls is int:
        try:
            text = repr(value)
        except ValueError as error:  # an int of more digits than Python prints
            raise Mismatch(hex(value), "an int that can be printed", str(error)) from None
    else:
        text = "null" if value is None else "true" if value else "false"
    if len(text) <= INLINE_LIMIT:
        identity = hashlib.sha256(f"{name}\0json\0\0+{text}".encode()).hexdigest()
        return Artifact(identity, name, "json", scalar_hash(value), (), text, (), {"bytes": len(text)})
    blob = sink.add_bytes(text.encode("ascii"), "value.json")
    return make_artifact(name, "json", scalar_hash(value), (blob,), None, (), {"bytes": blob.size})


def _codec(spec: TransformerSpec, format: str) -> CodecSpec | None:
    return next((codec for codec in spec.codecs if codec.format == format), None)


def _choose(spec: TransformerSpec, format: str | None) -> list[CodecSpec]:
    if format is None:
        return list(spec.codecs)
    codec = _codec(spec, format)
    if codec is None:
        raise UsageError(
            f"{spec.type} has no codec {format!r}", fix=f"use one of {listing(codec.format for codec in spec.codecs)}"
        )
    return [codec]


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
