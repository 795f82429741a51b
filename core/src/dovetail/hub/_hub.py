"""The hub, and the default one that ``dt.run`` uses."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail import store
from dovetail.config import Settings, load_settings
from dovetail.engine import Engine, Observer, Output, RunResult
from dovetail.errors import UsageError
from dovetail.graph import Workflow, session_plugins
from dovetail.hub._load import load_source, source_of
from dovetail.plugins import Catalogue, build_catalogue, current_catalogue, use_catalogue
from dovetail.store import ArtifactStore, open_artifact_store
from dovetail.types import TypeEngine, current_types

if TYPE_CHECKING:
    from dovetail.store import RunStore


class Hub:
    """Holds the catalogue, the type engine and the stores; each is made at first need.

    Args:
        settings: Default: read from the nearest ``dovetail.toml`` or ``pyproject.toml``, and the environment.
        plugins: Further hook modules or objects, beside those that are installed.
        home: Directory of the stores; default is that of the settings.
    """

    def __init__(
        self, settings: Settings | None = None, *, plugins: Iterable[object] = (), home: str | Path | None = None
    ) -> None:
        if settings is None:
            settings = load_settings(overrides={} if home is None else {"home": str(Path(home).absolute())})
        elif home is not None:
            settings = replace(settings, home=Path(home).absolute())
        self.settings: Settings = settings
        self._extra = tuple(plugins)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Everything that the plugins declare; shared with the current one where the settings agree."""
        current = current_catalogue()
        if not self._extra and replace(current.settings, home=self.settings.home) == self.settings:
            return current
        catalogue = build_catalogue(self.settings, self._extra)
        for plugin in session_plugins():
            catalogue.register(plugin)
        return catalogue

    @cached_property
    def types(self) -> TypeEngine:
        """The type engine."""
        with use_catalogue(self.catalogue):
            return current_types()

    @cached_property
    def runs(self) -> RunStore:
        """The run store."""
        return store.open_run_store(self.settings)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """The artifact store."""
        return open_artifact_store(self.settings)

    def register(self, plugin: object) -> None:
        """Add a hook module, or an object with hook implementations."""
        self.catalogue.register(plugin)

    def run(
        self,
        workflow: Workflow[..., Any],
        /,
        *,
        executor: str = "threads",
        run_id: str | None = None,
        observers: Iterable[Observer] = (),
        on_output: Output | None = None,
        source: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        **named: Any,
    ) -> RunResult:
        """Run a workflow durably: recorded, cached, resumable.

        Args:
            workflow: The workflow.
            executor: Where nodes run unless their task says otherwise: ``"threads"`` (default) or ``"processes"``.
            run_id: Id of the run; default is made of the time.
            observers: Called with each committed event.
            on_output: Called with node id, stream and line for what tasks in other processes print; default prints it.
            source: Where the workflow can be loaded from again; default is found out.
            inputs: Inputs by name, for inputs that are called like an argument of this method.
            named: Inputs by name.

        Raises:
            TaskFailed, TaskTimeout: The user's code failed.
            GateBlocked: A gate refused the data.
            PlatformError: An engine, a store or dovetail itself failed.
        """
        if not isinstance(workflow, Workflow):
            raise UsageError(
                f"run() takes a workflow, not {type(workflow).__name__}", fix="decorate the function with @dt.workflow"
            )
        with use_catalogue(self.catalogue):
            engine = self._engine(executor, observers, on_output)
            return engine.start(workflow, {**(inputs or {}), **named}, source or source_of(workflow), run_id)

    def resume(
        self,
        run_id: str,
        workflow: Workflow[..., Any] | None = None,
        *,
        observers: Iterable[Observer] = (),
        on_output: Output | None = None,
    ) -> RunResult:
        """Go on with a run that crashed, failed or was stopped; finished nodes are not run again.

        Args:
            run_id: Id, unique beginning of one, or ``"latest"``.
            workflow: Needed for a workflow that was made in an interactive session.
            observers: Called with each committed event.
            on_output: As for :meth:`run`.

        Raises:
            UsageError: There is no such run, it has succeeded, or its workflow has changed.
            StoreLocked: A living process drives it.
        """
        with use_catalogue(self.catalogue):
            record = self.runs.get_run(run_id)
            loaded = workflow or load_source(record.source, record.run_id)
            executor = str(record.options.get("executor", "threads"))
            return self._engine(executor, observers, on_output).resume(record, loaded)

    def _engine(self, executor: str, observers: Iterable[Observer], on_output: Output | None) -> Engine:
        self.catalogue.executor(executor)
        engine = Engine(
            settings=self.settings,
            catalogue=self.catalogue,
            types=self.types,
            runs=self.runs,
            artifacts=self.artifacts,
            executor=executor,
            observers=tuple(observers),
        )
        if on_output is not None:
            engine.on_output = on_output
        return engine

    def close(self) -> None:
        """Close the stores."""
        if "runs" in self.__dict__:
            self.runs.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_default: Hub | None = None
_lock = threading.Lock()


def default_hub() -> Hub:
    """The hub of this process, made at first need from the configuration; shares the current catalogue."""
    global _default
    with _lock:
        catalogue = current_catalogue()
        if _default is None or _default.catalogue is not catalogue:
            hub = Hub(catalogue.settings)
            hub.__dict__["catalogue"] = catalogue
            _default = hub
        return _default


def run(workflow: Workflow[..., Any], /, **options: Any) -> RunResult:
    """Run a workflow durably in the default hub; see :meth:`Hub.run`: ``dt.run(daily, month=1)``."""
    return default_hub().run(workflow, **options)


def resume(run_id: str, workflow: Workflow[..., Any] | None = None, **options: Any) -> RunResult:
    """Go on with a run in the default hub; see :meth:`Hub.resume`."""
    return default_hub().resume(run_id, workflow, **options)
