"""Parts of stored values: a frame inside a record or a list is read without the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dovetail.spec import Artifact, BlobSource, TransformerSpec
from dovetail.types._fields import record_fields
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import is_named_tuple

if TYPE_CHECKING:
    from dovetail.types._storage import Storage

Step = tuple[Literal["attr", "item"], Any]
"""One step into a value: a field by its name, or an element by its key."""
MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A frame, file or the like inside a stored value.

    Attributes:
        artifact: What holds it, and nothing else.
        annotation: What it was stored as.
        rest: Steps of the path that lead on into the frame itself.
    """

    artifact: Artifact
    annotation: Any
    rest: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class _Leaf:
    """Stands for a leaf in a value that was decoded without its leaves."""

    number: int
    annotation: Any


class Parts:
    """Finds and loads parts of stored values.

    In each method, ``annotation`` is what the value was stored as, and ``path`` leads into it. Where a path cannot be followed
    without the leaves that it leads past, as through a property, nothing is found, and the whole is loaded.

    Args:
        storage: Decodes what holds the leaves.
        load: Loads an artifact as an annotation wants it.
    """

    def __init__(self, storage: Storage, load: Callable[[Artifact, BlobSource, Any], Any]) -> None:
        self._storage = storage
        self._load = load

    def find(
        self, artifact: Artifact, source: BlobSource, annotation: Any, path: tuple[Step, ...] = ()
    ) -> StoredPart | None:
        """The frame or file that a path leads to, or into; None where it leads to anything else. It is not read."""
        if self._storage.is_leaf(artifact):
            return StoredPart(artifact, annotation, path)
        found = self._walked(artifact, source, annotation, path)
        if found is None or not isinstance(found[0], _Leaf):
            return None
        leaf, rest = found
        return StoredPart(artifact.children[leaf.number], leaf.annotation, rest)

    def elements(
        self, artifact: Artifact, source: BlobSource, annotation: Any, path: tuple[Step, ...] = ()
    ) -> list[StoredPart] | None:
        """The frames or files in the list or tuple that a path leads to; None where it is no such thing. None is read."""
        found = self._walked(artifact, source, annotation, path)
        if found is None or type(found[0]) not in (list, tuple):
            return None
        items = found[0]
        if not items or not all(isinstance(item, _Leaf) for item in items):
            return None
        return [StoredPart(artifact.children[item.number], item.annotation) for item in items]

    def load(
        self, artifact: Artifact, source: BlobSource, annotation: Any, path: tuple[Step, ...] = (), wanted: Any = None
    ) -> tuple[Any, tuple[Step, ...]]:
        """What a path leads to; the files of other parts are not read.

        Args:
            artifact: The stored value.
            source: Where its files are.
            annotation: What it was stored as.
            path: Steps.
            wanted: What the part is wanted as: a frame comes from its file as that, with its declared columns only, and
                the stored type is not made first. Where that is not possible the value is as it was stored.

        Returns: the value, and the steps that are left to do: into a frame, or all where the whole had to be loaded.

        Raises what :meth:`TypeEngine.load` raises.
        """
        part = self.find(artifact, source, annotation, path)
        if part is not None:
            return self.load_part(part, source, wanted), part.rest
        lazy = None if wanted is None else self._storage.lazy.wanted(wanted)
        if lazy is not None and not path:
            return self._load(artifact, source, wanted), ()
        found = self._walked(artifact, source, annotation, path) if path else None
        if found is not None and lazy is not None:
            later = self._later(artifact, source, found[0], lazy)
            if later is not None:
                return later, ()
        if found is not None:
            some = _Some(self._load, source, artifact.children, {leaf.number for leaf in _leaves(found[0])})
            whole = self._decoded(artifact, source, annotation, some)
            if whole is not MISSING and (again := _walk(whole, path)) is not None:
                return again[0], ()
        return self._load(artifact, source, annotation), path

    def _later(self, artifact: Artifact, source: BlobSource, found: Any, wanted: Any) -> Any:
        """A container of leaves that load when they are asked for; None if what was found is something else."""
        if type(found) not in (list, tuple, dict):
            return None
        leaves = list(found.values() if isinstance(found, dict) else found)
        if not leaves or not all(
            isinstance(leaf, _Leaf) and leaf.annotation == leaves[0].annotation for leaf in leaves
        ):
            return None
        if isinstance(found, dict):
            if not all(type(key) is str for key in found):
                return None
            encoded: Any = {key: leaf.number for key, leaf in found.items()}
        else:
            encoded = type(found)(leaf.number for leaf in leaves)
        return self._storage.lazy.over(wanted, encoded, leaves[0].annotation, self._storage.later(artifact, source))

    def load_part(self, part: StoredPart, source: BlobSource, wanted: Any = None) -> Any:
        """A part that was found, as it is wanted where that saves making the stored type first; steps into it are left to do."""
        direct = wanted is not None and not part.rest and self._storage.reads_directly(wanted)
        return self._load(part.artifact, source, wanted if direct else part.annotation)

    def _walked(
        self, artifact: Artifact, source: BlobSource, annotation: Any, path: tuple[Step, ...]
    ) -> tuple[Any, tuple[Step, ...]] | None:
        if not artifact.children:
            return None
        skeleton = self._decoded(artifact, source, annotation, _Placeholders(len(artifact.children)))
        return None if skeleton is MISSING else _walk(skeleton, path)

    def _decoded(self, artifact: Artifact, source: BlobSource, annotation: Any, leaves: Any) -> Any:
        decode = self._storage.decoder(artifact, annotation)
        if decode is None:
            return MISSING
        inline = artifact.inline
        text = source.open_path(artifact.blobs[0]).read_bytes() if inline is None else inline
        try:
            return decode(json.loads(text), leaves)
        except (Mismatch, ValueError):
            return MISSING  # loading the whole says what is wrong


