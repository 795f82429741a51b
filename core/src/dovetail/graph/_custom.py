"""Task types that are not packaged: a class beside the pipeline, in a few lines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

from dovetail import spec as contracts
from dovetail.errors import DefinitionError
from dovetail.graph._task import remember_task_type
from dovetail.plugins import current_catalogue
from dovetail.spec import API_VERSION, TaskType, TaskTypeSpec

C = TypeVar("C", bound=type[TaskType])


_session: dict[str, object] = {}


def session_plugins() -> tuple[object, ...]:
    """What :func:`task_type` has registered in this process, for hubs that are made later."""
    return tuple(_session.values())


def _declaring(spec: TaskTypeSpec) -> Callable[[], list[TaskTypeSpec]]:
    def dovetail_task_types() -> list[TaskTypeSpec]:
        return [spec]

    return dovetail_task_types


def task_type(name: str, *, summary: str = "") -> Callable[[C], C]:
    """Register a task type in the current hub: ``@dt.task_type("shout")`` above a :class:`TaskType` subclass.

    Tasks then use it by name, ``@dt.task("shout")``, or by a config object with ``__dovetail_task_type__ = "shout"``.
    Decorating a class of the same name again replaces it, so a notebook cell can be run twice; a task that is defined in
    the same module as its task type keeps to that one, so two pipeline files may use one name.

    Args:
        name: Short name, unique in the hub.
        summary: One line for people; default is the first line of the docstring.

    Raises:
        DefinitionError: What is decorated is no TaskType.
        PluginConflict: A plugin owns the name already.
    """

    def register(cls: C) -> C:
        if not (isinstance(cls, type) and issubclass(cls, TaskType)):
            raise DefinitionError(
                f"@task_type({name!r}) decorates a subclass of dovetail.TaskType, not {cls!r}",
                fix=f"class {getattr(cls, '__name__', 'Mine')}(dt.TaskType): ...",
            )
        cls.name = name
        spec = TaskTypeSpec(
            name=name,
            code=f"{cls.__module__}:{cls.__qualname__.replace('.<locals>', '')}",  # found by name, importable or not
            summary=summary or (inspect.getdoc(cls) or "").split("\n")[0],
        )
        hooks = {
            "__module__": "@dt",  # not that of the class: one name is one plugin, whichever file defines it last
            "DOVETAIL_API": API_VERSION,
            "dovetail_task_types": staticmethod(contracts.hookimpl(_declaring(spec))),
        }
        plugin = type(f"task_type {name}", (), hooks)()
        current_catalogue().register(plugin)
        _session[name] = plugin
        remember_task_type(name, spec.code, cls)
        return cls

    return register
