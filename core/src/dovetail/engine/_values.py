"""The values of a run: in memory while somebody needs them, stored as soon as their node is done."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from dovetail.graph import RESULT, base_type, field_hints, is_named_tuple, take
from dovetail.spec import Artifact
from dovetail.store import ArtifactStore
from dovetail.types import TypeEngine

MISSING: Any = object()


@dataclass(eq=False, slots=True)
class Slot:
    """The output of one node: its stored artifacts by output name, and the value itself while it is in memory."""

    annotation: Any
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    value: Any = MISSING
    parts: dict[str, Any] = field(default_factory=dict)
    skipped: bool = False
    readers: int = 0
    lock: Any = field(default_factory=threading.Lock)

    @property
    def several(self) -> bool:
        """True if the node has several outputs, the fields of a NamedTuple."""
        return is_named_tuple(base_type(self.annotation))


class Values:
    """Stores and loads the values of a run."""

    def __init__(self, types: TypeEngine, store: ArtifactStore) -> None:
        self.types = types
        self.store = store

    def dump(self, value: Any, annotation: Any, names: dict[str, Any]) -> dict[str, Artifact]:
        """Store an output, field by field for a NamedTuple; by output name. Nothing for a node without outputs."""
        if not names:
            return {}
        if is_named_tuple(base_type(annotation)):
            return {n: self.types.dump(getattr(value, n), base_type(a), self.store) for n, a in names.items()}
        return {RESULT: self.types.dump(value, base_type(annotation), self.store)}

    def whole(self, slot: Slot) -> Any:
        """The whole output; loaded from the store, its hash verified, if it is not in memory."""
        if slot.value is MISSING:
            with slot.lock:
                if slot.value is MISSING:
                    slot.value = self._load(slot)
        return slot.value

    def _load(self, slot: Slot) -> Any:
        base = base_type(slot.annotation)
        if base is type(None) or not slot.artifacts:
            return None
        if is_named_tuple(base):
            return base(*(self._part(slot, name) for name in base._fields))
        return self.types.load(slot.artifacts[RESULT], self.store, base)

    def _part(self, slot: Slot, name: str) -> Any:
        if name not in slot.parts:
            annotation = field_hints(base_type(slot.annotation))[name]
            slot.parts[name] = self.types.load(slot.artifacts[name], self.store, base_type(annotation))
        return slot.parts[name]

    def at(self, slot: Slot, path: tuple[Any, ...]) -> Any:
        """A part of an output; of several outputs only the one that is asked for is loaded."""
        if slot.value is MISSING and slot.several and path and path[0][1] in slot.artifacts:
            with slot.lock:
                return take(self._part(slot, path[0][1]), path[1:])
        return take(self.whole(slot), path)

    def intact(self, outputs: dict[str, Artifact]) -> bool:
        """True if every stored file of these outputs is there and unharmed, so that they can be used again."""
        return all(self.store.has(artifact) for artifact in outputs.values())

    def fresh(self, annotation: Any, artifacts: dict[str, Artifact]) -> Any:
        """The value that these artifacts hold."""
        return self._load(Slot(annotation, artifacts))

    def release(self, slot: Slot) -> None:
        """Forget the value in memory; it can be loaded again."""
        if slot.artifacts or base_type(slot.annotation) is type(None):
            slot.value = MISSING
            slot.parts.clear()


def artifact_at(slot: Slot, path: tuple[Any, ...]) -> Artifact | None:
    """The stored form of an output, or of one of several outputs, if exactly that is stored."""
    if slot.several:
        return slot.artifacts.get(path[0][1]) if len(path) == 1 and path[0][0] == "attr" else None
    return None if path else slot.artifacts.get(RESULT)
