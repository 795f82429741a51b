"""Containers that lie in a store and load an element when it is asked for: what ``Mapping`` and ``Sequence`` give."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, NoReturn, overload

from dovetail.errors import ConversionError, DovetailError, UsageError, shorten
from dovetail.spec import Artifact, BlobSource, TransformerSpec
from dovetail.types._mismatch import Mismatch, at, render_path, settle
from dovetail.types._records import step

Fit = Callable[[Any], Any]
_SHOWN = 8
"""Keys that a repr shows."""


class Later:
    """The leaves of one artifact, for containers that outlive the loading of it.

    Args:
        source: Where the files are.
        children: The leaves.
        load: Loads one as an annotation wants it.
        stored_as: Whether a leaf was stored as what an annotation says, so that its record tells its content hash.
        content_hash: The hash of any value.
    """

    def __init__(
        self,
        source: BlobSource,
        children: tuple[Artifact, ...],
        load: Callable[[Artifact, BlobSource, Any], Any],
        stored_as: Callable[[Artifact, Any], bool],
        content_hash: Callable[[Any], str],
    ) -> None:
        self.source = source
        self.content_hash = content_hash
        self._children, self._load, self._stored_as = children, load, stored_as

    def put(self, value: Any, annotation: Any, spec: TransformerSpec) -> int:
        """Nothing is put here."""
        raise AssertionError("what is stored is only read")

    def get(self, number: Any, annotation: Any) -> Any:
        """The leaf with this number, as the annotation wants it."""
        return self._load(self._child(number), self.source, annotation)

    def refer(self, number: Any, annotation: Any) -> Any:
        """What stands for the leaf where only its record is needed; the leaf itself where that does not say all."""
        child = self._child(number)
        return (
            StoredLeaf(child, annotation, self) if self._stored_as(child, annotation) else self.get(number, annotation)
        )

    def load(self, leaf: StoredLeaf) -> Any:
        """What a leaf stands for."""
        return self._load(leaf.artifact, self.source, leaf.annotation)

    def _child(self, number: Any) -> Artifact:
        if type(number) is not int or not 0 <= number < len(self._children):
            raise Mismatch(number, "the number of a stored leaf")
        return self._children[number]

    @property
    def can_wait(self) -> bool:
        """False if there is nothing to load, or it does not stay: what is in transit to another process has no hashes."""
        return bool(self._children) and all(child.content_hash for child in self._children)


@dataclass(frozen=True, slots=True, eq=False)
class StoredLeaf:
    """Stands for a frame or file that nobody has loaded."""

    artifact: Artifact
    annotation: Any
    later: Later


class _References:
    """Leaves that are only referred to."""

    def __init__(self, later: Later) -> None:
        self.put = later.put
        self.get = later.refer


class _Lazy:
    """What both have: elements as they lie in the store, and those that somebody still holds."""

    __slots__ = ("__weakref__", "_decode", "_encoded", "_fits", "_held", "_later", "annotation")

    def __init__(
        self, annotation: Any, encoded: Any, decode: Callable[[Any, Any], Any], later: Later, fits: tuple[Fit, ...] = ()
    ) -> None:
        self.annotation = annotation  # of the elements
        self._encoded = encoded
        self._decode = decode
        self._later = later
        self._fits = fits
        self._held: dict[Any, weakref.ref[Any]] = {}

    @property
    def source(self) -> BlobSource:
        """Where the files are."""
        return self._later.source

    def _element(self, key: Any) -> Any:
        """An element: the one that somebody holds already, or a new one from the store. Two that are asked for at once may
        be two."""
        held = self._held.get(key)
        value = None if held is None else held()
        if value is None:
            value = self._loaded(key)
            with contextlib.suppress(TypeError):  # a tuple, a dict: loaded again each time
                self._held[key] = weakref.ref(value)
        return value

    def _loaded(self, key: Any) -> Any:
        try:
            value = self._decode(self._encoded[key], self._later)
            for fit in self._fits:
                value = fit(value)
            return value
        except Mismatch as mismatch:
            at(key, mismatch)
            raise mismatch.error(self.annotation) from None
        except ConversionError as error:
            at(key, error)
            settle(error)
            raise
        except DovetailError as error:
            error.what = f"{error.what} (at {render_path([key])})"
            raise

    def reference(self, key: Any) -> Any:
        """The element with stand-ins for its leaves; the element itself if it is something else than what is stored."""
        return self._element(key) if self._fits else self._decode(self._encoded[key], _References(self._later))

    def real(self, key: Any) -> Any:
        """The element."""
        return self._element(key)

    def fitted(self, annotation: Any, fit: Fit) -> Any:
        """The same with elements of another type, which each is brought to when it is loaded."""
        if annotation == self.annotation:
            return self
        return type(self)(annotation, self._encoded, self._decode, self._later, (*self._fits, fit))

    def __len__(self) -> int:
        return len(self._encoded)

    def __eq__(self, other: object) -> bool:
        """Equal content: what is loaded for that is only what is not in the same store in the same type."""
        if self is other:
            return True
        if not isinstance(other, (dict, list, tuple, *LAZY)) or len(self) != len(other):
            return False
        try:
            return self._later.content_hash(self) == self._later.content_hash(other)
        except DovetailError:
            return False

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise UsageError(
            f"{self!r} cannot be pickled",
            why="its elements are in the artifact store, and are loaded when they are asked for",
            fix="pickle the elements that are needed, or annotate the input as dict or list to get them all",
        )


class StoredMapping(_Lazy, Mapping[str, Any]):
    """A read-only mapping whose values are loaded from the store when they are asked for.

    A value is held as long as somebody else holds it, so that going through all of them needs the memory of one.
    """

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(key)
        return self._element(key)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self._encoded

    def __iter__(self) -> Iterator[str]:
        return iter(self._encoded)

    def __repr__(self) -> str:
        keys = [shorten(key, 40) for key in list(self._encoded)[:_SHOWN]]
        return f"<stored mapping of {len(self)}: {', '.join([*keys, *_more(self)])}>"

    kind = dict

    @property
    def stored_type(self) -> Any:
        """The annotation that says as much."""
        return GenericAlias(Mapping, (str, self.annotation))


class StoredSequence(_Lazy, Sequence[Any]):
    """A read-only sequence whose elements are loaded from the store when they are asked for.

    An element is held as long as somebody else holds it, so that going through all of them needs the memory of one.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> StoredSequence: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self.annotation, self._encoded[index], self._decode, self._later, self._fits)
        return self._element(range(len(self))[index])

    def __iter__(self) -> Iterator[Any]:
        return map(self._element, range(len(self)))

    def __repr__(self) -> str:
        return f"<stored sequence of {len(self)}>"

    @property
    def kind(self) -> type[list[Any]] | type[tuple[Any, ...]]:
        """What was stored, ``list`` or ``tuple``: they are not equal."""
        return type(self._encoded)

    @property
    def stored_type(self) -> Any:
        """The annotation that says as much."""
        return GenericAlias(Sequence, (self.annotation,))


