"""Looking through a plugin's package: its exceptions, its settings, and calls that run what they are given."""

from __future__ import annotations

import ast
import copy
import dataclasses
import importlib
import importlib.util
import inspect
import pickle
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from dovetail.errors import DovetailError

_UNSAFE = {
    "pickle": {"load", "loads", "Unpickler"},
    "cloudpickle": {"load", "loads"},
    "dill": {"load", "loads"},
    "joblib": {"load"},
    "marshal": {"load", "loads"},
    "shelve": {"open"},
    "yaml": {"load", "full_load", "unsafe_load"},
    "os": {"system", "popen"},
}
_SECRET = re.compile(r"password|passwd|passphrase|secret|token|api_?key|credential|private_?key", re.IGNORECASE)
_UNORDERED = ("set", "frozenset", "Set", "FrozenSet", "AbstractSet")
_WHAT = "the plugin's own error"


def module(name: str) -> ModuleType:
    """The hook module."""
    return importlib.import_module(name)


def listens(plugin: str) -> bool:
    """Whether the hook module listens to events."""
    return callable(getattr(module(plugin), "dovetail_on_event", None))


def files(plugin: str) -> list[Path]:
    """The Python files of the top-level package (or the module) that a hook module lies in."""
    spec = importlib.util.find_spec(plugin.partition(".")[0])
    if spec is None:
        return []
    folders = spec.submodule_search_locations
    if folders is None:
        return [Path(spec.origin)] if spec.origin else []
    return sorted(path for folder in folders for path in Path(folder).rglob("*.py"))


def modules(plugin: str) -> Iterator[ModuleType]:
    """The modules of the package that can be imported here; those that miss their engine are left out."""
    top = importlib.import_module(plugin.partition(".")[0])
    yield top
    for info in pkgutil.walk_packages(getattr(top, "__path__", ()), top.__name__ + ".", onerror=lambda name: None):
        if info.name.rpartition(".")[2] == "__main__":
            continue
        try:
            yield importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == top.__name__:
                raise


# -- exceptions ---------------------------------------------------------------------------------


def pickling_problems(plugin: str, given: list[BaseException]) -> list[str]:
    """What is lost when the package's exceptions are pickled, one line each.

    Args:
        plugin: The hook module.
        given: Instances of classes that cannot be made from one text.
    """
    problems = []
    for error in given:
        problems += pickling_problems_of(error)
    for cls in _exception_classes(plugin) - {type(error) for error in given}:
        try:
            made = (
                cls(_WHAT, who="who", why="why", fix="fix", number=7) if issubclass(cls, DovetailError) else cls(_WHAT)
            )
        except TypeError as error:
            problems.append(f"{cls.__name__} cannot be made from one text ({error}): give an instance in make_errors()")
            continue
        problems += pickling_problems_of(made)
    return problems


def _exception_classes(plugin: str) -> set[type[BaseException]]:
    top = plugin.partition(".")[0]
    return {
        value
        for found in modules(plugin)
        for value in vars(found).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__.partition(".")[0] == top
    }


def pickling_problems_of(error: BaseException) -> list[str]:
    """What is lost when one exception is pickled, one line each."""
    name = type(error).__name__
    try:
        pickle.dumps(error)  # by name, and with parts that can be pickled
        # Made again by the same recipe as unpickling would use.
        again = copy.copy(error)
    except Exception as problem:
        return [f"{name} cannot be pickled: {type(problem).__name__}: {problem}"]
    if type(again) is not type(error):
        return [f"{name} comes back as {type(again).__name__}"]
    if str(again) != str(error):
        return [f"{name} says {str(again)!r} when it comes back, and said {str(error)!r}"]
    lost = sorted(
        key for key, value in vars(error).items() if repr(vars(again).get(key, inspect.Parameter.empty)) != repr(value)
    )
    return [f"{name} loses {', '.join(lost)}"] if lost else []


# -- settings -----------------------------------------------------------------------------------


def config_problems(code: str) -> list[str]:
    """What is wrong with a config class, one line each.

    Args:
        code: ``"module:attribute"`` of the class.
    """
    name, _, attribute = code.partition(":")
    cls: Any = importlib.import_module(name)
    for part in attribute.split("."):
        cls = getattr(cls, part)
    shown = cls.__name__
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        return [f"{shown} is no dataclass: settings are one frozen dataclass per task type"]
    problems = []
    params: Any = cls.__dataclass_params__  # type: ignore[attr-defined]
    if not params.frozen:
        problems.append(f"{shown} is not frozen: write @dataclass(frozen=True)")
    if not params.eq or cls.__hash__ is None:
        problems.append(f"{shown} cannot be compared and hashed: nodes with equal settings share a resource")
    text = inspect.getdoc(cls) or ""
    if not text or text.startswith(f"{shown}("):
        problems.append(f"{shown} has no docstring")
        text = ""
    described = text.partition("Attributes:")[2]
    for field in dataclasses.fields(cls):
        if not re.search(rf"^\s*{re.escape(field.name)}\s*(\(.*\))?:\s*\S", described, re.MULTILINE):
            problems.append(f"{shown}.{field.name} is not described below Attributes: in the docstring")
        problems += _field_problems(shown, field, own_repr="__repr__" in vars(cls) and not params.repr)
    return problems


def _field_problems(shown: str, field: dataclasses.Field[Any], own_repr: bool) -> list[str]:
    annotation = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type))
    if own_repr or not field.repr:
        return []
    problems = []
    if _SECRET.search(field.name) and "Secret" not in annotation:
        problems.append(
            f"{shown}.{field.name} shows in repr(), and so in cache keys: annotate it Secret, or field(repr=False)"
        )
    if any(re.search(rf"(?<![\w.]){word}\b", annotation.replace("collections.abc.", "")) for word in _UNORDERED):
        problems.append(
            f"{shown}.{field.name} is unordered, so repr() and the cache key differ between processes: use a tuple"
        )
    return problems


# -- calls --------------------------------------------------------------------------------------


def unsafe_calls(plugin: str) -> list[str]:
    """``file:line call`` of everything in the package that runs, or builds objects from, what it is given."""
    found = []
    for path in files(plugin):
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        for node in ast.walk(tree):
            name = _unsafe(node)
            if name:
                found.append(f"{path.name}:{node.lineno} {name}")  # type: ignore[attr-defined]
    return found


def _unsafe(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if name in _UNSAFE.get(owner, ()):
            return f"{owner}.{name}"
        case ast.ImportFrom(module=str(owner), names=names, level=0):
            taken = {alias.name for alias in names} & _UNSAFE.get(owner, set())
            return f"from {owner} import {', '.join(sorted(taken))}" if taken else None
        case ast.Call(keywords=words) if any(w.arg == "shell" and _is_true(w.value) for w in words):
            return "shell=True"
        case _:
            return None


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
