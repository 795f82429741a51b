"""Where tasks are run, and the environments that they need for that: decided and built before anything runs."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dovetail.config import Settings
from dovetail.engine._choosing import Chooser, Decision, lacking
from dovetail.env import in_worker
from dovetail.errors import DefinitionError, DovetailError, EngineUnavailable
from dovetail.graph import CompiledTask, ResourceScope, Task, TaskOptions
from dovetail.plugins import Catalogue, Need, current_catalogue, install_line, needs_of_plugin
from dovetail.spec import EngineChoice, Place, TaskContext

if TYPE_CHECKING:
    from dovetail.env.build import Environment, Environments, EnvRequest

log = logging.getLogger("dovetail.engine")
Demand = tuple[Task[..., Any], TaskOptions, str]
"""A task, how it is run, and who asks, for people: its node."""


class Placement:
    """Places the tasks of one catalogue; what was decided and found once is kept.

    Safe to use from several threads: an environment that is missing is built by the first that needs it.

    Args:
        settings: Say where engines are used, and which environments there are.
        catalogue: The plugins.
        choice: What the run says about engines; stronger than what tasks and settings say.
        progress: Takes lines for people while an environment is built. Default: the log.
        offline: Build from what is on this machine, without any index.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        choice: EngineChoice | None = None,
        *,
        progress: Callable[[str], None] | None = None,
        offline: bool = False,
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._progress = progress or (lambda line: log.info("%s", line))
        self._offline = offline
        self._made: Environments | None = None
        self._chooser = Chooser(settings, catalogue, tuple(settings.envs), choice)
        self._forget()
        self._built: dict[EnvRequest, Environment] = {}
        self._lock = threading.RLock()

    def _forget(self) -> None:
        self._version = self._catalogue.version
        self._decisions: weakref.WeakKeyDictionary[Task[..., Any], dict[TaskOptions, Decision]] = (
            weakref.WeakKeyDictionary()
        )
        self._placed: weakref.WeakKeyDictionary[Task[..., Any], dict[TaskOptions, tuple[Place, Environment | None]]] = (
            weakref.WeakKeyDictionary()
        )

    def decide(self, task: Task[..., Any], options: TaskOptions) -> Decision:
        """Where a task is to be run. Raises as :meth:`Chooser.decide`."""
        with self._lock:
            if self._catalogue.version != self._version:  # something was registered
                self._forget()
            known = self._decisions.setdefault(task, {})
            if options not in known:
                known[options] = self._chooser.decide(task, options)
            return known[options]

    def place(self, task: Task[..., Any], options: TaskOptions) -> tuple[Place, Environment | None]:
        """Where a task is run, and the environment, which is built if it is not there; None here.

        Raises:
            DovetailError: What :meth:`decide` raises, or what building the environment does.
            DefinitionError: The environment does not have an engine that the task needs.
        """
        decision = self.decide(task, options)
        with self._lock:
            known = self._placed.setdefault(task, {}).get(options)
        if known is not None and (
            known[1] is None or known[1].python.exists()
        ):  # somebody may have removed it meanwhile
            return known
        found = self._place(task, decision)
        with self._lock:
            self._placed.setdefault(task, {})[options] = found
        return found

    def _place(self, task: Task[..., Any], decision: Decision) -> tuple[Place, Environment | None]:
        if not decision.place.isolated:
            return decision.place, None
        request = self.request(task, decision)
        environment = self._environment(request, decision.chosen)
        missing = lacking(decision, environment.packages)
        if missing is not None:
            raise _lacks(task, request, decision, missing.what, missing.need.requirement)
        place = replace(decision.place, environment=request.name, digest=environment.digest)
        return place, environment

    def prepare(self, demands: Iterable[Demand]) -> None:
        """Decide for all of these tasks, then build what is missing: before anything runs.

        Raises:
            DovetailError: As :meth:`place`; ``who`` names the node.
        """
        demands = list(demands)
        for step in (self.decide, self._check, self.place):  # all that can be told without building comes first
            for task, options, who in demands:
                try:
                    step(task, options)
                except DovetailError as error:
                    error.who = error.who or who
                    raise

    @property
    def _environments(self) -> Environments:
        if self._made is None:
            self._made = _open_environments(self._settings)
        return self._made

    def _check(self, task: Task[..., Any], options: TaskOptions) -> None:
        """Whether the environment is there or can be built."""
        decision = self.decide(task, options)
        if decision.place.isolated:
            with _with_other_way(decision.chosen):
                self._environments.check(self.request(task, decision))

    def of_engine(self, need: Need) -> Place:
        """Where a task would be run that needs an engine and says nothing about it. Raises as ``Chooser.of_engine``."""
        return self._chooser.of_engine(need)

    def built(self, name: str) -> Environment | None:
        """The environment of a name, if it is built. Raises KeyError for a name that nobody gives to one."""
        return self._environments.find(requests(self._settings, self._catalogue)[name])

    def request(self, task: Task[..., Any], decision: Decision) -> EnvRequest:
        """The environment of a decision, as it is asked for."""
        if decision.requires:
            return self._environments.anonymous(decision.requires, None, f"task {task.name}")
        return requests(self._settings, self._catalogue)[decision.place.environment or ""]

    def _environment(self, request: EnvRequest, chosen: Need | None) -> Environment:
        with self._lock:
            known = self._built.get(request)
            if known is not None and known.python.exists():
                return known
            with _with_other_way(chosen):
                found = self._environments.find(request) or self._environments.sync(
                    request, progress=self._progress, offline=self._offline
                )
            self._built[request] = found
            return found


