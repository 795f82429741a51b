"""Parts of a task on their way into an environment: by value where the versions of Python agree, else by name.

By value means that only what a function uses goes along: its own code, and what that refers to in the project. By name means
that the worker imports the module which the function stands in. Libraries are always imported there by their names.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import io
import operator
import os
import pickle  # code goes from the hub to its own child; nothing that comes back is ever unpickled
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from dovetail.env import _arrive
from dovetail.env._frames import DIGEST_SIZE, MAX_FRAME, too_large
from dovetail.env._home import installed
from dovetail.env._payload import ANY_PYTHON, HEADER, MAGIC, Target, registered
from dovetail.errors import DefinitionError
from dovetail.graph import Task
from dovetail.quality import Gate
from dovetail.spec import Interface

MADE_UP: Final = "_dovetail_"
"""What the names of modules begin with that were made from a pipeline file."""

_MOST_ROUNDS = 8
_OWN = ("__builtins__", "__loader__", "__spec__", "__cached__")


class CannotTravel(Exception):
    """Why something cannot be had in an environment by its name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """How parts travel.

    Attributes:
        by_value: The versions of Python agree, so that code can go along.
        shared: Top names of the packages that the worker has from the hub: dovetail and the plugins.
    """

    by_value: bool
    shared: frozenset[str]


def is_shipped(obj: type, way: Way) -> bool:
    """True for a class that no worker would find by itself: one of a pipeline file or a session."""
    return not _is_library(obj.__module__, way)


