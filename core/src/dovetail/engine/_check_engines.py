"""Check engines whose library this process does not have: a suite that is named, and not held, is evaluated in an environment."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dovetail.engine._placement import placement_of_calls
from dovetail.env import in_worker, pack_part, unpack_part
from dovetail.errors import ConversionError, DefinitionError, EngineUnavailable, PluginError
from dovetail.graph import ResourceScope, Task, TaskOptions
from dovetail.plugins import Catalogue, Need, current_catalogue, need_of, use_catalogue
from dovetail.quality import outcomes_from_arrow, outcomes_to_arrow
from dovetail.spec import (
    CheckEngine,
    CheckEngineSpec,
    CheckOutcome,
    Interface,
    SuiteInfo,
    TaskContext,
    TypeRef,
)
from dovetail.types import current_types

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE = TypeRef("pyarrow.Table")


def engine_elsewhere(spec: CheckEngineSpec, catalogue: Catalogue) -> CheckEngine | None:
    """What evaluates suites of an engine that cannot be imported here; None if no environment has it either.

    Args:
        spec: The declaration of the engine.
        catalogue: The plugins.

    Raises:
        EngineUnavailable: Config says that the engine is used here.
    """
    need = need_of(spec, catalogue)
    if need is None or in_worker():
        return None
    with use_catalogue(catalogue):
        isolated = placement_of_calls().of_engine(need).isolated
    return EngineElsewhere(spec, catalogue, need) if isolated else None


class EngineElsewhere(CheckEngine):
    """Stands for an engine in an environment: a worker is asked what a suite is, and given the table.

    Nothing is built or started where a gate is defined: what is wrong with a suite is told by the first run. Rows cross the
    bridge as an Arrow table; what comes back are counts and ordinals.
    """

    def __init__(self, spec: CheckEngineSpec, catalogue: Catalogue, need: Need) -> None:
        self.name = spec.name  # type: ignore[misc]  # this class stands for many engines
        self._spec = spec
        self._catalogue = catalogue
        self._need = need
        self._told: tuple[Any, dict[str, Any]] | None = None

    def describe(self, suite: Any) -> SuiteInfo:
        """The suite's name; its checks are known where it is evaluated.

        Raises:
            EngineUnavailable: The suite is an object of the library, which is not here.
        """
        self._refuse_objects(suite)
        return SuiteInfo(str(getattr(suite, "name", "") or type(suite).__name__))

    def frames(self, suite: Any) -> tuple[str, ...]:
        """What every environment knows."""
        return (_TABLE.name,)

    def fingerprint(self, suite: Any) -> str:
        """As the engine tells it there."""
        return str(self._about(suite)["fingerprint"])

    def thresholds(self, suite: Any) -> Mapping[str, Any]:
        """As the engine tells them there."""
        told: dict[str, Any] = self._about(suite)["thresholds"]
        return told

    def version(self) -> str:
        """Version of the library there; "" before a suite was looked at."""
        return "" if self._told is None else str(self._told[1]["version"])

    def evaluate(self, suite: Any, value: pa.Table) -> list[CheckOutcome]:
        """Have the suite evaluated on an Arrow table."""
        return outcomes_from_arrow(self._ask(_tasks()[1], suite, table=value))

    def _about(self, suite: Any) -> dict[str, Any]:
        if self._told is None or self._told[0] is not suite:
            self._told = (suite, json.loads(self._ask(_tasks()[0], suite)))
        return self._told[1]

    def _refuse_objects(self, suite: Any) -> None:
        library = str(self._spec.engine).partition(".")[0]
        each = suite[0] if isinstance(suite, tuple) and suite else suite
        cls = each if isinstance(each, type) else type(each)
        if any(base.__module__.partition(".")[0] == library for base in cls.__mro__):
            raise EngineUnavailable(
                f"the check engine {self.name!r} needs {library}, which is not installed",
                why="the suite is an object of it, so it cannot be brought to an environment",
                fix=self._spec.install,
                engine=library,
            )

    def _ask(self, task: Task[..., Any], suite: Any, **values: Any) -> Any:
        from dovetail.engine._isolated import run_isolated  # with it come the workers
        from dovetail.engine._packing import way_to

        self._refuse_objects(suite)
        with use_catalogue(self._catalogue):
            _, home = placement_of_calls().place(task, TaskOptions(env=self._need.environment))
            assert home is not None
            way = way_to(home, self._catalogue, self._catalogue.settings)
            try:
                packed = pack_part(suite, way, self.name)
            except DefinitionError as error:
                error.what = f"the suite cannot be brought to environment {home.name!r}"
                error.who = f"check engine {self.name!r}"
                raise
            scope = ResourceScope()
            try:
                given = {"engine": self.name, "suite": packed, **values}
                return run_isolated(task.compiled(), given, TaskContext(node_id=task.name), home, scope)
            finally:
                scope.close()


@functools.cache
def _tasks() -> tuple[Task[..., Any], Task[..., Any]]:
    """What workers are asked: about a suite, and to evaluate one."""
    asked = {"engine": str, "suite": bytes}
    about = Interface(asked, {"result": str})
    evaluation = Interface({**asked, "table": _TABLE}, {"result": _TABLE})
    return (
        Task("look_at_suite", task_type="python", interface=about, output=str, function=look_at),
        Task("evaluate_suite", task_type="python", interface=evaluation, output=_TABLE, function=evaluate_on),
    )


# -- in the worker -----------------------------------------------------------------------------------


def look_at(engine: str, suite: bytes) -> str:
    """What the hub is to know of a suite, as JSON."""
    found, wanted = _engine(engine), unpack_part(suite)
    told = {"fingerprint": found.fingerprint(wanted), "thresholds": dict(found.thresholds(wanted))}
    return json.dumps({**told, "version": found.version()})


def evaluate_on(engine: str, suite: bytes, table: pa.Table) -> pa.Table:
    """The outcomes of a suite, as a table."""
    found, wanted = _engine(engine), unpack_part(suite)
    return outcomes_to_arrow(found.evaluate(wanted, _frame(table, found.frames(wanted))))


def _engine(name: str) -> CheckEngine:
    catalogue = current_catalogue()
    spec = catalogue.check_engines()[name]
    made: Any = catalogue.load(spec.code, spec)
    engine: CheckEngine = made()
    return engine


def _frame(table: pa.Table, frames: Sequence[str]) -> Any:
    """The table as the first of the frames that it can be made into."""
    refused: ConversionError | None = None
    for frame in frames:
        try:
            return current_types().convert(table, TypeRef(frame))
        except ConversionError as error:
            refused = refused or error
    raise refused or PluginError("the check engine names no frame that it looks at", fix="implement its frames()")
