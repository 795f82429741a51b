"""The type engine: one object per catalogue, in front of acceptors, edges, hashes and storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dovetail.errors import ConversionError, UnknownType, UsageError
from dovetail.plugins import current_catalogue
from dovetail.spec import (
    Artifact,
    Blob,
    BlobSink,
    BlobSource,
    FieldInfo,
    Preview,
    Schema,
    TransformerSpec,
    TypeTransformer,
)
from dovetail.types._accept import Acceptors
from dovetail.types._artifact import artifact_id
from dovetail.types._canonical import Hasher
from dovetail.types._coders import Coders
from dovetail.types._edges import Edges
from dovetail.types._exact import EXACT
from dovetail.types._fields import record_fields
from dovetail.types._graph import ConversionGraph
from dovetail.types._lazy import LAZY
from dovetail.types._looks import bounded, plain_preview
from dovetail.types._losses import losing
from dovetail.types._mismatch import Mismatch, settle
from dovetail.types._names import normalise, type_name
from dovetail.types._parts import Parts
from dovetail.types._paths import ConversionPath
from dovetail.types._refine import Collect, Columns, refine, refinement
from dovetail.types._registry import CatalogueView, Registry
from dovetail.types._storage import Storage
from dovetail.types._transit import Transit


class TypeEngine:
    """Fits values to annotations, converts frames, hashes, stores and loads.

    Annotations may be types, ``typing`` forms, :class:`~dovetail.spec.TypeRef` or dotted strings. Of the metadata of
    ``Annotated``, declared columns, ``Stored`` and ``Collect`` are read; the rest is left to others. Safe to use from
    several threads.

    Args:
        catalogue: The transformers and converters to use. When it grows, the engine notices.
    """

    def __init__(self, catalogue: CatalogueView) -> None:
        self._catalogue = catalogue
        self._refresh()

    def _refresh(self) -> None:
        self._version = self._catalogue.version
        self._registry = Registry(self._catalogue)
        self._graph = ConversionGraph(self._registry)
        self._accepting = Acceptors(self._registry, self._graph)
        self._coders = Coders(self._accepting)
        self._hasher = Hasher(self._registry, self._pydantic_json)
        self._edges = Edges(self._registry, self._graph)
        self._storage = Storage(self._registry, self._accepting, self._coders, self._hasher)
        self._parts = Parts(self._storage, self.load)
        self._transit = Transit(self._registry, self._accepting, self._coders)
        self._plain = PlainTransformer()
        self._acceptors: dict[Any, Callable[[Any], Any]] = {}

    def _fresh(self) -> None:
        if self._catalogue.version != self._version:
            self._refresh()

    # -- fitting values ------------------------------------------------------------------------------

    @property
    def catalogue(self) -> CatalogueView:
        """The catalogue that the types come from."""
        return self._catalogue

    def acceptor(self, annotation: Any) -> Callable[[Any], Any]:
        """A function that takes a value and returns it fitted to the annotation.

        Exact scalars and frames of the annotated type come back by reference. The function raises ValueMismatch for a
        value that does not fit, ConversionError for a frame that no faithful road leads from. It is made once and kept.
        """
        if self._catalogue.version != self._version:
            self._refresh()
        try:
            return self._acceptors[annotation]
        except KeyError:
            made = self._acceptors[annotation] = self._make_acceptor(annotation)
            return made
        except TypeError:  # metadata of Annotated that cannot be hashed
            annotation = refine(annotation)
            hash(annotation)  # without the metadata of others there is nothing of that kind
            return self.acceptor(annotation)

    def _make_acceptor(self, annotation: Any) -> Callable[[Any], Any]:
        annotation = refine(annotation)
        inner = self._accepting.build(annotation)

        def accept(value: Any) -> Any:
            try:
                return inner(value)
            except Mismatch as mismatch:
                raise mismatch.error(annotation) from None
            except ConversionError as error:
                settle(error)
                raise

        if not isinstance(annotation, type) or annotation not in EXACT:
            return accept

        def accept_exact(value: Any) -> Any:
            return value if type(value) is annotation else accept(value)

        return accept_exact

    def accept(self, value: Any, annotation: Any) -> Any:
        """``acceptor(annotation)(value)``."""
        return self.acceptor(annotation)(value)

    def convert(self, value: Any, annotation: Any, allow_lossy: bool = False) -> Any:
        """Like :meth:`accept`, but may take a road that loses something if ``allow_lossy`` says so."""
        self._fresh()
        if not allow_lossy:
            return self.accept(value, annotation)
        spec = self._registry.leaf(annotation)
        refined = refine(annotation)
        if spec is None:
            plain = normalise(annotation)
            return self.accept(self._accepting.plain_roads.convert(value, plain, allow_lossy=True), plain)
        most = refinement(refined, Collect)
        try:
            road = self._accepting.frames.road(
                value, spec.type, allow_lossy=True, most=None if most is None else most.max_bytes
            )
        except Mismatch as mismatch:
            raise mismatch.error(annotation) from None
        with losing():
            value = value if road is None else road(value)
        return self.accept(value, refined) if refinement(refined, Columns) is not None else value

    def parse(self, text: str, annotation: Any) -> Any:
        """A value from text that a person typed, such as a command line argument: ``"3"`` for an int, JSON for a list.

        Raises:
            ValueMismatch: The text does not say such a value.
        """
        self._fresh()
        return _parse(self, self._accepting, text, normalise(annotation))

    # -- wiring --------------------------------------------------------------------------------------

    def check_edge(self, source: Any, target: Any) -> ConversionPath:
        """Whether what ``source`` gives fits what ``target`` wants, before there is a value.

        Raises:
            ConversionError: It does not. Optional[X] does not fit X; bool does not fit int; int fits float.
            UnknownType: An end is a name that no plugin knows.
        """
        self._fresh()
        return self._edges.check(source, target)

    def explain(self, source: Any, target: Any, size: int | None = None) -> ConversionPath:
        """The path from ``source`` to ``target``, why it was taken, and why others were not; ``str(path)`` shows all that.

        Args:
            source: What there is.
            target: What is wanted.
            size: Bytes of the value; without it, as before a value is known.

        Lossy paths, and those that a value of this size cannot take, are explained too: ``note`` says that they are refused.
        Raises what :meth:`check_edge` raises if there is none.
        """
        self._fresh()
        return self._edges.explain(source, target, size, self._accepting.roads.limit)

    # -- looking types up ------------------------------------------------------------------------------

    def type_name(self, annotation: Any) -> str:
        """The name of an annotation as it is stored: a declared type goes by its declared name."""
        self._fresh()
        return self._registry.name(annotation)

    def transformer_for(self, value: Any) -> TypeTransformer:
        """The transformer that knows a value. Raises UnknownType."""
        self._fresh()
        spec = self._registry.find_class(type(value))
        if spec is not None:
            return self._registry.transformer(spec)
        if record_fields(type(value)) is not None or value is None or self._has_coder(type(value)):
            return self._plain
        raise self._registry.unknown(type(value), "no transformer is declared for it or for one of its bases")

    def transformer_named(self, name: Any) -> TypeTransformer:
        """The transformer of a type by its declared name or alias. Raises UnknownType."""
        self._fresh()
        spec = self._registry.find(name)
        if spec is None:
            raise self._registry.unknown(name, "it was asked for by name")
        return self._registry.transformer(spec)

    def is_declared(self, value: Any) -> bool:
        """True for a frame, a file or whatever else a plugin declares; false for plain data and records."""
        self._fresh()
        return self._is_leaf(self._registry.find_class(type(value)))

    def is_table(self, value: Any) -> bool:
        """True for a frame of a known type."""
        self._fresh()
        spec = self._registry.find_class(type(value))
        return self._is_leaf(spec) and self._registry.transformer(spec).is_table  # type: ignore[arg-type]

    def _is_leaf(self, spec: TransformerSpec | None) -> bool:
        return self._registry.is_leaf(spec)

    def _has_coder(self, cls: type) -> bool:
        if cls in LAZY:
            return True
        try:
            self._coders.get(cls)
        except UnknownType:
            return False
        return True

    def _pydantic_json(self, value: Any) -> Any:
        return self._coders.get(type(value))[0](value, None)  # type: ignore[arg-type]  # it has no leaves

    # -- storing ---------------------------------------------------------------------------------------

    def content_hash(self, value: Any, annotation: Any = None) -> str:
        """Hex digest of what a value means: the same in every process, for every chunking, whatever its annotation.

        Frames hash by their data in Arrow, so equal polars, pandas and Arrow tables hash the same. With an ``annotation`` the
        value is fitted to it first.

        Raises:
            UnknownType: Nobody knows the type of the value, or of something inside it.
        """
        self._fresh()
        if annotation is not None:
            value = self.accept(value, annotation)
        spec = self._registry.find_class(type(value))
        if self._is_leaf(spec):
            return self._registry.transformer(spec).content_hash(value)  # type: ignore[arg-type]
        return self._hasher.hash(value)

    def check_storable(self, annotation: Any) -> None:
        """Raise UnknownType unless values of the annotation can be stored. ``Any`` can, until a value shows otherwise."""
        self._fresh()
        plain = normalise(annotation)
        if plain is not Any and self._registry.leaf(plain) is None:
            self._coders.get(plain)

    def dump(
        self,
        value: Any,
        annotation: Any,
        sink: BlobSink,
        format: str | None = None,
        known: Iterable[tuple[Any, Artifact]] = (),
    ) -> Artifact:
        """Store a value.

        Args:
            value: It fits the annotation already, or is a frame that converts to it.
            annotation: What it is stored as; ``Any``: by what it is.
            sink: Takes the files. Values of up to 8 KB of JSON are held in the artifact and need none.
            format: Codec for frames, ``"parquet"`` or ``"arrow"``, where the annotation has no ``Stored``; default is the first
                that the type declares for a value of this size.
            known: Values with the artifacts that hold them in this store already, unchanged since. A frame or file inside
                ``value`` that is one of them, or a part of one, is referred to: neither written nor hashed again.

        Raises:
            ValueMismatch: It does not fit, with the place inside the structure.
            UnknownType: Values of the type cannot be stored.
            UsageError: The type has no such format.
        """
        if self._catalogue.version != self._version:
            self._refresh()
        try:
            return self._storage.dump(value, annotation, sink, format, known)
        except Mismatch as mismatch:
            raise mismatch.error(annotation) from None
        except ConversionError as error:
            settle(error)
            raise

    def load(self, artifact: Artifact, source: BlobSource, annotation: Any = None) -> Any:
        """The stored value, as the annotation wants it; without one, as it was stored.

        Raises:
            ArtifactNotFound, ArtifactCorrupt: From the source, or when a file cannot be read.
            ValueMismatch: The stored value does not fit the annotation.
            UnknownType: It was stored under a type that is not known here.
        """
        self._fresh()
        wanted = Any if annotation is None else annotation
        try:
            return self._storage.load(artifact, source, wanted)
        except Mismatch as mismatch:
            raise mismatch.error(artifact.type if annotation is None else annotation) from None
        except ConversionError as error:
            settle(error)
            raise

    @property
    def parts(self) -> Parts:
        """Finds and loads parts of stored values, without the files of the others."""
        self._fresh()
        return self._parts

    @property
    def transit(self) -> Transit:
        """Hands values to another process and takes them from there, by way of a :class:`~dovetail.types.Carrier`."""
        self._fresh()
        return self._transit

    def artifact_id(
        self,
        type_name: str,
        format: str,
        blobs: tuple[Blob, ...] = (),
        inline: str | None = None,
        children: tuple[Artifact, ...] = (),
    ) -> str:
        """SHA-256 in hex over type, format, blobs, inline and children."""
        return artifact_id(type_name, format, blobs, inline, children)

    # -- looking at values -----------------------------------------------------------------------------

    def schema(self, value: Any) -> Schema | None:
        """Columns of a frame, fields of a record; None for a value without parts."""
        return self.transformer_for(value).schema(value)

    def preview(self, value: Any, limit: int = 10) -> Preview:
        """A bounded look: at most ``limit`` rows, 20 columns, 80 characters per cell and name, 400 of text; control characters
        and marks of direction are written out."""
        return bounded(self.transformer_for(value).preview(value, limit), limit)

    def num_rows(self, value: Any) -> int | None:
        """Rows of a frame; None for anything else, and for a plan that was not run."""
        return self.transformer_for(value).num_rows(value) if self.is_table(value) else None


class PlainTransformer(TypeTransformer):
    """Scalars, containers and records: plain data, stored as JSON."""

    type_name = ""

    def content_hash(self, value: Any) -> str:
        """SHA-256 of the canonical form."""
        return current_types().content_hash(value)

    def preview(self, value: Any, limit: int = 10) -> Preview:
        """The repr, cut at ``limit`` members per container and 400 characters in all."""
        return plain_preview(value, limit)

    def schema(self, value: Any) -> Schema | None:
        """The fields of a record."""
        fields = record_fields(type(value))
        if fields is None:
            return None
        return Schema(
            tuple(FieldInfo(name, type_name(note), "None" in type_name(note)) for name, note in fields.items())
        )


def _parse(engine: TypeEngine, accepting: Acceptors, text: str, annotation: Any) -> Any:
    from pydantic import ValidationError

    if annotation is str or annotation is Any:
        return text
    if accepting.is_walked(annotation):
        return engine.accept(text, annotation)
    adapter = accepting.adapters.get(annotation)
    if adapter is None:
        raise UsageError(f"a {type_name(annotation)} cannot be typed", fix="call the workflow from Python")
    try:
        return adapter.validate_strings(text, strict=False)
    except ValidationError as first:
        try:
            return adapter.validate_json(text, strict=False)
        except ValidationError:
            message = first.errors(include_url=False, include_context=False)[0]["msg"].removeprefix("Input should be ")
            raise Mismatch(text, message).error(annotation) from None


def current_types() -> TypeEngine:
    """The type engine of the current catalogue, made once per catalogue."""
    catalogue = current_catalogue()
    kept = vars(catalogue)  # kept on the catalogue, so that both go together
    found = kept.get("_type_engine")
    if not isinstance(found, TypeEngine):
        found = kept["_type_engine"] = TypeEngine(catalogue)
    return found
