"""Whether what a declaration names is there, and is what the declaration says."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from dovetail.errors import EngineUnavailable
from dovetail.plugins import Catalogue
from dovetail.spec import (
    CheckEngine,
    CheckEngineSpec,
    CodecSpec,
    CommandSpec,
    ConverterSpec,
    Declaration,
    Executor,
    ExecutorSpec,
    RemoteTaskType,
    TaskType,
    TaskTypeSpec,
    TransformerSpec,
    TypeTransformer,
)

_BASES: dict[type[Declaration], type] = {
    TaskTypeSpec: TaskType,
    TransformerSpec: TypeTransformer,
    CheckEngineSpec: CheckEngine,
    ExecutorSpec: Executor,
}


def problems_of(declaration: Declaration, catalogue: Catalogue) -> list[str]:
    """What is wrong with the code that a declaration names, one line each.

    Raises:
        EngineUnavailable: The engine is not installed, so nobody can tell.
    """
    code = str(getattr(declaration, "code", ""))
    try:
        found = catalogue.load(code, declaration)
    except EngineUnavailable:
        raise
    except Exception as error:
        why = getattr(error, "why", None)
        return [f"{code}: {error if why is None else why}".replace("\n", " ")]
    base = _BASES.get(type(declaration))
    if base is not None:
        return _class_problems(code, found, base, declaration, catalogue)
    if isinstance(declaration, CodecSpec):
        lacking = [name for name in ("write", "read") if not callable(getattr(found, name, None))]
        return [f"{code} has no method {name}(), as dovetail.spec.Codec has" for name in lacking]
    if isinstance(declaration, CommandSpec):
        return _command_problems(code, found)
    if not callable(found):
        return [f"{code} is no function, it is {type(found).__name__}"]
    return _arity_problems(code, found) if isinstance(declaration, ConverterSpec) else []


def _class_problems(code: str, found: object, base: type, declaration: Declaration, catalogue: Catalogue) -> list[str]:
    if not (isinstance(found, type) and issubclass(found, base)):
        return [f"{code} is no subclass of dovetail.spec.{base.__name__}"]
    problems = []
    try:
        found()
    except Exception as error:
        problems.append(f"{code} cannot be made without arguments: {type(error).__name__}: {error}")
    attribute, told = ("type_name", "type") if isinstance(declaration, TransformerSpec) else ("name", "name")
    own, declared = getattr(found, attribute, None), getattr(declaration, told)
    if own != declared:
        problems.append(f"{code} has {attribute} = {own!r}, and is declared as {declared!r}")
    if isinstance(declaration, TaskTypeSpec):
        problems += _task_type_problems(code, found, declaration, catalogue)
    return problems


def _task_type_problems(code: str, found: type[Any], declaration: TaskTypeSpec, catalogue: Catalogue) -> list[str]:
    problems = []
    needed = ("submit", "status", "result") if issubclass(found, RemoteTaskType) else ("execute",)
    base = RemoteTaskType if issubclass(found, RemoteTaskType) else TaskType
    for name in needed:
        if getattr(found, name) is getattr(base, name):
            problems.append(f"{code} does not implement {name}()")
    if declaration.config is not None:
        try:
            config: Any = catalogue.load(declaration.config, declaration)
        except Exception as error:
            return [*problems, f"{declaration.config}: {getattr(error, 'why', None) or error}".replace("\n", " ")]
        own = getattr(config, "__dovetail_task_type__", None)
        if own != declaration.name:
            line = f'__dovetail_task_type__: ClassVar[str] = "{declaration.name}"'
            problems.append(f"{declaration.config} says __dovetail_task_type__ = {own!r}: write {line}")
    return problems


def _command_problems(code: str, found: object) -> list[str]:
    # By name, not by class: click itself need not be imported for it.
    if any(f"{cls.__module__}.{cls.__name__}" == "click.core.Command" for cls in type(found).__mro__):
        return []
    return [f"{code} is no click.Command, it is {type(found).__name__}"]


def _arity_problems(code: str, function: Callable[..., Any]) -> list[str]:
    try:
        inspect.signature(function).bind(object())
    except TypeError as error:
        return [f"{code} cannot be called with one value: {error}"]
    except ValueError:  # written in C, without a signature
        return []
    return []
