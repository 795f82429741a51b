"""Where a task is to be run, by what it asks for, what config says and what is installed here. Builds nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.config import Settings, canonical_name
from dovetail.errors import DefinitionError, EngineUnavailable, UsageError, listing, nearest
from dovetail.graph import NeedOf, Task, TaskOptions, needs_of_task
from dovetail.plugins import (
    Catalogue,
    EngineHere,
    Need,
    engine_here,
    extra_requirements,
    install_line,
    names_of,
    needs_of_plugin,
)
from dovetail.plugins import plugin_metadata as metadata
from dovetail.spec import NO_ENGINE, EngineChoice, Place, RemoteTaskType

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a task is to be run.

    Attributes:
        place: Where and why; without digest.
        requires: What an environment without a name has to hold.
        needs: The engines that have to be in the environment.
        chosen: The engine whose environment it is; None where the task names the environment.
    """

    place: Place
    requires: tuple[str, ...] = ()
    needs: tuple[NeedOf, ...] = ()
    chosen: Need | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    choice: EngineChoice
    by: str


class Chooser:
    """Decides for the tasks of one catalogue.

    Args:
        settings: Say where engines are used.
        catalogue: The plugins.
        configured: Names of the environments of config.
        choice: What the run says; stronger than what tasks and settings say, unless a task names its environment.
    """

    def __init__(
        self, settings: Settings, catalogue: Catalogue, configured: Sequence[str], choice: EngineChoice | None = None
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._configured = tuple(configured)
        self._choice = choice
        self._here: dict[tuple[str, str], EngineHere] = {}

    def decide(self, task: Task[..., Any], options: TaskOptions) -> Decision:
        """Where a task is to be run.

        Raises:
            UsageError: There is no environment of the name that it asks for.
            DefinitionError: What it asks for contradicts itself, or it needs engines that live in different environments.
            EngineUnavailable: An engine is to be used here, and is not installed here.
        """
        needs = needs_of_task(task)
        if task.task_type != "python" and isinstance(task.load_type(), RemoteTaskType):
            return self._remote(task, options)
        if options.env is not None:
            return self._named(task, options.env, needs)
        if options.requires:
            return self._anonymous(task, options.requires, needs)
        if not needs:
            return self._without_engine(task, options)
        answers = [(each, *self._of_engine(each, options)) for each in needs]
        away = [(each, reason) for each, isolated, reason in answers if isolated]
        if not away:
            return Decision(Place("here", None, "; ".join(reason for _, _, reason in answers)))
        home, reason = away[0] if len(away) == 1 else self._shared(task, away)
        return Decision(Place("isolated", home.need.environment, reason), needs=tuple(needs), chosen=home.need)

    def here(self, need: Need) -> EngineHere:
        """Whether an engine can be used in this process; looked at once."""
        key = (need.owner.key, need.environment)
        found = self._here.get(key)
        if found is None:
            found = self._here[key] = engine_here(need, self._settings.project_root)
        return found

    def of_engine(self, need: Need) -> Place:
        """Where an engine would be used if a task needed it now that says nothing about it.

        Raises:
            EngineUnavailable: It is to be used here, and is not installed here.
        """
        isolated, reason = self._of_engine(NeedOf(need, need.plugin), TaskOptions())
        return Place("isolated", need.environment, reason) if isolated else Place("here", None, reason)

    # -- what is asked for -------------------------------------------------------------------------

    def _named(self, task: Task[..., Any], name: str, needs: Sequence[NeedOf]) -> Decision:
        self._check_name(name)
        place = Place("isolated", name, f"the task asks for env={name!r}")
        return Decision(place, needs=tuple(needs))

    def _check_name(self, name: str) -> None:
        """Raise UsageError unless there is an environment of this name, of config or of a plugin."""
        needs = (n for manifest in self._catalogue.manifests for n in needs_of_plugin(manifest, self._catalogue))
        known = sorted({*self._configured, *(n.environment for n in needs if n.owner.distribution)})
        if name not in known:
            close = nearest(name, known)
            add = f"add it to config: [envs.{name}] requires = [...]"
            raise UsageError(
                f"there is no environment {name!r}",
                why=f"the environments are {listing(known)}" if known else "config and plugins name none",
                fix=f"did you mean {close!r}? Or {add}" if close else add,
                name=name,
                nearest=close,
            )

    def _anonymous(self, task: Task[..., Any], requires: tuple[str, ...], needs: Sequence[NeedOf]) -> Decision:
        if task.task_type != "python":
            raise DefinitionError(
                f"requires is for python tasks, and task {task.name!r} is of the type {task.task_type}",
                why="its engine has requirements of its own, which the plugin states",
                fix="put both into an environment of config, and name that: "
                f'[envs.mine] requires = {list(requires)!r}, and env="mine"',
            )
        told = {canonical_name(_name_of(each)) for each in requires}
        added = [
            each.need.requirement for each in needs if each.need.spec is not None and not told & _brings(each.need)
        ]
        reason = f"the task asks for {listing(requires)}"
        return Decision(Place("isolated", "", reason), (*requires, *added), tuple(needs))

    def _remote(self, task: Task[..., Any], options: TaskOptions) -> Decision:
        if options.env is not None or options.requires or options.engine == "isolated":
            raise DefinitionError(
                f"task {task.name!r} is done by a job of {task.task_type}, and not in an environment",
                why="its jobs are submitted, and attached to again, by the process that drives the run",
                fix="leave out env, requires and engine; what the job needs is said where its engine runs",
            )
        return Decision(Place("here", None, f"its jobs of {task.task_type} are submitted from here"))

    def _without_engine(self, task: Task[..., Any], options: TaskOptions) -> Decision:
        if options.engine == "isolated":
            raise DefinitionError(
                f"task {task.name!r} has no engine of its own that could be isolated",
                why="engine='isolated' runs a task in the environment that the plugin of its engine declares, and no plugin "
                "declares one for its task type or the types in its annotations",
                fix='name an environment of config, env="...", or what it needs, requires=["..."]',
            )
        return Decision(Place("here", None, NO_ENGINE))

    # -- engines -----------------------------------------------------------------------------------

    def _said(self, need: Need, options: TaskOptions) -> _Said | None:
        """What says where an engine is used, the strongest first; None if nobody does."""
        if self._choice is not None:
            return _Said(self._choice, f"the run says engine = {self._choice!r}")
        if options.engine is not None:
            return _Said(options.engine, f"the task says engine={options.engine!r}")
        for name in names_of(need):
            if name in self._settings.engines:
                choice = self._settings.engines[name]
                return _Said(choice, f"config says engines.{name} = {choice!r}")
        if self._settings.engine != "auto":
            return _Said(self._settings.engine, f"config says engine = {self._settings.engine!r}")
        return None

    def _of_engine(self, needed: NeedOf, options: TaskOptions) -> tuple[bool, str]:
        """Whether the engine is used in its environment, and why."""
        need = needed.need
        said = self._said(need, options)
        here = self.here(need)
        if said is not None and said.choice == "isolated":
            return True, said.by
        if said is not None and said.choice == "here":
            if not here.found:
                raise self._not_here(needed, said, here)
            return False, f"{said.by}; {here.reason}"
        if need.spec is not None and need.spec.prefer == "isolated":
            return True, f"{need.plugin} prefers its environment"
        if not here.fits and not need.owner.distribution and need.environment not in self._configured:
            return False, here.reason  # nobody says what its environment would have to hold
        return not here.fits, here.reason

    def _not_here(self, needed: NeedOf, said: _Said, here: EngineHere) -> EngineUnavailable:
        need = needed.need
        engine = need.spec.engine if need.spec is not None else need.plugin
        return EngineUnavailable(
            f"{engine} is needed for {needed.what}, and cannot be used here",
            why=f"{said.by}, and {here.reason}",
            fix=f"{install_line(need)}; or let it run in its environment: "
            f'engines.{need.environment} = "isolated" in config, engine="isolated" on the task, or --engine auto',
            engine=engine,
        )

    def _shared(self, task: Task[..., Any], away: Sequence[tuple[NeedOf, str]]) -> tuple[NeedOf, str]:
        """The one of several environments that has the engines of the others as well: a plugin that builds on another's."""
        for each, reason in away:
            others = {other.need.owner.distribution for other, _ in away if other is not each}
            told = metadata([each.need.owner.distribution]).get(canonical_name(each.need.owner.distribution))
            names = {canonical_name(_name_of(line)) for line in (told.requires if told is not None else ())}
            if others <= names:
                return each, reason
        both = sorted({each.need.requirement for each, _ in away})
        raise DefinitionError(
            f"task {task.name!r} needs engines that live in different environments",
            why="; ".join(f"{each.what} needs environment {each.need.environment} ({reason})" for each, reason in away),
            fix="take or return pyarrow.Table in place of one of them, which every environment knows; or make an environment "
            f'with both: [envs.both] requires = {both!r} in config, and env="both" on the task',
            environments=[each.need.environment for each, _ in away],
        )


def lacking(decision: Decision, packages: Collection[str]) -> NeedOf | None:
    """The first engine that a task needs and that a built environment does not have; None if it has all."""
    for each in decision.needs:
        if each.need.spec is None or each.need is decision.chosen:
            continue
        brings = _brings(each.need)
        if brings and not brings & set(packages):
            return each
    return None


def _brings(need: Need) -> set[str]:
    """The distributions that an engine consists of, as far as its plugin says."""
    spec = need.spec
    if spec is None or not need.owner.distribution:
        return set()
    names = {canonical_name(each.name) for each in extra_requirements(need.owner.distribution, spec.extra)}
    return {name for name in names if name.startswith(canonical_name(spec.engine.partition(".")[0]))} or names


def _name_of(requirement: str) -> str:
    found = _NAME.match(requirement.strip())
    return found[0] if found else ""
