"""A hub for tests: exactly the plugins that are named, stores of its own, and nothing of the user's configuration."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from dovetail.config import Settings, secrets_forgotten_after
from dovetail.engine import RunResult
from dovetail.errors import DovetailError
from dovetail.graph import Workflow
from dovetail.hub import Hub
from dovetail.plugins import Catalogue, build_catalogue, list_plugins, use_catalogue
from dovetail.testing._leaks import Surroundings, leaks
from dovetail.types import TypeEngine

if TYPE_CHECKING:
    from dovetail.store import ArtifactStore, EventRecord, NodeRecord, RunRecord, RunStore

_CORE = ("dovetail.types.builtin_hooks", "dovetail.engine.builtin_hooks", "dovetail.quality.builtin_hooks")


GRACE = 10.0
"""Seconds that threads and processes have to end in when a hub is closed."""


class HubHarness:
    """A hub that holds the core's own declarations and those of the plugins that are named, no others.

    Use it in a ``with`` block: inside, it is the hub that tasks are defined in and that ``dt.run`` uses, and no variable
    ``DOVETAIL_*`` of the user's is set. At the end the stores are closed, and what the plugins left behind fails the test.

    Args:
        plugins: Import names of hook modules, installed or not; modules; or objects with hook implementations.
        home: Directory of the stores; its parent is the project's root. Default: a temporary one, removed at the end.
        may_leave: Patterns of the names of threads, and of the commands of processes, that may outlive the hub -> why.
        settings: Further settings by key, such as ``connections={...}``, ``max_workers=2``.

    Attributes:
        hub: The :class:`~dovetail.hub.Hub`.
    """

    hub: Hub

    def __init__(
        self,
        *plugins: object,
        home: str | Path | None = None,
        may_leave: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self._plugins = plugins
        self._home = None if home is None else Path(home).absolute()
        self._settings = settings
        self._may_leave = tuple(may_leave or ())
        self._stack = ExitStack()

    def __enter__(self) -> HubHarness:
        self._before = Surroundings.now()
        with ExitStack() as stack:
            stack.enter_context(_clean_environment())
            stack.enter_context(secrets_forgotten_after())
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def _open(self, stack: ExitStack) -> None:
        home = self._home
        if home is None:
            home = Path(tempfile.mkdtemp(prefix="dovetail-test-"), "hub")
            stack.callback(shutil.rmtree, home.parent, ignore_errors=True)
        base = Settings(project_root=home.parent, home=home, allow=(), strict=True)
        wanted = [_name(plugin) for plugin in self._plugins]
        # with what is installed in environments alone, if there are any
        where = {key: self._settings[key] for key in ("envs", "env_dir", "cache_dir") if key in self._settings}
        listings = list_plugins(replace(base, **where))
        installed = {listing.module: listing.distribution for listing in listings}
        # A distribution is allowed as a whole, so one with further hook modules is not: those that are named are registered.
        others = {distribution for module, distribution in installed.items() if module not in wanted}
        installed = {name: found for name, found in installed.items() if found not in others}
        settings = replace(
            base, allow=tuple({installed[name] for name in wanted if name in installed}), **self._settings
        )
        catalogue = build_catalogue(settings)
        stack.enter_context(use_catalogue(catalogue))
        self.hub = Hub(settings)
        stack.callback(self.hub.close)
        for name, plugin in zip(wanted, self._plugins, strict=True):
            if name not in installed and name not in _CORE:
                self.hub.register(plugin)
        stack.enter_context(self.hub._in_use())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        found = self.left_behind() if error is None else []
        if found:
            raise AssertionError(
                "the hub was closed, and this is still there: "
                + "; ".join(found)
                + "\n  why: what a run starts must end with it, or it is left behind by every run"
                "\n  fix: stop it in TaskType.close() or Executor.stop(); name what must stay in may_leave, with the reason"
            )

    def left_behind(self) -> list[str]:
        """Threads and processes that were started since the hub was opened and have not ended, as lines for people.

        Those that are about to end are waited for; what ``may_leave`` names does not count.
        """
        return leaks(self._before, self._may_leave, grace=GRACE)

    # -- what it holds ------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The settings of the hub."""
        return self.hub.settings

    @property
    def catalogue(self) -> Catalogue:
        """What the plugins declare."""
        return self.hub.catalogue

    @property
    def types(self) -> TypeEngine:
        """The type engine."""
        return self.hub.types

    @property
    def runs(self) -> RunStore:
        """The run store."""
        return self.hub.runs

    @property
    def artifacts(self) -> ArtifactStore:
        """The artifact store."""
        return self.hub.artifacts

    # -- what it does -------------------------------------------------------------------------

    def call(self, workflow: Workflow[..., Any], /, **inputs: Any) -> Any:
        """Call a workflow like a function: in process, nothing stored. Raises what it raises."""
        return workflow(**inputs)

    def run(
        self,
        workflow: Workflow[..., Any],
        /,
        *,
        executor: str = "threads",
        run_id: str | None = None,
        observers: Iterable[Any] = (),
        **inputs: Any,
    ) -> RunResult:
        """Run a workflow durably; arguments, result and errors as for :meth:`dovetail.hub.Hub.run`."""
        return self.hub.run(workflow, executor=executor, run_id=run_id, observers=observers, inputs=inputs)

    def fail(self, workflow: Workflow[..., Any], /, **options: Any) -> DovetailError:
        """Run a workflow that must fail, and return its error; ``error.details["run_id"]`` names the run.

        Raises:
            AssertionError: It succeeded.
        """
        try:
            result = self.run(workflow, **options)
        except DovetailError as error:
            return error
        raise AssertionError(
            f"run {result.run_id} succeeded, although it had to fail"
            "\n  why: whoever waits for the result takes it for a good one"
            "\n  fix: let the exceptions of the work through instead of giving something back; or is it a task that works?"
        )

    def resume(self, run: str | RunResult, workflow: Workflow[..., Any] | None = None) -> RunResult:
        """Go on with a run that was stopped; as :meth:`dovetail.hub.Hub.resume`."""
        return self.hub.resume(_run_id(run), workflow)

    def record(self, run: str | RunResult = "latest") -> RunRecord:
        """A run as the store holds it: status, times, error."""
        return self.runs.get_run(_run_id(run))

    def nodes(self, run: str | RunResult = "latest") -> dict[str, NodeRecord]:
        """The recorded nodes of a run by id."""
        return {node.node_id: node for node in self.runs.nodes(self.record(run).run_id)}

    def events(self, run: str | RunResult = "latest", type: str | None = None) -> list[EventRecord]:
        """The events of a run, oldest first; those of one type (``"node.submitted"``) or all."""
        found = self.runs.events(self.record(run).run_id, limit=1_000_000)
        return [event for event in found if type is None or event.type == type]


def _name(plugin: object) -> str:
    if isinstance(plugin, str):
        return plugin
    return plugin.__name__ if isinstance(plugin, ModuleType) else ""


def _run_id(run: str | RunResult) -> str:
    return run if isinstance(run, str) else run.run_id


@contextmanager
def _clean_environment() -> Iterator[None]:
    taken = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("DOVETAIL_")}
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("DOVETAIL_") and name not in taken]:
            del os.environ[name]
        os.environ.update(taken)
