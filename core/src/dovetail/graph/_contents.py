"""A hash of what a value holds, as far as that can be told; where it cannot, that is said."""

from __future__ import annotations

import contextlib
import contextvars
import copyreg
import functools
import hashlib
import logging
import os
import threading
import types
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dovetail.types import current_types

_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes})
_MOST_VALUES = 100_000
_NO_CONTENT: tuple[type, ...] = (
    object,
    type(threading.Lock()),
    type(threading.RLock()),
    threading.local,
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.BoundedSemaphore,
    threading.Barrier,
    contextvars.ContextVar,
    weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
    weakref.WeakSet,
    type(os.environ),
)
"""They coordinate, remember what can be found again, or are what a function reads from outside: they count by class."""

_untold: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("dovetail_untold", default=None)


@contextmanager
def untold_captures() -> Iterator[list[str]]:
    """Collect what fingerprints that are made in this block count by its class alone, since its content cannot be told.

    Yields:
        A list that grows: ``"'CLIENT' (a socket.socket)"``.
    """
    found: list[str] = []
    token = _untold.set(found)
    try:
        yield found
    finally:
        _untold.reset(token)


class Contents(ABC):
    """Feeds values into a digest. Equal values give equal digests, in every process; sharing an object makes no difference.

    Attributes:
        name: What the value that is looked at is called where it was captured, for people.
    """

    def __init__(self, seed: str) -> None:
        self.name = ""
        self._digest = hashlib.sha256(seed.encode())
        self._done: dict[int, tuple[bytes, Any]] = {}  # by id; the object is held so that no id comes again
        self._open: list[int] = []
        self._left = _MOST_VALUES

    @abstractmethod
    def function(self, function: types.FunctionType) -> None:
        """Feed a function."""

    @abstractmethod
    def cls(self, cls: type) -> None:
        """Feed a class."""

    @abstractmethod
    def module(self, module: types.ModuleType) -> None:
        """Feed a module."""

    def hexdigest(self) -> str:
        """The digest of all that was fed."""
        return self._digest.hexdigest()

    def add(self, *parts: object) -> None:
        """Feed texts and bytes."""
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
            self._digest.update(len(data).to_bytes(8, "little"))
            self._digest.update(data)

    def named(self, name: str, value: Any) -> None:
        """Feed a value under the name by which it is known."""
        before, self.name = self.name, name
        self.value(value)
        self.name = before

    def value(self, value: Any) -> None:
        """Feed a value: scalars and containers as they are, tables by content, objects by class and state, code by code."""
        kind = type(value)
        if kind in _SCALARS:
            self.add("value", kind.__name__, f"{value:x}" if kind is int else repr(value))
            return
        self._left -= 1
        if self._left < 0:
            self.cannot_tell(value, ", with more in it than is looked at")
        elif kind in (list, tuple, set, frozenset, dict):
            self._once(value, self._container)
        elif kind is types.FunctionType:
            self._once(value, self.function)
        elif isinstance(value, type):
            self._once(value, self.cls)
        elif isinstance(value, types.ModuleType):
            self.module(value)
        else:
            self._once(value, self._object)

    def _once(self, value: Any, feed: Callable[[Any], None]) -> None:
        """Feed what an object's own digest says; one that holds itself is referred to by how far out it is."""
        known = self._done.get(id(value))
        if known is None and id(value) in self._open:
            self.add("within", len(self._open) - self._open.index(id(value)))
            return
        if known is None:
            outer, self._digest = self._digest, hashlib.sha256()
            self._open.append(id(value))
            try:
                feed(value)
            finally:
                self._open.pop()
                inner, self._digest = self._digest, outer
            known = self._done[id(value)] = (inner.digest(), value)
        self.add(known[0])

    def _container(self, value: Any) -> None:
        self.add(type(value).__name__, len(value))
        if isinstance(value, dict):
            for key, item in value.items():
                self.value(key)
                self.value(item)
        elif isinstance(value, (set, frozenset)):
            self.add(*sorted(map(self._apart, value)))
        elif not self._plain_items(value):
            for item in value:
                self.value(item)

    def _plain_items(self, value: Any) -> bool:
        """Feed a long list of scalars at once; False if it is none."""
        if set(map(type, value)) <= _SCALARS:
            with contextlib.suppress(ValueError):  # an integer of thousands of digits
                self.add("scalars", repr(value))
                return True
        return False

    def _apart(self, value: Any) -> bytes:
        """The digest of a value alone."""
        outer, self._digest = self._digest, hashlib.sha256()
        try:
            self.value(value)
            return self._digest.digest()
        finally:
            self._digest = outer

    def _object(self, value: Any) -> None:
        kind = type(value)
        self.add("object", kind.__module__, kind.__qualname__)
        if isinstance(value, types.MethodType):
            self.value(value.__self__)
            self.value(value.__func__)
        elif isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            owner = value.__self__
            self.add(getattr(value, "__module__", None), value.__qualname__)
            if owner is not None and not isinstance(owner, types.ModuleType):
                self.value(owner)
        elif isinstance(value, functools.partial):
            self.value((value.func, value.args, value.keywords))
        elif isinstance(value, types.MappingProxyType):
            self.value(dict(value))
        elif isinstance(value, types.CodeType):
            self.code(value)
        elif isinstance(value, logging.Logger):
            self.add(value.name)
        elif kind not in _NO_CONTENT and not self._known(value):
            self._state(value)

    def code(self, code: types.CodeType) -> None:
        """Feed what code does, not where it stands."""
        self.add("code", code.co_name, code.co_code, code.co_argcount, code.co_kwonlyargcount, code.co_flags)
        self.add(*code.co_names, *code.co_varnames)
        for constant in code.co_consts:
            self.value(constant)

    def _known(self, value: Any) -> bool:
        """True, and fed, for tables, files and whatever else plugins declare."""
        with contextlib.suppress(Exception):  # a plugin's code; there is another way
            if current_types().is_declared(value):
                self.add("content", current_types().content_hash(value))
                return True
        return False

    def _state(self, value: Any) -> None:
        """What the object would be made from again, in the words of the pickle protocol; nothing is pickled."""
        kind: Any = type(value)
        try:
            reduce = copyreg.dispatch_table.get(kind)
            told: Any = reduce(value) if reduce is not None else kind.__reduce_ex__(value, 4)
        except Exception:  # it holds something that cannot be told; its repr would not tell that either
            self.cannot_tell(value)
            return
        if isinstance(told, str):  # a name in its module
            self.add("global", getattr(value, "__module__", None), told)
            return
        self.value(kind)
        for position, part in enumerate(told):
            items = position in (3, 4) and part is not None  # iterators over members, and over keys with values
            self.value(list(part) if items else part)

    def cannot_tell(self, value: Any, why: str = "") -> None:
        """Feed a value by its class alone, and note that."""
        kind = type(value)
        self.add("untold", kind.__module__, kind.__qualname__)
        found = _untold.get()
        if found is not None and (not why or not found):
            found.append(f"{self.name!r} (a {kind.__module__}.{kind.__qualname__}{why})")