def _walk(value: Any, path: tuple[Step, ...]) -> tuple[Any, tuple[Step, ...]] | None:
    """Follow a path as far as a leaf; None where a step is none that leads to stored data alone."""
    for position, (kind, key) in enumerate(path):
        if isinstance(value, _Leaf):
            return value, path[position:]
        cls = type(value)
        try:
            if kind == "attr":
                if key not in (record_fields(cls) or ()):
                    return None  # a property may look at everything
                value = getattr(value, key)
            elif cls in (list, tuple, dict) or is_named_tuple(cls):
                value = value[key]
            else:
                return None
        except (AttributeError, LookupError, TypeError):
            return None
    return value, ()


def _leaves(value: Any) -> Iterator[_Leaf]:
    """All leaves below."""
    if isinstance(value, _Leaf):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(key)
            yield from _leaves(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _leaves(item)
    else:
        for name in record_fields(type(value)) or ():
            yield from _leaves(getattr(value, name, None))
        yield from _leaves(getattr(value, "__pydantic_extra__", None) or {})


class _Placeholders:
    def __init__(self, number: int) -> None:
        self._number = number

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        raise AssertionError("placeholders are only given")

    def get(self, number: Any, annotation: Any) -> Any:
        if type(number) is not int or not 0 <= number < self._number:
            raise Mismatch(number, "the number of a stored leaf")
        return _Leaf(number, annotation)


class _Some(_Placeholders):
    """Gives the leaves that are wanted, and placeholders for the others."""

    def __init__(
        self, load: Callable[..., Any], source: BlobSource, children: tuple[Artifact, ...], wanted: set[int]
    ) -> None:
        super().__init__(len(children))
        self._load, self._source, self._children, self._wanted = load, source, children, wanted

    def get(self, number: Any, annotation: Any) -> Any:
        leaf = super().get(number, annotation)
        return self._load(self._children[number], self._source, annotation) if number in self._wanted else leaf
