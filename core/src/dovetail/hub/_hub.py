"""The hub, and the default one that ``dt.run`` uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args
from weakref import WeakKeyDictionary

from dovetail import store
from dovetail.config import Settings, load_settings
from dovetail.engine import Engine, Observer, Output, RunResult
from dovetail.errors import UsageError, nearest, shorten
from dovetail.graph import Workflow, session_plugins
from dovetail.hub._load import load_source, source_of
from dovetail.plugins import Catalogue, build_catalogue, current_catalogue, use_catalogue
from dovetail.spec import EngineChoice
from dovetail.store import ArtifactStore, open_artifact_store
from dovetail.types import TypeEngine, current_types

if TYPE_CHECKING:
    from dovetail.store import RunStore


T = TypeVar("T")


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
        self._made: dict[str, Any] = {}
        self._making = threading.RLock()

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """What several threads may ask for at the same time is made once."""
        with self._making:
            if name not in self._made:
                self._made[name] = make()
            return cast("T", self._made[name])

    @property
    def catalogue(self) -> Catalogue:
        """Everything that the plugins declare; shared with the current one where the settings agree."""
        return self._once("catalogue", self._make_catalogue)

    def _make_catalogue(self) -> Catalogue:
        current = current_catalogue()
        if not self._extra and replace(current.settings, home=self.settings.home) == self.settings:
            return current
        catalogue = build_catalogue(self.settings, self._extra)
        for plugin in session_plugins():
            catalogue.register(plugin)
        return catalogue

    @property
    def types(self) -> TypeEngine:
        """The type engine."""
        with self._making, use_catalogue(self.catalogue):
            return current_types()

    @property
    def runs(self) -> RunStore:
        """The run store."""
        return self._once("runs", lambda: store.open_run_store(self.settings))

    @property
    def artifacts(self) -> ArtifactStore:
        """The artifact store."""
        return self._once("artifacts", lambda: open_artifact_store(self.settings, lambda: self.catalogue))

    def register(self, plugin: object) -> None:
        """Add task types, types, check engines or whatever else a plugin declares, without packaging it.

        What is added is there for every hub that shares the catalogue, as the default one and that of ``dovetail run``
        do, and for the worker processes of their runs. Registering the same module or class again replaces it.

        Args:
            plugin: A hook module, its import name, or an object with hook implementations.

        Raises:
            ApiMismatch: It states another hook API, or none.
            PluginLoadError: It cannot be imported, or a hook implementation is malformed or raised.
        """
        self.catalogue.register(plugin)
        held = plugin.__name__ if isinstance(plugin, ModuleType) else plugin  # a module cannot travel, its name can
        registered = _registered.setdefault(self.catalogue, [])
        registered[:] = [each for each in registered if _name_of(each) != _name_of(held)] + [held]

    @property
    def _plugins(self) -> tuple[object, ...]:
        return (*self._extra, *_registered.get(self.catalogue, ()))

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Inside, also in the tasks of a run, this is the hub of ``dt.run``."""
        token = _current.set(self)
        try:
            with use_catalogue(self.catalogue):
                yield
        finally:
            _current.reset(token)

    def run(
        self,
        workflow: Workflow[..., Any],
        /,
        *,
        executor: str = "threads",
        engine: EngineChoice | None = None,
        offline: bool = False,
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
            engine: Where engines of plugins are used: ``"here"``, ``"isolated"`` in their environments, or ``"auto"``; stronger
                than what tasks and settings say. Default: as these say.
            offline: Build environments that are missing without any index. Default False.
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
        with self._in_use():
            driver = self._engine(executor, observers, on_output, engine, offline)
            return driver.start(workflow, {**(inputs or {}), **named}, source or source_of(workflow), run_id)

    def resume(
        self,
        run_id: str,
        workflow: Workflow[..., Any] | None = None,
        *,
        observers: Iterable[Observer] = (),
        on_output: Output | None = None,
        offline: bool = False,
    ) -> RunResult:
        """Go on with a run that crashed, failed or was stopped; finished nodes are not run again.

        Args:
            run_id: Id, unique beginning of one, or ``"latest"``.
            workflow: Needed for a workflow that was made in an interactive session.
            observers: Called with each committed event.
            on_output: As for :meth:`run`.
            offline: As for :meth:`run`.

        Raises:
            UsageError: There is no such run, it has succeeded, or its workflow has changed.
            StoreLocked: A living process drives it.
        """
        with self._in_use():
            record = self.runs.get_run(run_id)
            loaded = workflow or load_source(record.source, record.run_id)
            executor = str(record.options.get("executor", "threads"))
            choice: EngineChoice | None = _choice_of(record.options.get("engine"))
            return self._engine(executor, observers, on_output, choice, offline).resume(record, loaded)

    def _engine(
        self,
        executor: str,
        observers: Iterable[Observer],
        on_output: Output | None,
        choice: EngineChoice | None,
        offline: bool,
    ) -> Engine:
        self.catalogue.executor(executor)
        engine = Engine(
            settings=self.settings,
            catalogue=self.catalogue,
            types=self.types,
            runs=self.runs,
            artifacts=self.artifacts,
            executor=executor,
            observers=tuple(observers),
            plugins=self._plugins,
            engine=_choice_of(choice),
            offline=offline,
        )
        if on_output is not None:
            engine.on_output = on_output
        return engine

    def close(self) -> None:
        """Close the stores; they are opened again at need."""
        with self._making:
            runs = self._made.pop("runs", None)
        if runs is not None:
            runs.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_registered: WeakKeyDictionary[Catalogue, list[object]] = WeakKeyDictionary()
"""What was registered in a catalogue after it was built, for the processes that build it again."""


def _choice_of(said: object) -> EngineChoice | None:
    """What a run says about engines, checked."""
    if said is not None and said not in get_args(EngineChoice):
        close = nearest(said, get_args(EngineChoice)) if isinstance(said, str) else None
        raise UsageError(
            f"engine is one of {', '.join(map(repr, get_args(EngineChoice)))}, not {shorten(said)}",
            fix=f"did you mean {close!r}?" if close else "leave it out, or write engine='isolated'",
        )
    return cast("EngineChoice | None", said)


def _name_of(plugin: object) -> str:
    """What tells that a plugin is registered again: the name of its module or class."""
    if isinstance(plugin, str):
        return plugin
    cls = plugin if isinstance(plugin, type) else type(plugin)
    return f"{cls.__module__}.{cls.__qualname__}"


_current: ContextVar[Hub | None] = ContextVar("dovetail_hub", default=None)
_lock = threading.Lock()


def default_hub() -> Hub:
    """The hub of this process, made at first need from the configuration; inside a task, that of its run."""
    catalogue = current_catalogue()
    running = _current.get()
    if running is not None and running.catalogue is catalogue:
        return running
    with _lock:
        kept = vars(catalogue)  # one hub for each catalogue, so that both go together
        found = kept.get("_default_hub")
        if not isinstance(found, Hub):
            found = kept["_default_hub"] = Hub(catalogue.settings)
            found._made["catalogue"] = catalogue
        return found


def run(workflow: Workflow[..., Any], /, **options: Any) -> RunResult:
    """Run a workflow durably in the default hub; see :meth:`Hub.run`: ``dt.run(daily, month=1)``."""
    return default_hub().run(workflow, **options)


def resume(run_id: str, workflow: Workflow[..., Any] | None = None, **options: Any) -> RunResult:
    """Go on with a run in the default hub; see :meth:`Hub.resume`."""
    return default_hub().resume(run_id, workflow, **options)