class Note:
    """An annotation, packed by itself: it may name what is not there, and need not be had."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation


def pack_part(part: Any, way: Way, task: str) -> bytes:
    """Pack a part of a task for :func:`~dovetail.env._arrive.unpack_part`.

    Raises:
        DefinitionError: It holds what cannot be packed, or what the worker could not find by its name.
    """
    used: set[str] = set()
    try:
        for _ in range(_MOST_ROUNDS):  # until all code that goes along has told which names it uses
            before = len(used)
            data = _dumps(part, way, used, annotation=False)
            if len(used) == before:
                break
    except CannotTravel as problem:
        raise DefinitionError(
            "its function cannot be brought there",
            who=f"task {task!r}",
            why=f"Python {sys.version_info[0]}.{sys.version_info[1]} is here and another version there, so code is "
            f"imported there by name, and {problem}",
            fix="define it at the top of a file or module, or let the environment have Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}",
        ) from None
    except Exception as error:
        raise DefinitionError(
            "the task cannot be sent to a worker process",
            who=f"task {task!r}",
            why=f"{type(error).__name__}: {error}",
            fix="create what cannot be packed (a lock, an open file, a connection) inside the function",
        ) from error
    return data


def pack_type(annotation: Any, way: Way, task: str) -> bytes:
    """Pack an annotation: classes of libraries that are not there arrive as references to them.

    Raises:
        DefinitionError: As :func:`pack_part`.
    """
    return pack_part(_Whole(annotation), way, task)


def pack_by_name(target: Target) -> bytes:
    """Pack an instance of a class of dovetail's for :meth:`WorkerPool.call`, for any version of Python.

    Raises:
        PlatformError: It is above the size cap.
    """
    body = pickle.dumps(target, protocol=5)
    if len(body) > MAX_FRAME - DIGEST_SIZE - HEADER.size:
        raise too_large("code of the task, with the values that it closes over,", len(body))
    return HEADER.pack(MAGIC, *ANY_PYTHON) + body


class _Whole(Note):
    """An annotation at the top of what is packed."""


def _dumps(part: Any, way: Way, used: set[str], annotation: bool) -> bytes:
    if isinstance(part, _Whole):
        part, annotation = part.annotation, True
    buffer = io.BytesIO()
    with registered(()) as add:
        _pickler_class()(buffer, way, used, annotation, add).dump(part)
    return buffer.getvalue()


class _Reducing:
    """How each object of a part is packed; where nothing is said here, cloudpickle decides."""

    _way: Way
    _used: set[str]
    _annotation: bool
    _add: Callable[[str], None]

    def _default(self, obj: Any) -> Any:
        raise NotImplementedError

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, types.ModuleType):
            return self._module(obj)
        if isinstance(obj, (type, types.FunctionType)):
            return self._code(obj)
        if isinstance(obj, Note):
            return _arrive.note, (self._noted(obj),)
        if isinstance(obj, PurePath):
            return _arrive.path, (type(obj).__name__, str(obj))
        if isinstance(obj, Interface):
            return Interface, (_notes(obj.inputs), _notes(obj.outputs), dict(obj.defaults), dict(obj.help))
        if isinstance(obj, Task):
            state = obj.__getstate__()
            again = copyreg.__newobj__  # type: ignore[attr-defined]
            return again, (Task,), {**state, "output": Note(state["output"])}
        if typing.get_origin(obj) is typing.Annotated:
            kept = tuple(each for each in obj.__metadata__ if not isinstance(each, Gate))
            return _arrive.annotated, (obj.__origin__, kept)
        return self._default(obj)

    def _noted(self, note: Note) -> bytes:
        try:
            return _dumps(note.annotation, self._way, self._used, annotation=True)
        except Exception:  # nobody may ever look at it
            return pickle.dumps(Any)

    def _module(self, module: types.ModuleType) -> Any:
        name = module.__name__
        if _is_library(name, self._way):
            return self._default(module)
        if not self._way.by_value:
            return _arrive.module_by_name, _whereabouts(name)
        told = {key: value for key, value in vars(module).items() if key in self._used and key not in _OWN}
        rest = {} if name.startswith(MADE_UP) or name == "__main__" else {"__getattr__": _arrive.Rest(name)}
        # it may hold itself, so that it is filled after it was made
        return types.ModuleType, (name,), {**told, **rest}, None, None, _arrive.fill

    def _code(self, obj: Any) -> Any:
        name = getattr(obj, "__module__", None)
        if not isinstance(name, str):
            return self._default(obj)
        if _is_library(name, self._way):
            if not self._way.by_value and not _leads_to(obj):
                return _named(obj)  # a task of a plugin, say, stands under the name of its function
            if self._annotation and isinstance(obj, type) and not _always_there(name, self._way):
                return _arrive.type_named, (name, obj.__qualname__, _public_name(obj))
            return self._default(obj)
        if not self._way.by_value:
            return _named(obj)
        self._add(name)
        reduced = self._default(obj)
        if isinstance(obj, types.FunctionType) and isinstance(reduced, tuple):
            self._used.update(_names_in(obj.__code__))
            _note_annotations(reduced[2][1])
        elif isinstance(obj, type) and isinstance(reduced, tuple) and isinstance(reduced[2], tuple):
            _note_annotations(reduced[2][0])
        return reduced


@functools.cache
def _pickler_class() -> Any:
    import cloudpickle

    class Pickler(_Reducing, cloudpickle.CloudPickler):  # type: ignore[misc]
        def __init__(
            self, file: io.BytesIO, way: Way, used: set[str], annotation: bool, add: Callable[[str], None]
        ) -> None:
            super().__init__(file, protocol=5)
            self._way = way
            self._used = used
            self._annotation = annotation
            self._add = add

        def _default(self, obj: Any) -> Any:
            return cloudpickle.CloudPickler.reducer_override(self, obj)

    return Pickler


def _leads_to(obj: Any) -> bool:
    """True if a function or class is what its module has under its name."""
    from cloudpickle.cloudpickle import _should_pickle_by_reference

    return bool(_should_pickle_by_reference(obj))


def _notes(annotations: Mapping[str, Any]) -> dict[str, Note]:
    return {name: Note(annotation) for name, annotation in annotations.items()}


def _note_annotations(state: dict[str, Any]) -> None:
    found = state.get("__annotations__")
    if isinstance(found, dict) and found:
        state["__annotations__"] = _notes(found)


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def _is_library(name: str, way: Way) -> bool:
    """True for what a worker imports by its name: the standard library, dovetail, plugins, and whatever is installed."""
    if _always_there(name, way):
        return True
    if name == "__main__" or name.startswith(MADE_UP):
        return False
    module = sys.modules.get(name) or sys.modules.get(name.partition(".")[0])
    file = getattr(module, "__file__", None)
    if file is None:
        spec = getattr(module, "__spec__", None)
        places = list(getattr(spec, "submodule_search_locations", None) or [])
        return not places or installed(places[0])
    return installed(file)


def _always_there(name: str, way: Way) -> bool:
    top = name.partition(".")[0]
    return (top in sys.stdlib_module_names and name != "__main__") or top in way.shared


def _public_name(cls: type) -> str:
    from dovetail.types import current_types

    return current_types().type_name(cls)


def _whereabouts(name: str) -> tuple[str, str | None, int]:
    """Name of a module, its file if the name is made up, and what changes when that does."""
    if name != "__main__" and not name.startswith(MADE_UP):
        return name, None, 0
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not Path(file).is_file():
        raise CannotTravel("what is defined in a session stands in no file")
    return (MADE_UP + "main" if name == "__main__" else name), os.path.realpath(file), Path(file).stat().st_mtime_ns


def _named(obj: Any) -> Any:
    """A function or class by its name, if that leads to it."""
    module, qualname = obj.__module__, obj.__qualname__
    where = f"{qualname}() of {_shown(module)}"
    if "<lambda>" in qualname or "<locals>" in qualname:
        inside = "a lambda" if "<lambda>" in qualname else "defined inside of another function"
        raise CannotTravel(f"{where} is {inside}")
    try:
        found = operator.attrgetter(qualname)(sys.modules[module])
    except (KeyError, AttributeError):
        raise CannotTravel(f"{where} cannot be found under its name") from None
    if isinstance(found, Task):
        found = found.function
    if found is not obj:
        raise CannotTravel(f"{where} is something else under its name")
    finder = _arrive.function_by_name if isinstance(obj, types.FunctionType) else _arrive.by_name
    return finder, (*_whereabouts(module), qualname)


def _shown(module: str) -> str:
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).name if file is not None and (module == "__main__" or module.startswith(MADE_UP)) else module
