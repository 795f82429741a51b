"""The gate: a suite and a policy, at a point of the graph."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.errors import DefinitionError, nearest
from dovetail.quality._evaluate import GateResult, Where, convertible, evaluate
from dovetail.quality._lookup import catalogue_of, find_spec, load_engine, suite_name, suite_version
from dovetail.quality._policy import (
    Downstream,
    OnFail,
    Policy,
    Thresholds,
    parse_action,
    parse_effect,
    parse_limit,
    parse_thresholds,
)
from dovetail.quality._report import Report, raise_for_decision
from dovetail.quality._stable import History, parse_stable
from dovetail.quality.checks import Check, Suite
from dovetail.types import TypeEngine, current_types

if TYPE_CHECKING:
    from dovetail.spec import Artifact, SuiteInfo

_collectors: ContextVar[tuple[list[Report], ...]] = ContextVar("dovetail_reports", default=())


@dataclass(frozen=True, eq=False, init=False, slots=True)
class Gate:
    """Checks at a point of the graph, and what happens when they fail.

    One object, two uses: ``Annotated[polars.DataFrame, gate]`` marks an output, and ``gate(value)`` stands for a node.

    Args:
        suite: Native checks (one, a list, or a :class:`~dovetail.quality.checks.Suite`), or a suite of a library that an
            installed plugin knows, such as a Pandera schema; a list of objects of one library where it takes such lists.
        on_fail: ``"block"`` refuses the whole value; ``"warn"`` lets it through and says so; ``"quarantine"`` takes the
            failing rows away and keeps them; ``"drop"`` takes them away. What cannot be evaluated always blocks, and so
            does a failure that no single rows are to blame for, unless the action is ``"warn"``.
        max_quarantined: Largest share (``"5%"``, ``0.05``) or number (``10``) of rows that ``"quarantine"`` and ``"drop"``
            may take away; more blocks.
        warn: More failures of a check than this (rows, or a share of those evaluated) are a warning.
        fail: More failures of a check than this are a failure. Rows of a check that stays within it are let through.
        thresholds: Limits of single checks: check id, or a pattern over check ids such as ``"arr_delay.*"``, to
            ``"1%"`` (the fail limit) or ``{"warn": 0, "fail": "1%"}``. The first that matches counts.
        min_rows: Fewer rows fail, before and after rows were taken away. 0 allows an empty table.
        name: Name of the gate; by default the suite's.
        keys: Columns that identify a row; they are shown with the failing rows of the report.
        sample_values: False leaves the checked values out of the report; key columns stay.
        stable: Limits from history: check id or a pattern over check ids, to how far the value (what an aggregate observed,
            else the share that failed) may be from the median of earlier runs, in MADs: ``{"gate.min_rows": 4}``, or a
            :class:`Stable`. What is unusual is a warning.
        downstream: What happens in a run to the nodes that read the value when the gate refuses it: ``"block"``: the run ends;
            ``"skip"``: they are skipped, and what depends on them; ``"continue_with_previous"``: they get what was let
            through here in an earlier run of the workflow, and without one the run ends; ``"continue"``: they get the value
            that was refused. ``dt.on_blocked`` and ``dt.OnBlocked`` say it for single readers.
        profile: True puts a profile of the data beside the checks: nulls, distinct values, range and distribution by column.

    Raises:
        DefinitionError: An option is misspelt or malformed.
    """

    suite: Any
    policy: Policy
    name: str
    keys: tuple[str, ...]
    sample_values: bool
    profile: bool

    def __init__(
        self,
        suite: Any,
        *,
        on_fail: OnFail = "block",
        max_quarantined: float | str = "5%",
        warn: float | str = 0,
        fail: float | str = 0,
        thresholds: Mapping[str, Any] | None = None,
        min_rows: int = 1,
        name: str | None = None,
        keys: Sequence[str] = (),
        sample_values: bool = True,
        stable: Mapping[str, Any] | None = None,
        downstream: Downstream = "block",
        profile: bool = False,
    ) -> None:
        if isinstance(min_rows, bool) or not isinstance(min_rows, int) or min_rows < 0:
            raise DefinitionError(f"min_rows={min_rows!r} is not a number of rows", fix="min_rows=1 is the default")
        base = Thresholds(parse_limit(warn, "warn"), parse_limit(fail, "fail"))
        overrides = tuple(
            (pattern, parse_thresholds(limits, base, f"thresholds[{pattern!r}]"))
            for pattern, limits in (thresholds or {}).items()
        )
        policy = Policy(
            on_fail=parse_action(on_fail),
            max_quarantined=parse_limit(max_quarantined, "max_quarantined"),
            thresholds=base,
            overrides=overrides,
            min_rows=min_rows,
            stable=parse_stable(stable),
            downstream=parse_effect(downstream),
        )
        suite = _as_suite(suite)
        columns = (keys,) if isinstance(keys, str) else tuple(keys)
        values = (suite, policy, name or suite_name(suite), columns, bool(sample_values), bool(profile))
        for field, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        return f"Gate({self.name}, on_fail={self.policy.on_fail!r})"

    def with_options(self, **options: Any) -> Gate:
        """The same suite behind other options; those that are not named stay.

        Raises:
            DefinitionError: An option is misspelt or malformed.
        """
        policy = self.policy
        now: dict[str, Any] = {
            "on_fail": policy.on_fail,
            "max_quarantined": policy.max_quarantined,
            "warn": policy.thresholds.warn,
            "fail": policy.thresholds.fail,
            "thresholds": dict(policy.overrides),
            "min_rows": policy.min_rows,
            "name": self.name,
            "keys": self.keys,
            "sample_values": self.sample_values,
            "stable": dict(policy.stable),
            "downstream": policy.downstream,
            "profile": self.profile,
        }
        for name in options:
            if name not in now:
                guess = nearest(name, now)
                raise DefinitionError(
                    f"a gate has no option {name!r}",
                    fix=f"did you mean {guess!r}?" if guess else f"options: {', '.join(now)}",
                )
        return Gate(self.suite, **{**now, **options})

    def __call__(self, value: Any) -> Any:
        """Check ``value`` and return what may pass; in a workflow that is being traced, make a node of it.

        Returns:
            The value itself, or its clean rows in the same type.

        Raises:
            GateBlocked: The gate refuses to let the value through.
        """
        trace = getattr(type(value), "__dovetail_gate__", None)
        if trace is not None:
            return trace(value, self)
        result = self.evaluate(value, types=current_types())
        raise_for_decision(result.report)
        return result.value

    def evaluate(
        self,
        value: Any,
        *,
        types: TypeEngine,
        run_id: str | None = None,
        node_id: str = "",
        attempt: int = 1,
        dataset: dict[str, Any] | None = None,
        quarantine: Callable[[Any, dict[str, Any]], Artifact | None] | None = None,
        history: History | None = None,
        place: Callable[[str], Path] | None = None,
        rows_stay: bool = False,
    ) -> GateResult:
        """Check ``value`` and say what may be published; never raises because of what the data are.

        Args:
            value: A table of any type that converts to one that the suite's engine looks at.
            types: The type engine.
            run_id: The run, or None for a call in process.
            node_id: The node.
            attempt: 1 for the first.
            dataset: What is known of the dataset, for the report.
            quarantine: Called as ``quarantine(table, meta)`` with the failing rows (``pyarrow.Table``) before the clean
                rows are returned. It returns the artifact that it wrote; what it raises is raised here.
            history: Called as ``history(check_id)``; returns the values of the check in earlier runs, the newest first, or None.
            place: Called as ``place(suffix)``; returns a path where rows may be put that are too many to be held. What is let
                through may read them there. Default: temporary files that are gone when the process ends.
            rows_stay: Whoever asks sets the failing rows aside, where they are: none is read but those that the report shows, and
                ``labels`` of the result tells them. ``quarantine`` is not called.

        Raises:
            DefinitionError: No installed plugin evaluates the suite.
            EngineUnavailable: The library of the suite's engine is missing.
            PlatformError: Rows would be lost or doubled, or the quarantine could not be written.
        """
        where = Where(run_id, node_id, attempt, dataset, history, place, rows_stay=rows_stay)
        result = evaluate(self, value, types, where, quarantine)
        for reports in _collectors.get():
            reports.append(result.report)
        return result

    def check(self, types: TypeEngine, annotation: Any = None) -> SuiteInfo:
        """Look at the gate at its definition: is there an engine for the suite, and do values of the annotation convert?

        Args:
            types: The type engine.
            annotation: What the gate stands behind; None where that is not known.

        Returns:
            What is known of the suite without data.

        Raises:
            DefinitionError: No engine knows the suite, or the engine refuses it.
            ConversionError: No frame that the engine looks at can be made from the annotated type.
            EngineUnavailable: The library of the suite's engine is missing.
        """
        catalogue = catalogue_of(types)
        engine = load_engine(find_spec(self.suite, catalogue), catalogue)
        info = engine.describe(self.suite)
        if annotation is not None:
            convertible(types, annotation, engine.frames(self.suite), self.name)
        return info

    def fingerprint(self, types: TypeEngine | None = None) -> str:
        """Hash of checks and policy, equal in every process: part of the cache key of the node that it guards."""
        catalogue = catalogue_of(types or current_types())
        engine = load_engine(find_spec(self.suite, catalogue), catalogue)
        text = json.dumps([suite_version(engine, self.suite), self.policy.to_dict()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _as_suite(suite: Any) -> Any:
    if isinstance(suite, Check):
        return Suite(suite.info.name, [suite])
    if isinstance(suite, (list, tuple)):
        return tuple(suite) if suite and _is_foreign(suite) else Suite("checks", suite)
    if suite is None or isinstance(suite, (str, bytes, int, float, Mapping)):
        raise DefinitionError(
            f"a gate needs a suite of checks, not {suite!r}",
            fix="Gate(MyPanderaSchema), or Gate([not_null('a')]) with checks of dovetail.quality.checks",
        )
    return suite


def _is_foreign(items: Sequence[Any]) -> bool:
    """True for objects of another library, which are its check engine's to judge."""
    return not any(isinstance(item, Check) or type(item).__module__ == "builtins" for item in items)


@contextmanager
def collect_reports() -> Iterator[list[Report]]:
    """Collect the reports of all gates that are evaluated in this context, in order; also of those that block."""
    reports: list[Report] = []
    token = _collectors.set((*_collectors.get(), reports))
    try:
        yield reports
    finally:
        _collectors.reset(token)
