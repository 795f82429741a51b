"""Values on their way to another process of the same machine: tables as they lie in memory, files by link, no hashes."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from dovetail.errors import ConversionError
from dovetail.spec import Artifact, Blob, BlobSink, BlobSource, CodecSpec, TransformerSpec, TypeRef
from dovetail.types._accept import Acceptors
from dovetail.types._artifact import make_artifact
from dovetail.types._canonical import Hasher
from dovetail.types._carrier import Carrier, carried_by
from dovetail.types._coders import Coders
from dovetail.types._collect import collecting
from dovetail.types._files import Directory, File, located_by_reference
from dovetail.types._graph import HUB
from dovetail.types._leaves import LeafStore
from dovetail.types._mismatch import Mismatch, settle
from dovetail.types._refine import Collect, is_refined, refinement
from dovetail.types._registry import Registry
from dovetail.types._remote_files import Identity
from dovetail.types._storage import Storage
from dovetail.types._walk import plain_name, safe_relative, walk

_LINKED = "link"
_REMOTE = "url"
_LENT = "path"
_STREAM = "stream"
_READER = "pyarrow.RecordBatchReader"


class Transit:
    """Like dumping and loading, but the result is for a process that reads it now, not for a store.

    It differs from what is stored in this: content hashes are empty; tables go to the carrier as Arrow, whatever the format
    that their type is stored in; files and directories are linked; a plan that gives its rows bit by bit is never collected,
    and a reader is read while it is made.
    """

    def __init__(self, registry: Registry, acceptors: Acceptors, coders: Coders) -> None:
        self._storage = Storage(registry, acceptors, coders, _NoHash())
        self._storage.leaves = _Leaves(registry, acceptors)
        self._hub = registry.specs.get(HUB)

    def dump(self, value: Any, annotation: Any, carrier: Carrier) -> Artifact:
        """The value, with its tables and files left with the carrier. Raises what :meth:`TypeEngine.dump` raises."""
        with _settled(annotation):
            return self._storage.dump(value, annotation, carrier)

    def load(self, artifact: Artifact, carrier: Carrier, annotation: Any) -> Any:
        """The value as the annotation wants it; ``Any``: as it was sent; None: as it was sent, but a table as pyarrow.Table."""
        table = bool(artifact.blobs) and carrier.has(carrier.open_path(artifact.blobs[0]))
        if annotation is None:
            annotation = TypeRef(HUB) if table and self._hub is not None else Any
        with _settled(artifact.type if annotation is Any else annotation):
            return self._storage.load(artifact, carrier, annotation)


@contextlib.contextmanager
def _settled(annotation: Any) -> Iterator[None]:
    try:
        yield
    except Mismatch as mismatch:
        raise mismatch.error(annotation) from None
    except ConversionError as error:
        settle(error)
        raise


class _NoHash(Hasher):
    def __init__(self) -> None: ...

    def hash(self, *args: Any, **more: Any) -> str:
        return ""


class _Leaves(LeafStore):
    def dump(self, value: Any, annotation: Any, spec: TransformerSpec, sink: BlobSink, format: str | None) -> Artifact:
        if is_refined(annotation):
            value = self._acceptors.build(annotation)(value)
        else:
            road = self._acceptors.frames.road(value, spec.type)
            value = value if road is None else road(value)
        if isinstance(value, (File, Directory)):
            return _dump_located(value, spec, sink)
        if self._registry.transformer(spec).lazy:
            plan = self._dump_plan(value, spec, sink)
            if plan is not None:
                return plan
            most = refinement(annotation, Collect)
            value = self._acceptors.roads.run_plan(value, spec, None if most is None else most.max_bytes)
            spec = self._registry.find_class(type(value)) or spec
        value, spec = self._as_arrow(value, spec)
        codecs = sorted(spec.codecs, key=lambda codec: codec.format != "arrow")
        with carried_by(cast(Carrier, sink)):
            codec, blobs, inline = self._write(value, spec, codecs, sink)
        return make_artifact(spec.type, codec.format, "", blobs, inline)

    def _as_arrow(self, value: Any, spec: TransformerSpec) -> tuple[Any, TransformerSpec]:
        """A table whose type has formats of its own only goes as Arrow: those who read it may not have its plugin."""
        arrow = self._registry.specs.get("pyarrow.Table")
        if arrow is None or any(codec.format in ("arrow", "parquet") for codec in spec.codecs):
            return value, spec
        if not self._registry.transformer(spec).is_table:
            return value, spec
        road = self._acceptors.frames.road(value, arrow.type)
        return (value, spec) if road is None else (road(value), arrow)

    def _dump_plan(self, value: Any, spec: TransformerSpec, sink: Any) -> Artifact | None:
        """The rows of a plan, batch by batch; None where its type has no such way."""
        transformer = self._registry.transformer(spec)
        schema = transformer.arrow_schema(value)
        codec = next((codec for codec in spec.codecs if codec.format in ("arrow", "parquet")), None)
        batches = transformer.batches(value) if schema is not None and codec is not None else None
        if batches is None or codec is None:
            return None
        if spec.type == _READER:
            return make_artifact(spec.type, _STREAM, "", (), str(sink.write_stream(schema, batches)))
        path = sink.temporary(codec.suffix)
        sink.write_batches(schema, batches, path)
        return make_artifact(spec.type, codec.format, "", (sink.add_file(path, f"data{codec.suffix}"),))

    def load(self, artifact: Artifact, source: Any, annotation: Any, spec: TransformerSpec | None) -> Any:
        if artifact.format in (_LINKED, _REMOTE, _LENT, _STREAM):
            stream = artifact.format == _STREAM
            value = source.read_stream(int(artifact.inline or 0)) if stream else _load_located(artifact, source)
            most = refinement(annotation, Collect)
            with collecting(self._acceptors.roads.configured if most is None else most.max_bytes):
                return self._acceptors.build(annotation)(value)
        with carried_by(cast(Carrier, source)):
            return super().load(artifact, source, annotation, spec)

    def _read(self, artifact: Artifact, source: BlobSource, spec: TransformerSpec, codec: CodecSpec) -> Any:
        if not codec.is_directory:
            return self._registry.codec(spec, codec).read(source.open_path(artifact.blobs[0]))
        folder = _lay_out(artifact, source)
        try:
            value = self._registry.codec(spec, codec).read(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        weakref.finalize(spec, shutil.rmtree, folder, ignore_errors=True)
        return value


def _dump_located(value: File | Directory, spec: TransformerSpec, sink: Any) -> Artifact:
    if value.url is not None:
        return make_artifact(spec.type, _REMOTE, "", (), json.dumps(_reference(value)))
    path = sink.lend(value)
    if path is not None:
        return make_artifact(spec.type, _LENT, "", (), json.dumps([path, value.name, value._stored]))
    ours = value._held is not None or value._stored  # nobody will write to it; a user's own file may change any time
    if isinstance(value, File):
        path = sink.temporary()
        sink.place(Path(value.path), path, link=ours)
        return make_artifact(spec.type, _LINKED, "", (sink.add_file(path, plain_name(value.name)),))
    files, empty = walk(Path(value.path))
    blobs: list[Blob] = []
    for name in files:
        path = sink.temporary()
        sink.place(Path(value.path) / name, path, link=ours)
        blobs.append(sink.add_file(path, name))
    inline = json.dumps({"name": value.name, "empty": empty})
    return make_artifact(spec.type, _LINKED, "", tuple(blobs), inline)


def _load_located(artifact: Artifact, source: Any) -> File | Directory:
    if artifact.format == _REMOTE:
        return _referred(json.loads(artifact.inline or "{}"))
    if artifact.format == _LENT:
        path, name, stored = json.loads(artifact.inline or "[]")
        source.may_borrow(path)
        lent = (File if artifact.type == "dovetail.File" else Directory)(path, name)
        lent._stored = stored
        return lent
    if artifact.inline is None:
        blob = artifact.blobs[0]
        file = File(source.open_path(blob), blob.name)
        file._stored = True
        source.keep(file, Path(file.path))
        return file
    folder = _lay_out(artifact, source)
    directory = Directory(folder, json.loads(artifact.inline)["name"])
    directory._stored = True
    weakref.finalize(directory, shutil.rmtree, folder, ignore_errors=True)
    return directory


def _lay_out(artifact: Artifact, source: Any) -> Path:
    """The files of an artifact in a directory of their own."""
    folder = Path(tempfile.mkdtemp(prefix="dovetail-"))
    try:
        for name in json.loads(artifact.inline)["empty"] if artifact.inline else ():
            (folder / safe_relative(name)).mkdir(parents=True, exist_ok=True)
        for blob in artifact.blobs:
            target = folder / safe_relative(blob.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.place(source.open_path(blob), target, link=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


# -- references ----------------------------------------------------------------------------------------


def _reference(value: File | Directory) -> dict[str, Any]:
    """What is known of a remote file or directory; nothing is asked."""
    pinned: Any = value._pinned
    if isinstance(pinned, Identity):
        pinned = _told(pinned)
    elif pinned is not None:
        pinned = [{name: _told(each) for name, each in pinned[0].items()}, pinned[1]]
    kind = "file" if isinstance(value, File) else "directory"
    return {"kind": kind, "url": value.url, "name": value.name, "pinned": pinned, "digest": value._digest}


def _referred(data: dict[str, Any]) -> File | Directory:
    pinned = data["pinned"]
    if data["kind"] == "file":
        identity = None if pinned is None else Identity(*pinned)
        return located_by_reference(File, data["url"], data["name"], identity, data["digest"])
    if pinned is not None:
        pinned = {name: Identity(*each) for name, each in pinned[0].items()}, pinned[1]
    return located_by_reference(Directory, data["url"], data["name"], pinned, data["digest"])


def _told(identity: Identity) -> list[Any]:
    return [identity.size, identity.tag, identity.racy]
