"""A hash of what a function does, for cache keys: its code, and the code and values of the module that it uses."""

from __future__ import annotations

import dataclasses
import dis
import enum
import functools
import os
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dovetail.graph._contents import Contents


def code_fingerprint(function: Callable[..., Any]) -> str:
    """Hex digest over the bytecode of a function and of the functions of your own that it calls.

    Comments, formatting and line numbers do not count; constants, names, defaults and values captured from around do.
    Your own is what lies neither in the standard library nor in an installed package: helpers are followed through other
    files, also when they are reached as ``module.function``, and so are classes. Captured values count by their content:
    tables and files by their content hash, all other objects by their state. What has none that can be told (a
    connection, a generator) counts by its class alone; a task that uses such a thing is refused where it would be
    cached, unless it has a ``cache_version``, which is also for all other changes. The digest differs between minor
    versions of Python, and is the same in every process.
    """
    return value_fingerprint(function)


def value_fingerprint(value: Any) -> str:
    """Hex digest over the content of any value, in the way in which :func:`code_fingerprint` counts captured ones."""
    walker = _Walker(f"python{sys.version_info[0]}.{sys.version_info[1]}")
    try:
        walker.value(value)
    except RecursionError:
        walker.cannot_tell(value, ", nested too deeply")
    return walker.hexdigest()


@functools.cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({str(Path(paths[kind]).resolve()) + os.sep for kind in kinds})


def _is_own(module_name: str | None) -> bool:
    """True for a module that is neither installed, nor of the standard library, nor dovetail itself."""
    name = module_name or ""
    if name.partition(".")[0] in ("dovetail", "builtins"):
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:  # a session, or code that was compiled from text
        return name == "__main__" or name not in sys.modules
    return not str(Path(file).resolve()).startswith(_installed())


class _Walker(Contents):
    """Follows code of your own, and takes the names of all other."""

    def function(self, function: types.FunctionType) -> None:
        """By code where it is your own; what others have written is what its name says, but for what it closes over."""
        own = _is_own(function.__module__)
        if not own:
            self.add("function", function.__module__, function.__qualname__)
            if not function.__closure__ and "<" not in function.__qualname__:
                return
        code = function.__code__
        self.code(code)
        self.add("defaults", len(function.__defaults__ or ()))
        names = code.co_varnames[: code.co_argcount]
        for name, default in zip(reversed(names), reversed(function.__defaults__ or ()), strict=False):
            self.named(name, default)
        for name, default in sorted((function.__kwdefaults__ or {}).items()):
            self.add(name)
            self.named(name, default)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            self.add("closure", name)
            try:
                held = cell.cell_contents
            except ValueError:
                self.add("empty")
            else:
                self.named(name, held)
        if _is_own(function.__globals__.get("__name__")):  # else a wrapper that a library has put around your own
            self._globals(function)

    def _globals(self, function: types.FunctionType) -> None:
        code = function.__code__
        for name in sorted(_global_names(code)):
            if name in function.__globals__:
                self.add("global", name)
                value = function.__globals__[name]
                if isinstance(value, types.ModuleType) and _is_own(value.__name__):
                    self._members(value, code)
                else:
                    self.named(name, value)

    def _members(self, module: types.ModuleType, code: types.CodeType) -> None:
        """What a function may use of a module of your own: everything there whose name it mentions."""
        for name in sorted(_mentioned(code)):
            if name in vars(module):
                self.add("member", module.__name__, name)
                self.named(f"{module.__name__}.{name}", vars(module)[name])

    def module(self, module: types.ModuleType) -> None:
        """By its name."""
        self.add("module", module.__name__)

    def cls(self, cls: type) -> None:
        """By its methods, constants and bases where it is your own, or made in a function; otherwise by its name."""
        self.add("class", cls.__module__, cls.__qualname__)
        if not _is_own(cls.__module__) and "<" not in cls.__qualname__:
            return
        self.add(*getattr(cls, "__annotations__", {}))
        for base in cls.__bases__:
            self.value(base)
        if issubclass(cls, enum.Enum):
            self.value({name: member.value for name, member in cls.__members__.items()})
        for name, member in sorted(vars(cls).items()):
            if _is_written(cls, name, member):
                self.add("attribute", name)
                self.named(f"{cls.__qualname__}.{name}", _plain(member))
        if dataclasses.is_dataclass(cls):
            for each in dataclasses.fields(cls):
                self.value((each.name, each.default, each.default_factory))
        for name, info in getattr(cls, "__pydantic_fields__", {}).items():
            self.value((name, info.default, info.default_factory, info.metadata))

    def _object(self, value: Any) -> None:
        if _is_task(value):
            self.add("task", value.name, value.task_type)  # one that is called like a function
            self.value((value.config, value.function))
        elif isinstance(value, enum.Enum):
            self.value(type(value))
            self.add("member", value.name)
            self.value(value.value)
        elif not isinstance(value, functools.partial) and "__wrapped__" in getattr(value, "__dict__", ()):
            self.add("callable", getattr(value, "__module__", ""), getattr(value, "__qualname__", ""))
            self.value(value.__wrapped__)
        else:
            super()._object(value)


_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def _is_written(cls: type, name: str, member: Any) -> bool:
    """True for what somebody has written into a class, not for what Python and libraries have added."""
    if isinstance(member, _DESCRIPTORS) or name == "_abc_impl" or name in getattr(cls, "__members__", ()):
        return False
    code = getattr(_plain(member), "__code__", None) if isinstance(member, (types.FunctionType, *_WRAPPERS)) else None
    if code is not None and code.co_filename != "<string>":
        return True
    return not name.startswith("_" if issubclass(cls, enum.Enum) else "__")


_WRAPPERS = (staticmethod, classmethod)


def _plain(member: Any) -> Any:
    """What a member of a class consists of."""
    if isinstance(member, _WRAPPERS):
        return member.__func__
    if isinstance(member, property):
        return member.fget, member.fset, member.fdel
    if isinstance(member, functools.cached_property):
        return member.func
    return member


def _is_task(value: Any) -> bool:
    return getattr(type(value), "__dovetail_task__", False) is True


def _global_names(code: types.CodeType) -> set[str]:
    """Names that code looks up among the globals of its module."""
    reads = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
    names = {each.argval for each in dis.get_instructions(code) if each.opname in reads}
    return names.union(
        *(_global_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    )


def _mentioned(code: types.CodeType) -> set[str]:
    """All names in code, also those of attributes."""
    names = set(code.co_names)
    return names.union(*(_mentioned(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)))
