"""The values of a run: in memory while somebody needs them, stored as soon as their node is done."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from dovetail.engine._here import is_here
from dovetail.errors import ConversionError
from dovetail.graph import RESULT, Dataset, base_type, field_hints, is_named_tuple, markers, take
from dovetail.spec import Artifact, TypeRef
from dovetail.store import ArtifactStore
from dovetail.types import StoredPart, StoredSequence, TypeEngine, whole_files

MISSING: Any = object()
_TABLE = TypeRef("pyarrow.Table")


@dataclass(eq=False, slots=True)
class Slot:
    """The output of one node: its stored artifacts by output name, and the value itself while it is in memory."""

    annotation: Any
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    value: Any = MISSING
    parts: dict[Any, Any] = field(default_factory=dict)
    bridged: dict[str, Any] = field(default_factory=dict)
    """Outputs that are tables and came over the bridge, as Arrow: at hand for whoever reads them next."""
    skipped: bool = False
    lost: str = ""
    """Why there is no output: a gate refused what it would have been made of."""
    refused: Refused | None = None
    readers: int = 0
    lock: Any = field(default_factory=threading.Lock)

    @property
    def several(self) -> bool:
        """True if the node has several outputs, the fields of a NamedTuple."""
        return is_named_tuple(base_type(self.annotation))


@dataclass(eq=False, slots=True)
class Refused:
    """A gate refused the output of a node, whose readers can do without it; the slot holds what was refused.

    Attributes:
        effect: What those readers get that say nothing themselves: ``skip``, ``continue_with_previous`` or ``continue``.
        why: What the gate said.
        previous: The output of an earlier run, where a reader wants that.
    """

    effect: str
    why: str
    previous: Slot | None = None


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
            return {n: self.dump_one(getattr(value, n), a) for n, a in names.items()}
        return {RESULT: self.dump_one(value, annotation)}

    def dump_one(self, value: Any, annotation: Any) -> Artifact:
        """Store one output."""
        published = any(isinstance(marker, Dataset) for marker in markers(annotation))
        with whole_files() if published else nullcontext():
            return self.types.dump(value, base_type(annotation), self.store)

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
            return base(*(self._part(slot, (("attr", name),), None) for name in base._fields))
        return self.types.load(slot.artifacts[RESULT], self.store, self._readable(base))

    def _readable(self, base: Any) -> Any:
        """What to load a whole output as: a frame whose library only an environment has is read as an Arrow table."""
        if isinstance(base, TypeRef) and not is_here(base):
            with suppress(ConversionError):
                self.types.check_edge(base, _TABLE)
                return _TABLE
        return base

    def at(self, slot: Slot, path: tuple[Any, ...], wanted: Any = None) -> Any:
        """A part of an output. What is in the store only is read without the other parts.

        Args:
            slot: The output.
            path: Fields and keys.
            wanted: What the part is wanted as: a frame that has to be loaded comes from its file as that. The value may also
                be as it was stored, so it is still to be fitted.
        """
        if slot.value is MISSING and not path and wanted is not None and RESULT in slot.bridged:
            return slot.bridged[RESULT]
        if slot.value is MISSING and slot.artifacts:
            own = _root(slot, path)
            if own is not None and (own[2] or (wanted is not None and wanted != base_type(own[1]))):
                with slot.lock:
                    return self._part(slot, path, wanted)
        return take(self.whole(slot), path)

    def _part(self, slot: Slot, path: tuple[Any, ...], wanted: Any) -> Any:
        artifact, annotation, rest = _root(slot, path)  # type: ignore[misc]  # there is one, or nobody asks for the part
        key = (path, wanted)
        if key not in slot.parts:
            value, left = self.types.parts.load(artifact, self.store, base_type(annotation), rest, wanted)
            slot.parts[key] = take(value, left)
        return slot.parts[key]

    def artifact(self, slot: Slot, path: tuple[Any, ...]) -> Artifact | None:
        """The stored form of an output or of a part of it, if exactly that is stored."""
        own = _root(slot, path)
        if own is None:
            return None
        artifact, annotation, rest = own
        if not rest:
            return artifact
        part = self.types.parts.find(artifact, self.store, base_type(annotation), rest)
        return None if part is None or part.rest else part.artifact

    def elements(self, slot: Slot, path: tuple[Any, ...]) -> list[StoredPart] | None:
        """The frames or files of a list that is in the store only, none of them read; None for any other."""
        in_store = slot.value is MISSING or isinstance(slot.value, StoredSequence)
        own = _root(slot, path) if in_store else None
        if own is None:
            return None
        return self.types.parts.elements(own[0], self.store, base_type(own[1]), own[2])

    def element(self, part: StoredPart, wanted: Any) -> Any:
        """One of these, now read."""
        return self.types.parts.load_part(part, self.store, wanted)

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
            slot.bridged = {}
        if slot.refused is not None and slot.refused.previous is not None:
            self.release(slot.refused.previous)


def _root(slot: Slot, path: tuple[Any, ...]) -> tuple[Artifact, Any, tuple[Any, ...]] | None:
    """The artifact that a path leads into, its annotation, and the steps inside of it; None for several outputs at once."""
    if not slot.several:
        artifact = slot.artifacts.get(RESULT)
        return None if artifact is None else (artifact, slot.annotation, path)
    if not path or path[0][1] not in slot.artifacts:
        return None
    name = path[0][1]
    return slot.artifacts[name], field_hints(base_type(slot.annotation))[name], path[1:]
