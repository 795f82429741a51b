"""A hash of what a function does, for cache keys: its code, and the code and constants of the module that it uses."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any


def code_fingerprint(function: Callable[..., Any]) -> str:
    """Hex digest over the bytecode of a function and of the functions of your own that it calls.

    Comments, formatting and line numbers do not count; constants, names, defaults and values captured from around do.
    Your own is what lies neither in the standard library nor in an installed package: helpers are followed through other
    files, also when they are reached as ``module.function``. For other changes there is ``cache_version``. The digest
    differs between minor versions of Python.
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
        self._seen: set[int] = set()

    def _add(self, *parts: object) -> None:
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
            self._digest.update(len(data).to_bytes(8, "little"))
            self._digest.update(data)

    def function(self, function: Any) -> None:
        code = getattr(function, "__code__", None)
        if code is None:
            self._add("callable", getattr(function, "__module__", ""), getattr(function, "__qualname__", ""))
            return
        if id(code) in self._seen:
            self._add("again", code.co_name)
            return
        self._seen.add(id(code))
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
        elif isinstance(value, types.FunctionType) and _is_own(value.__module__):
            self.function(value)
        elif getattr(type(value), "__dovetail_task__", False) and value.function is not None:
            self.function(value.function)  # a task that is called like a function
        elif isinstance(value, types.ModuleType):
            self._add("module", value.__name__)
        else:
            kind = type(value)
            self._add("object", kind.__module__, kind.__qualname__, getattr(value, "__qualname__", ""))


def _global_names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return names
