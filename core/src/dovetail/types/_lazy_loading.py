"""Stored dicts, lists and tuples as the ``Mapping`` or ``Sequence`` that is wanted, with no element loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from dovetail.types._accept import Acceptors
from dovetail.types._coders import Coders
from dovetail.types._lazy import Later, StoredMapping, StoredSequence, sequence_data
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import is_union, normalise
from dovetail.types._refine import refine


class LazyLoading:
    """Makes containers that load their elements when they are asked for."""

    def __init__(self, coders: Coders, acceptors: Acceptors) -> None:
        self._coders, self._acceptors = coders, acceptors
        self._registry = acceptors.registry

    def wanted(self, annotation: Any) -> Any:
        """The ``Mapping`` or ``Sequence`` of frames in an annotation, which may be optional; None if there is none."""
        plain = refine(annotation)
        found = [arm for arm in (get_args(plain) if is_union(plain) else (plain,)) if self._coders.is_lazy(arm)]
        return found[0] if len(found) == 1 else None

    def container(self, wanted: Any, stored: Any, data: Any, later: Later) -> StoredMapping | StoredSequence | None:
        """The container, from the JSON of another one; None where it is none whose elements are all of one type.

        Args:
            wanted: What :meth:`wanted` gave.
            stored: What the container was stored as.
            data: Its JSON.
            later: Its leaves.
        """
        found = self._elements(refine(stored), data)
        return None if found is None or not later.can_wait else self.over(wanted, found[1], found[0], later)

    def over(self, wanted: Any, encoded: Any, element: Any, later: Later) -> StoredMapping | StoredSequence | None:
        """The same from the encoded elements and the type that all of them were stored as."""
        kind, note = get_origin(wanted), get_args(wanted)[-1]
        if isinstance(encoded, dict) is not (kind is Mapping):
            return None
        cls: Any = StoredMapping if kind is Mapping else StoredSequence
        if self._registry.name(note) == self._registry.name(element) or (self._read(note) and self._read(element)):
            return cls(note, encoded, self._coders.get(note)[1], later)  # type: ignore[no-any-return]
        return cls(element, encoded, self._coders.get(element)[1], later).fitted(note, self._acceptors.build(note))  # type: ignore[no-any-return]

    def _read(self, annotation: Any) -> bool:
        """Whether it is a leaf, which comes from any file that holds one."""
        spec = self._registry.leaf(annotation)
        return spec is not None and bool(spec.codecs)

    def _elements(self, stored: Any, data: Any) -> tuple[Any, Any] | None:
        origin, args = get_origin(stored), get_args(stored)
        if origin is Sequence and self._coders.is_lazy(stored):
            try:
                kind, items = sequence_data(data)
            except Mismatch:
                return None  # loading the whole says what is wrong
            return args[0], kind(items)
        if origin in (dict, Mapping) and args and normalise(args[0]) is str and isinstance(data, dict):
            return args[1], data
        if origin not in (list, tuple) or not isinstance(data, list) or not args:
            return None
        elements = [arg for arg in args if arg is not Ellipsis]
        return (elements[0], origin(data)) if all(arg == elements[0] for arg in elements) else None
