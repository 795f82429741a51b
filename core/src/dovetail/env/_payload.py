"""Callables on their way from the hub to its own workers. Never the other way, and never stored."""

from __future__ import annotations

import functools
import io
import pickle  # code goes from the hub to its own child; nothing that comes back is ever unpickled
import struct
import sys
import threading
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dovetail.env._frames import DIGEST_SIZE, MAX_FRAME, too_large
from dovetail.env._importable import worker_imports
from dovetail.errors import DefinitionError, PlatformError

Target = Callable[[dict[str, Any]], dict[str, Any]]

HEADER = struct.Struct(">2sBB")  # magic, then the Python version: code by value needs the same one on both sides
MAGIC = b"dp"
ANY_PYTHON = (0, 0)
"""In place of a version: packed by name only."""

_OF_THE_LOADER = ("__builtins__", "__loader__", "__spec__", "__cached__")
_registry_lock = threading.RLock()


def pack(target: Target, by_value: Iterable[str] = ()) -> bytes:
    """Pack a callable for :meth:`WorkerPool.call`.

    Args:
        target: Takes the request and returns the reply, both dicts that JSON can hold. Functions, lambdas, closures and
            :func:`functools.partial` objects will do.
        by_value: Names of loaded modules whose functions and classes travel by value, as always do those of ``__main__``
            and of modules that a worker cannot import (see :func:`worker_imports`).

    Raises:
        DefinitionError: Something that the target refers to cannot be packed, such as an open file or a lock.
        PlatformError: The packed target is above the size cap.
    """
    buffer = io.BytesIO()
    try:
        with registered(by_value) as add:
            _pickler_class()(buffer, add).dump(target)
        body = buffer.getvalue()
    except Exception as error:
        raise DefinitionError(
            "the task cannot be sent to a worker process",
            who=getattr(target, "__qualname__", None),
            why=f"{type(error).__name__}: {error}",
            fix="create what cannot be packed (a lock, an open file, a connection) inside the function",
        ) from error
    if len(body) > MAX_FRAME - DIGEST_SIZE - HEADER.size:
        raise too_large("code of the task, with the values that it closes over,", len(body))
    return HEADER.pack(MAGIC, *sys.version_info[:2]) + body


@contextmanager
def registered(names: Iterable[str]) -> Iterator[Callable[[str], None]]:
    """Register modules, and those that are added, until the end of the block.

    Modules that are not loaded under their name need no registration: cloudpickle can't find them and takes the value.
    """
    import cloudpickle

    with _registry_lock:  # cloudpickle keeps one register for the whole process
        before = cloudpickle.list_registry_pickle_by_value()
        modules = []

        def add(name: str) -> None:
            module = sys.modules.get(name)
            if module is not None and name not in before and module not in modules:
                cloudpickle.register_pickle_by_value(module)
                modules.append(module)

        try:
            for name in names:
                add(name)
            yield add
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


@functools.cache
def _pickler_class() -> Any:
    """Cloudpickle's, which first looks whether a worker can import the module of what it meets."""
    import cloudpickle

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
        def __init__(self, file: io.BytesIO, add: Callable[[str], None]) -> None:
            super().__init__(file)
            self._add = add
            self._known: set[str] = set()
            self._strange: set[str] = set()

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, (type, types.FunctionType, types.ModuleType, typing.TypeVar)):
                name = obj.__name__ if isinstance(obj, types.ModuleType) else obj.__module__
                if isinstance(name, str) and name not in self._known:
                    self._known.add(name)
                    if not worker_imports(name):
                        self._add(name)
                        self._strange.add(name)
                if isinstance(obj, types.ModuleType) and name in self._strange:
                    told = {key: value for key, value in vars(obj).items() if key not in _OF_THE_LOADER}
                    return types.ModuleType, (name,), told, None, None, _fill  # it may hold itself
            return super().reducer_override(obj)

    return Pickler


def _fill(module: types.ModuleType, told: dict[str, Any]) -> None:
    vars(module).update(told)


def unpack(payload: bytes) -> Target:
    """The callable that :func:`pack` packed. Only ever called in a worker, on what its own hub sent.

    Raises:
        PlatformError: Packed by another version of Python, or not by :func:`pack`.
        Exception: Whatever importing the modules that the target refers to raises.
    """
    if payload[:2] != MAGIC:
        raise PlatformError("a worker process was sent code that was not packed by dovetail.env.pack")
    _, *version = HEADER.unpack_from(payload)
    if tuple(version) not in (sys.version_info[:2], ANY_PYTHON):
        raise PlatformError(
            "the task's code cannot be sent to this worker process by value",
            why=f"it was packed by Python {version[0]}.{version[1]}; the worker runs "
            f"{sys.version_info[0]}.{sys.version_info[1]}",
        )
    target: Target = pickle.loads(memoryview(payload)[HEADER.size :])  # noqa: S301
    return target
