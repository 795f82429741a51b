"""How a node is run: retries, limits, cache and where."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, get_args

from dovetail.config import canonical_name, parse_size, seconds, show_size
from dovetail.errors import DefinitionError, nearest, shorten
from dovetail.spec import EngineChoice

LEAST_MEMORY = 64_000_000
"""Bytes below which not even Python with Arrow starts."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """How the nodes of a task are run.

    Attributes:
        retries: How many times a failed attempt is repeated; a blocked gate is never retried. Default 0.
        retry_delay: Seconds before the first retry. Default 1.
        backoff: Factor from one delay to the next, at least 1. Default 2; delays are capped at 5 minutes and jittered by 10 %.
        timeout: Seconds that one attempt may take; it then runs in a process of its own, which is killed. Default none.
        cache: Reuse the outputs of an earlier node with the same code, configuration and inputs. Default False.
        cache_version: Part of the cache key, for changes that the code of the function does not show.
        executor: Name of the executor; None for the run's default.
        env: Name of the environment that the task is run in: one of ``[envs.NAME]`` in config, or of a plugin's.
        requires: What is to be installed where a ``python`` task is run, as for pip: an environment that holds exactly that is
            made for it. Not together with ``env``.
        engine: ``"here"``: in the hub's process; ``"isolated"``: in the environment of the task's engine; ``"auto"``: there if
            the engine is not here in a version that fits. None: as config says.
        memory: Bytes that one attempt may take, or text such as ``"2GB"``; it then runs in a process of its own. At least
            64 MB. Default no limit.
    """

    retries: int = 0
    retry_delay: float = 1.0
    backoff: float = 2.0
    timeout: float | None = None
    cache: bool = False
    cache_version: str = ""
    executor: str | None = None
    env: str | None = None
    requires: tuple[str, ...] = ()
    engine: EngineChoice | None = None
    memory: int | None = None

    def updated(self, changes: dict[str, Any]) -> TaskOptions:
        """A copy with some options changed; see the attributes.

        Raises:
            DefinitionError: An option is unknown or its value makes no sense.
        """
        known = [f.name for f in fields(self)]
        for name in changes:
            if name not in known:
                close = nearest(name, known)
                raise DefinitionError(
                    f"there is no task option {name!r}",
                    fix=f"did you mean {close!r}?" if close else f"options: {', '.join(known)}",
                )
        changed = dict(changes)
        if changed.get("timeout") is not None:
            changed["timeout"] = seconds(changed["timeout"], "timeout")
        if "retry_delay" in changed:
            delay = changed["retry_delay"]
            changed["retry_delay"] = 0.0 if delay == 0 else seconds(delay, "retry_delay")
        _read_place(changed)
        result = replace(self, **changed)
        if not isinstance(result.retries, int) or isinstance(result.retries, bool) or result.retries < 0:
            raise DefinitionError(f"retries must be a whole number from 0, not {result.retries!r}")
        if not result.backoff >= 1:
            raise DefinitionError(f"backoff must be at least 1, not {result.backoff!r}")
        if result.engine == "here" and (result.env or result.requires):
            asked = f"env={result.env!r}" if result.env else f"requires={list(result.requires)!r}"
            raise DefinitionError(
                f"{asked} and engine='here' contradict each other",
                why="an environment is never the process that drives the run",
                fix="leave out one of the two",
            )
        return result

    def delay_before(self, attempt: int) -> float:
        """Seconds to wait before attempt number ``attempt`` (2 is the first retry), without jitter."""
        try:
            return min(self.retry_delay * self.backoff ** (attempt - 2), 300.0)
        except OverflowError:
            return 300.0 if self.retry_delay else 0.0


def _read_place(changed: dict[str, Any]) -> None:
    """Check and normalise what says where a task is run; the newer of ``env`` and ``requires`` stands for both."""
    if changed.get("requires") is not None:
        changed["requires"] = read_requirements(changed["requires"])
    elif "requires" in changed:
        changed["requires"] = ()
    env = changed.get("env")
    if env is not None and not (isinstance(env, str) and env.strip()):
        raise DefinitionError(f"env is the name of an environment, not {shorten(env)}", fix='write env="old-pandas"')
    if env and changed.get("requires"):
        raise DefinitionError(
            f"env={env!r} and requires={list(changed['requires'])!r} both say where the task is run",
            why="the environment has the requirements that config gives it",
            fix=f"put them under [envs.{env}] of config, or leave out env",
        )
    if env:
        changed["requires"] = ()
    elif changed.get("requires"):
        changed["env"] = None
    engine = changed.get("engine")
    if engine is not None and engine not in get_args(EngineChoice):
        close = nearest(engine, get_args(EngineChoice)) if isinstance(engine, str) else None
        raise DefinitionError(
            f"engine is one of {', '.join(map(repr, get_args(EngineChoice)))}, not {shorten(engine)}",
            fix=f"did you mean {close!r}?" if close else 'write engine="isolated"',
        )
    if changed.get("memory") is not None:
        changed["memory"] = _memory(changed["memory"])


def _memory(value: Any) -> int:
    try:
        size = parse_size(value) if isinstance(value, str) else value
    except ValueError as error:
        raise DefinitionError(f"memory {value!r} is no size", why=str(error)) from error
    if not isinstance(size, int) or isinstance(size, bool):
        raise DefinitionError(f"memory is a number of bytes, not {shorten(value)}", fix='write memory="2GB"')
    if size < LEAST_MEMORY:
        raise DefinitionError(
            f"memory is at least {show_size(LEAST_MEMORY)}, not {show_size(size)}",
            why="Python and Arrow alone take that much",
            fix='write memory="2GB"',
        )
    return size


def read_requirements(value: Any) -> tuple[str, ...]:
    """Requirements as pip takes them, sorted, each in one spelling and once.

    Args:
        value: One as text, or several.

    Raises:
        DefinitionError: One is no requirement.
    """
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, (list, tuple, set, frozenset)) or not all(isinstance(item, str) for item in items):
        raise DefinitionError(
            f"requires is a list of requirements, not {shorten(value)}", fix='write requires=["scikit-learn==1.5.*"]'
        )
    from packaging.requirements import InvalidRequirement, Requirement  # few tasks have any

    read = set()
    for item in items:
        try:
            requirement = Requirement(item)
        except InvalidRequirement as error:
            raise DefinitionError(
                f"{item!r} is no requirement",
                why=str(error).splitlines()[0],
                fix='write it as for pip: "scikit-learn==1.5.*"',
            ) from error
        requirement.name = canonical_name(requirement.name)
        read.add(str(requirement))
    return tuple(sorted(read))