LAZY = (StoredMapping, StoredSequence)


def _more(value: _Lazy) -> list[str]:
    return ["..."] if len(value) > _SHOWN else []


def stored_pair(kind: Any, annotation: Any, pair: Any) -> Any:
    """The coder of ``Mapping[str, X]`` or ``Sequence[X]``.

    Args:
        kind: ``Mapping`` or ``Sequence``.
        annotation: X.
        pair: Its coder.
    """
    return (_mapping if kind is Mapping else _sequence)(annotation, *pair)


def _one(out: Any, container: Any, key: Any, leaves: Any) -> Any:
    """An element on its way into the store: by its records where these are enough, and where it goes can refer to them."""
    try:
        if not isinstance(container, LAZY) or not getattr(leaves, "refers", False):
            return out(container[key], leaves)
        try:
            return out(container.reference(key), leaves)
        except (Mismatch, ConversionError):
            return out(container.real(key), leaves)
    except (Mismatch, ConversionError) as error:
        at(key, error)
        raise


def _mapping(annotation: Any, out: Any, back: Any) -> Any:
    def encode(value: Any, leaves: Any) -> Any:
        if not isinstance(value, (dict, StoredMapping)):
            raise Mismatch(value, "a dict")
        for key in value:
            if type(key) is not str:
                raise Mismatch(key, "a str as key")
        return {key: _one(out, value, key, leaves) for key in value}

    def decode(data: Any, leaves: Any) -> Any:
        if not isinstance(data, dict):
            raise Mismatch(data, "a dict")
        if isinstance(leaves, Later) and leaves.can_wait:
            return StoredMapping(annotation, data, back, leaves)
        return {key: step(back, key, item, leaves) for key, item in data.items()}

    return encode, decode


def _sequence(annotation: Any, out: Any, back: Any) -> Any:
    def encode(value: Any, leaves: Any) -> Any:
        if not isinstance(value, (list, tuple, StoredSequence)):
            raise Mismatch(value, "a sequence")
        kind = value.kind if isinstance(value, StoredSequence) else list if isinstance(value, list) else tuple
        return [kind.__name__, [_one(out, value, i, leaves) for i in range(len(value))]]

    def decode(data: Any, leaves: Any) -> Any:
        kind, items = sequence_data(data)
        if isinstance(leaves, Later) and leaves.can_wait:
            return StoredSequence(annotation, kind(items), back, leaves)
        return kind(step(back, i, item, leaves) for i, item in enumerate(items))

    return encode, decode


def sequence_data(data: Any) -> tuple[type[list[Any]] | type[tuple[Any, ...]], list[Any]]:
    """What a stored ``Sequence`` was, and its encoded elements. Raises Mismatch."""
    if (
        not isinstance(data, list)
        or len(data) != 2
        or data[0] not in ("list", "tuple")
        or not isinstance(data[1], list)
    ):
        raise Mismatch(data, "a stored sequence")
    return (list if data[0] == "list" else tuple), data[1]
