"""Dumping values to artifacts and loading them back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dovetail.errors import ArtifactCorrupt, DovetailError
from dovetail.spec import Artifact, BlobSink, BlobSource, TransformerSpec
from dovetail.types._accept import Acceptors
from dovetail.types._artifact import INLINE_LIMIT, SCALAR_NAMES, dump_scalar, make_artifact
from dovetail.types._canonical import Hasher
from dovetail.types._coders import Coders, Decode, Pair
from dovetail.types._infer import infer, is_json
from dovetail.types._lazy import Later, StoredLeaf
from dovetail.types._lazy_loading import LazyLoading
from dovetail.types._leaves import LeafStore
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import parse_name
from dovetail.types._refine import check_refined, is_refined, refine
from dovetail.types._registry import Registry

_PLAIN_FORMATS = ("json", "tree", "bytes")
"""Formats of what is no leaf. Plugins are kept from declaring codecs by these names."""
Known = Iterable[tuple[Any, Artifact]]
"""Values with the artifacts that hold them already."""
_TEXT = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode


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
        self.leaves = LeafStore(registry, acceptors)
        self.lazy = LazyLoading(coders, acceptors)

    # -- dump ----------------------------------------------------------------------------------------

    def dump(
        self, value: Any, annotation: Any, sink: BlobSink, format: str | None = None, known: Known = ()
    ) -> Artifact:
        """Store a value that fits its annotation; leaves that are ``known`` are referred to. Raises Mismatch if it does not."""
        cls = type(value)
        if cls in SCALAR_NAMES and (annotation is cls or annotation is Any or (annotation is None and value is None)):
            return dump_scalar(value, cls, sink)
        plan = self._plan(annotation)
        if plan.annotation is Any:
            return self._dump_any(value, sink, format, known)
        if plan.spec is not None and plan.spec.codecs:
            return self.leaves.dump(value, plan.annotation, plan.spec, sink, format)
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
        plain = refine(annotation)
        plan = self._plans.get(plain)
        if plan is None:
            plan = self._plans[plain] = _Plan(plain, self._registry.leaf(plain), self._registry.name(plain))
            if is_refined(plain):
                check_refined(plain, self._registry)
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

    # -- load ----------------------------------------------------------------------------------------

    def load(self, artifact: Artifact, source: BlobSource, annotation: Any) -> Any:
        """The stored value as the annotation wants it; ``Any`` means as it was stored."""
        plan = self._plan(annotation)
        if artifact.format in _PLAIN_FORMATS:
            return self._load_json(artifact, source, plan)
        return self.leaves.load(artifact, source, plan.annotation, plan.spec)

    def is_leaf(self, artifact: Artifact) -> bool:
        """True for a frame, file or the like; False for plain data, with or without leaves inside."""
        return artifact.format not in _PLAIN_FORMATS

    def decoder(self, artifact: Artifact, annotation: Any) -> Decode | None:
        """How the JSON of an artifact becomes a value of the annotation; None unless it was stored as exactly that."""
        plan = self._plan(annotation)
        if self.is_leaf(artifact) or plan.name != artifact.type:
            return None
        return self._coder(plan)[1]

    def reads_directly(self, annotation: Any) -> bool:
        """Whether values of the annotation come from the files of other frames without those being made first."""
        spec = self._plan(annotation).spec
        return spec is not None and bool(spec.codecs)

    def later(self, artifact: Artifact, source: BlobSource) -> Later:
        """The leaves of a tree."""
        return Later(source, artifact.children, self.load, self._stored_as, self._hasher.hash)

    def _stored_as(self, artifact: Artifact, annotation: Any) -> bool:
        spec = self._plan(annotation).spec
        return spec is not None and self.leaves.is_stored_as(artifact, annotation, spec, None)

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
        leaves = self.later(artifact, source)
        if plan.name == artifact.type:
            return self._coder(plan)[1](data, leaves)
        stored = self._plan(self._coders.named(artifact.type))
        wanted = self.lazy.wanted(annotation)
        found = None if wanted is None else self.lazy.container(wanted, stored.annotation, data, leaves)
        if found is not None:
            return found
        return self._acceptors.build(annotation)(self._coder(stored)[1](data, leaves))


class _Collector:
    """Leaves of one value on their way into the store."""

    refers = True

    def __init__(
        self, storage: Storage, sink: BlobSink, format: str | None, known: dict[int, tuple[Any, Artifact | None]]
    ) -> None:
        self._storage, self._sink, self._format, self._known = storage, sink, format, known
        self.children: list[Artifact] = []
        self.hashes: dict[int, str] = {}

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        if isinstance(value, StoredLeaf):
            return self._refer(value, annotation, spec)
        child = self._known.get(id(value), (value, None))[1]
        if child is None or not self._storage.leaves.is_stored_as(child, annotation, spec, self._format):
            child = self._storage.leaves.dump(value, annotation, spec, self._sink, self._format)
        return self._add(child, value)

    def _refer(self, leaf: StoredLeaf, annotation: Any, spec: TransformerSpec) -> int:
        """A leaf of a container that nobody loaded: what is in this store already is not looked at."""
        if leaf.annotation != annotation:
            raise Mismatch(leaf, f"a {spec.type}")  # of a union, another member
        here: bool = leaf.later.source is self._sink  # type: ignore[comparison-overlap]  # a store is both
        if here and self._storage.leaves.is_stored_as(leaf.artifact, annotation, spec, self._format):
            return self._add(leaf.artifact, leaf)
        value = leaf.later.load(leaf)
        return self._add(self._storage.leaves.dump(value, annotation, spec, self._sink, self._format), leaf)

    def _add(self, child: Artifact, value: Any) -> int:
        self.children.append(child)
        self.hashes[id(value)] = child.content_hash
        return len(self.children) - 1

    def get(self, number: Any, annotation: Any) -> Any:
        raise AssertionError("a collector only takes")


class _Finder:
    """Leaves of one value, in the order in which they were stored."""

    refers = True

    def __init__(self) -> None:
        self.values: list[Any] = []

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        self.values.append(value)
        return len(self.values) - 1

    def get(self, number: Any, annotation: Any) -> Any:
        raise AssertionError("a finder only takes")