@contextmanager
def _with_other_way(chosen: Need | None) -> Iterator[None]:
    """An error for an environment that cannot be had tells that the engine can be had here."""
    try:
        yield
    except EngineUnavailable as error:
        if chosen is not None and chosen.spec is not None:
            other = f"or have the engine here: {install_line(chosen)}"
            error.fix = f"{error.fix}; {other}" if error.fix else other
        raise


def requests(settings: Settings, catalogue: Catalogue) -> dict[str, EnvRequest]:
    """All environments that have a name, as they are asked for: those of config, and those of the engines of plugins.

    What config says under the name of a plugin's environment is added to it; a version of Python there takes the place of the
    plugin's.

    Args:
        settings: Hold ``envs``.
        catalogue: The plugins.
    """
    names = catalogue.environments()
    declared = [
        (need.owner.distribution, need.spec)
        for manifest in catalogue.manifests
        for need in needs_of_plugin(manifest, catalogue)
        if need.spec is not None and need.owner.distribution and names.get(need.spec.name) == need.spec
    ]
    return _open_environments(settings).every(declared)


def _open_environments(settings: Settings) -> Environments:
    from dovetail.env.build import Environments  # who isolates nothing does not wait for what builds environments

    return Environments(settings)


def _lacks(
    task: Task[..., Any], request: EnvRequest, decision: Decision, what: str, requirement: str
) -> DefinitionError:
    add = (
        f"add {requirement!r} to requires of the task"
        if decision.requires
        else f"add {requirement!r} to requires of [envs.{request.name}] in config"
    )
    return DefinitionError(
        f"environment {request.name} does not have what {what} of task {task.name!r} needs",
        why=f"the task runs there: {decision.place.reason}",
        fix=f"{add}; or take or return pyarrow.Table, which every environment knows",
    )


# -- calls outside of runs -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Calls:
    choice: EngineChoice | None = None
    progress: Callable[[str], None] | None = None
    offline: bool = False


_calls: ContextVar[_Calls] = ContextVar("dovetail_calls", default=_Calls())  # noqa: B039  (it is frozen)
_placements: weakref.WeakKeyDictionary[Catalogue, dict[tuple[EngineChoice | None, bool], Placement]] = (
    weakref.WeakKeyDictionary()
)
_lock = threading.Lock()


@contextmanager
def placing_calls(
    choice: EngineChoice | None, progress: Callable[[str], None] | None = None, *, offline: bool = False
) -> Iterator[None]:
    """Within it, calls outside of runs are placed as the nodes of a run would be.

    Args:
        choice: Where engines are used; stronger than what tasks and settings say. None: as these say.
        progress: Takes lines for people while an environment is built. Default: the log.
        offline: Build without any index.
    """
    token = _calls.set(_Calls(choice, progress, offline))
    try:
        yield
    finally:
        _calls.reset(token)


def _tell(line: str) -> None:
    progress = _calls.get().progress
    if progress is None:
        log.info("%s", line)
    else:
        progress(line)


def placement_of_calls() -> Placement:
    """What places calls outside of runs: of the current catalogue, as :func:`placing_calls` says."""
    catalogue, calls = current_catalogue(), _calls.get()
    key = (calls.choice, calls.offline)
    with _lock:
        kept = _placements.setdefault(catalogue, {})
        if key not in kept:
            kept[key] = Placement(catalogue.settings, catalogue, calls.choice, progress=_tell, offline=calls.offline)
        return kept[key]


def in_process(compiled: CompiledTask, options: TaskOptions) -> Callable[..., Any]:
    """What makes calls of a task outside of runs: the task itself, or its worker. Environments that are missing are built now.

    Args:
        compiled: The task.
        options: Those of the node.

    Raises:
        DovetailError: As :meth:`Placement.place`.
    """
    if in_worker():
        return compiled  # what a task calls in turn is done where the task is

    def call(values: dict[str, Any], context: TaskContext, scope: ResourceScope) -> Any:
        _, environment = placement_of_calls().place(compiled.task, options)
        if environment is None:
            return compiled(values, context, scope)
        from dovetail.engine._isolated import run_isolated  # with it come the workers

        return run_isolated(compiled, values, context, environment, scope, memory=options.memory)

    try:
        placement_of_calls().place(compiled.task, options)
    except DovetailError as error:
        error.who = error.who or f"task {compiled.task.name!r}"
        raise
    return call
