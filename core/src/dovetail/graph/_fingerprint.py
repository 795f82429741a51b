"""A hash of what a function does, for cache keys: its code, and the code and constants of the module that it uses."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import os
import re
import sys
import sysconfig
import types
import uuid
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from dovetail.errors import DovetailError
from dovetail.types import current_types

_PLAIN_OBJECTS = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    PurePath,
    re.Pattern,
    range,
    slice,
)


def code_fingerprint(function: Callable[..., Any]) -> str:
    """Hex digest over the bytecode of a function and of the functions of your own that it calls.

    Comments, formatting and line numbers do not count; constants, names, defaults and values captured from around do.
    Your own is what lies neither in the standard library nor in an installed package: helpers are followed through other
    files, also when they are reached as ``module.function``, and so are classes. Of captured objects, those of your own
    classes and tables count by their content. For other changes there is ``cache_version``. The digest differs between
    minor versions of Python.
    """
    digest = hashlib.sha256(f"python{sys.version_info[0]}.{sys.version_info[1]}".encode())
    _Walker(digest).function(function)
    return digest.hexdigest()


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({str(Path(paths[kind]).resolve()) + os.sep for kind in kinds})


def _is_own(module_name: str | None) -> bool:
    """True for a module that is neither installed, nor of the standard library, nor dovetail itself."""
    name = module_name or ""
    if name == "dovetail" or name.startswith("dovetail."):
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:  # a session, or code that was compiled from text
        return name == "__main__" or name not in sys.modules
    return not str(Path(file).resolve()).startswith(_installed())


class _Walker:
    def __init__(self, digest: Any) -> None:
        self._digest = digest
        self._seen: dict[int, Any] = {}  # by id, held so that no id comes again

    def _add(self, *parts: object) -> None:
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
            self._digest.update(len(data).to_bytes(8, "little"))
            self._digest.update(data)

    def function(self, function: Any) -> None:
        if isinstance(function, types.MethodType):
            self._value(function.__self__)
            function = function.__func__
        if self._again(function):
            return
        if not isinstance(function, types.FunctionType):
            self._callable(function)
            return
        code = function.__code__
        self._code(code)
        for default in function.__defaults__ or ():
            self._value(default)
        for name, default in sorted((function.__kwdefaults__ or {}).items()):
            self._add(name)
            self._value(default)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            self._add("closure", name)
            try:
                self._value(cell.cell_contents)
            except ValueError:
                self._add("empty")
        for name in sorted(_global_names(code)):
            if name in function.__globals__:
                self._add("global", name)
                value = function.__globals__[name]
                if isinstance(value, types.ModuleType) and _is_own(value.__name__):
                    self._members(value, code)
                else:
                    self._value(value)

    def _again(self, value: Any) -> bool:
        """True, and noted, if this very object was met before: recursion, or a helper that several others use."""
        if id(value) in self._seen:
            self._add("again", getattr(value, "__qualname__", type(value).__qualname__))
            return True
        self._seen[id(value)] = value
        return False

    def _callable(self, function: Any) -> None:
        """What can be called but is no function: a partial, a function that a C decorator wraps, an object."""
        self._add("callable", getattr(function, "__module__", ""), getattr(function, "__qualname__", ""))
        if isinstance(function, functools.partial):
            self._value(function.func)
            self._value(function.args)
            self._value(function.keywords)
        elif hasattr(function, "__wrapped__"):
            self._value(function.__wrapped__)
        elif not isinstance(function, types.BuiltinFunctionType):
            self._object(function)

    def _class(self, cls: type) -> None:
        """A class of your own: its methods, its constants and its own bases."""
        self._add("class", cls.__module__, cls.__qualname__, *getattr(cls, "__annotations__", {}))
        for base in cls.__bases__:
            self._value(base)
        for name, member in sorted(vars(cls).items()):
            member = getattr(member, "__func__", getattr(member, "fget", member))
            written = isinstance(member, types.FunctionType) and member.__code__.co_filename != "<string>"
            if written or not name.startswith("__"):
                self._add("attribute", name)
                self._value(member)

    def _object(self, value: Any) -> None:
        """An object of a class of your own by its class and its state, a table by its content, all else by its class."""
        kind = type(value)
        self._add("object", kind.__module__, kind.__qualname__, getattr(value, "__qualname__", ""))
        if isinstance(value, enum.Enum):
            self._add(value.name)
            self._value(value.value)
        elif isinstance(value, _PLAIN_OBJECTS):
            self._add(repr(value))
        elif _is_own(kind.__module__):
            self._value(kind)
            state = {slot: getattr(value, slot) for slot in getattr(kind, "__slots__", ()) if hasattr(value, slot)}
            self._value({**state, **getattr(value, "__dict__", {})})
        else:
            with contextlib.suppress(DovetailError):
                if current_types().is_table(value):
                    self._add(current_types().content_hash(value))

    def _members(self, module: types.ModuleType, code: types.CodeType) -> None:
        """What a function may use of a module of your own: everything there whose name it mentions."""
        for name in sorted(_global_names(code)):
            if name in vars(module):
                self._add("member", module.__name__, name)
                self._value(vars(module)[name])

    def _code(self, code: types.CodeType) -> None:
        self._add("code", code.co_name, code.co_code, code.co_argcount, code.co_kwonlyargcount, code.co_flags)
        self._add(*code.co_names, *code.co_varnames)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant)
            elif isinstance(constant, frozenset):
                self._add("frozenset", *sorted(map(repr, constant)))
            else:
                self._add("const", repr(constant))

    def _value(self, value: Any) -> None:
        """A value that a function captures: scalars by value, own functions by code, everything else by name."""
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
            self._add("value", type(value).__name__, repr(value))
        elif isinstance(value, (tuple, list)) and len(value) <= 1000:
            self._add(type(value).__name__, len(value))
            for item in value:
                self._value(item)
        elif isinstance(value, (set, frozenset)) and len(value) <= 1000:
            self._add(type(value).__name__, *sorted(map(repr, value)))
        elif isinstance(value, dict) and len(value) <= 1000:
            self._add("dict", len(value))
            for key, item in value.items():
                self._value(key)
                self._value(item)
        elif isinstance(value, (types.FunctionType, types.MethodType)):
            if _is_own(value.__module__):
                self.function(value)
            else:
                self._add("function", value.__module__, value.__qualname__)
        elif isinstance(value, functools.partial) or (hasattr(value, "__wrapped__") and not _is_task(value)):
            self.function(value)
        elif _is_task(value):
            self._add("task", value.name)
            if value.function is not None:
                self.function(value.function)  # a task that is called like a function
        elif isinstance(value, types.ModuleType):
            self._add("module", value.__name__)
        elif not self._again(value):
            if isinstance(value, type) and _is_own(value.__module__):
                self._class(value)
            else:
                self._object(value)


def _is_task(value: Any) -> bool:
    return getattr(type(value), "__dovetail_task__", False) is True


def _global_names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return names
