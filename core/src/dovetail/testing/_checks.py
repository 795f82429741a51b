"""The suite of check engines: the shared truth table, and what makes a gate able to trust an engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dovetail.errors import ConversionError, UnknownType, listing, nearest
from dovetail.quality import Gate
from dovetail.quality import Suite as NativeSuite
from dovetail.spec import CheckEngine, CheckEngineSpec, CheckOutcome, SuiteInfo, TypeRef
from dovetail.testing import _checks_laws as laws
from dovetail.testing._base import Suite, declared_spec, fail
from dovetail.testing._child import in_child, where_defined
from dovetail.testing._marks import requires
from dovetail.testing._truth import EXPECTED, SHAPES, TRUTH_CHECKS, TruthCheck, shape_table

if TYPE_CHECKING:
    from dovetail.plugins import Catalogue
    from dovetail.testing._harness import HubHarness

_CHILD = "dovetail.testing._checks_child"


class CheckEngineSuite(Suite):
    """What every check engine keeps: twelve checks on eight shapes of data give the counts of the truth table.

    Subclass it at the top of a test module, once per kind of frame that the engine looks at, and translate the twelve checks
    (:data:`~dovetail.testing.TRUTH_CHECKS`) to suites of the library. A check that the library cannot express is a gap:
    ``gaps = {"check.compare": never("the library looks at one column at a time", raises=NotImplementedError)}``; a single
    cell of the table is ``"check.compare.nan"``.

    Attributes:
        engine: Name of the engine: ``"pandera"``.
        frames: Type names of the frames that the suites look at, all of them: ``("polars.DataFrame",)``.
    """

    engine: ClassVar[str] = ""
    frames: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for gap in cls.gaps:
            kind, _, rest = gap.partition(".")
            name, _, shape = rest.partition(".")
            if kind in ("check", "columns") and (name not in TRUTH_CHECKS or (shape and shape not in SHAPES)):
                wrong, known = (shape, SHAPES) if name in TRUTH_CHECKS else (name, TRUTH_CHECKS)
                close = nearest(wrong, known)
                advice = f"; did you mean {gap.replace(wrong, close)!r}?" if close else ""
                raise TypeError(f"{cls.__name__}.gaps: there is no {gap!r}{advice}")

    # -- what the author says ------------------------------------------------------------------

    def suite_for(self, check: TruthCheck) -> Any:
        """A suite of the library that makes this one check, from ``check.name``, ``check.columns`` and ``check.params``."""
        raise NotImplementedError(f"{type(self).__name__}.suite_for() does not know the check {check.name!r}")

    def suite_for_all(self, checks: Sequence[TruthCheck]) -> Any:
        """One suite that makes several checks, in this order; None (the default) if a suite holds one check only."""
        return None

    def outcome_of(self, check: TruthCheck, outcomes: Sequence[CheckOutcome]) -> CheckOutcome:
        """Which outcome is that of the check, where the library adds some. Default: the one that is not of columns."""
        found = [
            outcome
            for outcome in outcomes
            if len(outcomes) == 1 or (outcome.check.kind == "column_exists") == (check.kind == "column_exists")
        ]
        if len(found) != 1:
            ids = [outcome.check.id for outcome in outcomes]
            fail(f"{len(found)} of the outcomes {ids} may be that of {check.name!r}", fix="override outcome_of()")
        return found[0]

    def frame_of(self, hub: HubHarness, frame: str, table: Any) -> Any:
        """An Arrow table as one of the frames. Default: by declared roads. Override it where a table has to be put somewhere."""
        return hub.types.convert(table, TypeRef(frame))

    @classmethod
    def covers(cls) -> set[str]:
        """The engine."""
        return {f"check_engine.{cls.engine}"}

    # -- the suite's own -----------------------------------------------------------------------

    def _spec(self, catalogue: Catalogue) -> CheckEngineSpec:
        """The declaration of the engine."""
        return declared_spec(catalogue.check_engines(), self, "check engine", "engine", "dovetail_check_engines")

    def _load(self, catalogue: Catalogue) -> CheckEngine:
        """The engine."""
        spec = self._spec(catalogue)
        made: Any = catalogue.load(spec.code, spec)
        if not (isinstance(made, type) and issubclass(made, CheckEngine)):
            fail(f"{spec.code} is no CheckEngine", fix="subclass dovetail.spec.CheckEngine")
        return made()

    def _known(self) -> list[TruthCheck]:
        """The checks that the library can express."""
        return [check for check in TRUTH_CHECKS.values() if f"check.{check.name}" not in self.gaps]

    def _looked_at(self, hub: HubHarness, suite: Any, table: Any) -> Iterator[tuple[str, Any]]:
        """A table as each of the frames that the suite looks at."""
        frames = self._load(hub.catalogue).frames(suite)
        if not frames:
            fail(f"the engine {self.engine!r} looks at no frame", fix="let frames() name the types that it can look at")
        for frame in frames:
            try:
                yield frame, self.frame_of(hub, frame, table)
            except (ConversionError, UnknownType) as error:
                fail(f"no way to make a {frame}: {error.what}", fix="name the plugin that knows it in with_plugins")

    def _evaluated(self, hub: HubHarness, suite: Any, value: Any, rows: int, what: str) -> list[CheckOutcome]:
        """The outcomes of a suite, each of them verified."""
        try:
            outcomes = self._load(hub.catalogue).evaluate(suite, value)
        except Exception as error:
            fail(
                f"{what}: evaluate() raised {type(error).__name__}: {error}",
                why="one check that cannot be evaluated would hide what the others found",
                fix='give an outcome of status "error" with the reason in message',
            )
        if not isinstance(outcomes, list) or not outcomes:
            fail(f"{what}: evaluate() gave {outcomes!r}", fix="give a list with an outcome per check")
        for outcome in outcomes:
            laws.verify_outcome(outcome, rows, what)
        return outcomes

    def _digest(self, hub: HubHarness, value: Any) -> str:
        """What a frame holds."""
        return hub.types.content_hash(value)

    # -- contract ------------------------------------------------------------------------------

    def test_contract(self, hub: HubHarness) -> None:
        """The declaration, the engine and the suites agree with each other."""
        spec, engine = self._spec(hub.catalogue), self._load(hub.catalogue)
        if engine.name != self.engine:
            fail(f"{spec.code} calls itself {engine.name!r}", fix=f'name = "{self.engine}"')
        if not isinstance(engine.version(), str) or not engine.version():
            fail(f"the engine {self.engine!r} does not tell a version", fix="give that of the library")
        looked_at: set[str] = set()
        for check in self._known():
            suite = self.suite_for(check)
            classes = suite.__mro__ if isinstance(suite, type) else type(suite).__mro__
            names = {f"{cls.__module__}.{cls.__qualname__}" for cls in classes}
            if not names & set(spec.suites) and not (spec.native and isinstance(suite, NativeSuite)):
                fail(
                    f"a suite of type {type(suite).__name__} does not lead to the engine {self.engine!r}",
                    fix=f"suites=(..., {min(names - {'builtins.object'})!r}) in its declaration",
                )
            looked_at |= set(engine.frames(suite))
        if spec.native and not set(spec.native) <= looked_at:
            fail(f"native={spec.native} names frames that the engine does not look at", fix="name those of frames()")
        if looked_at != set(self.frames):
            fail(f"the suites look at {sorted(looked_at)}", fix=f"frames = {tuple(sorted(looked_at))!r}")

    @requires("install")
    def test_missing_library_names_what_to_type(self, hub: HubHarness) -> None:
        """Where the library is not installed, a gate's error holds the line that installs it."""
        spec = self._spec(hub.catalogue)
        if spec.engine is None or not spec.suites:
            return  # nothing has to be installed for it; without an engine for native suites, the core evaluates them
        if not spec.install:
            fail(
                f"{self.engine!r} does not say how to install {spec.engine}",
                fix="install=\"pip install '...[engine]'\"",
            )
        kind, text = in_child(
            f"{_CHILD}:without_library",
            plugins=[self.plugin, *self.with_plugins],
            suite_type=spec.suites[0],
            hidden=[spec.engine],
        )
        if kind != "EngineUnavailable" or spec.install not in text:
            fail(
                f"without {spec.engine}, a gate gives {kind or 'no error'}: {text}",
                why="the user must read what to type",
                fix=f'engine="{spec.engine}" and install= in the declaration of the engine',
            )

    # -- the truth table -----------------------------------------------------------------------

    @requires("check.{check}", "check.{check}.{shape}")
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("check", TRUTH_CHECKS)
    def test_counts(self, hub: HubHarness, check: str, shape: str) -> None:
        """The truth table: what is evaluated, what fails, and which rows, on every frame."""
        asked, expect = TRUTH_CHECKS[check], EXPECTED[check][shape]
        suite, table = self.suite_for(asked), shape_table(shape)
        for frame, value in self._looked_at(hub, suite, table):
            what = f"{check} on {shape}, as {frame}"
            outcomes = self._evaluated(hub, suite, value, table.num_rows, what)
            laws.compare(self.outcome_of(asked, outcomes), asked, expect, what)

    def test_counts_all_rows_of_a_large_table(self, hub: HubHarness) -> None:
        """All ordinals of 200,000 rows in several chunks, not a sample."""
        table = laws.large_table()
        for check in self._known():
            if check.name not in laws.LARGE_EXPECTED:
                continue
            suite = self.suite_for(check)
            for frame, value in self._looked_at(hub, suite, table):
                what = f"{check.name} on {table.num_rows:,} rows, as {frame}"
                outcomes = self._evaluated(hub, suite, value, table.num_rows, what)
                laws.compare(self.outcome_of(check, outcomes), check, laws.LARGE_EXPECTED[check.name], what)

    # -- what cannot be evaluated --------------------------------------------------------------

    def test_a_missing_column_is_an_error_that_blocks(self, hub: HubHarness) -> None:
        """Status `error` with a message instead of an exception, and a gate blocks."""
        for check in self._known():
            if not check.columns or check.kind == "column_exists":
                continue
            suite, table = self.suite_for(check), shape_table("time_zones").drop_columns([check.columns[0]])
            self._must_be_error(hub, check, suite, table, f"{check.name} without the column {check.columns[0]!r}")

    def test_a_column_of_the_wrong_kind_is_an_error_that_blocks(self, hub: HubHarness) -> None:
        """A range on a column of text."""
        import pyarrow as pa

        for check in self._known():
            if check.name != "in_range":
                continue
            table = shape_table("time_zones")
            position = table.column_names.index(check.columns[0])
            wrong = table.set_column(position, check.columns[0], pa.array(["text"] * table.num_rows))
            self._must_be_error(hub, check, self.suite_for(check), wrong, f"{check.name} on a column of text")

    def _must_be_error(self, hub: HubHarness, check: TruthCheck, suite: Any, table: Any, what: str) -> None:
        for frame, value in self._looked_at(hub, suite, table):
            outcomes = self._evaluated(hub, suite, value, table.num_rows, f"{what}, as {frame}")
            outcome = self.outcome_of(check, outcomes)
            if outcome.status != "error":
                fail(
                    f"{what}, as {frame}: status {outcome.status!r}, {outcome.n_failed} failures",
                    why="what could not be evaluated must not pass for evaluated",
                    fix='status "error" with the reason in message',
                )
            report = Gate(suite, on_fail="warn").evaluate(value, types=hub.types).report
            if report.decision != "block":
                fail(f"{what}, as {frame}: a gate decides {report.decision!r}", why="it blocks what it cannot judge")

    # -- what is told of a suite ---------------------------------------------------------------

    def test_is_described_without_data(self, hub: HubHarness) -> None:
        """Ids differ from each other; an outcome per check in that order, whatever the data."""
        engine = self._load(hub.catalogue)
        suites = [self.suite_for(check) for check in self._known()]
        together = self.suite_for_all(self._known())
        for suite in [*suites, *([] if together is None else [together])]:
            info = engine.describe(suite)
            if not isinstance(info, SuiteInfo) or not info.checks:
                fail(f"describe() gave {info!r}", fix="give a dovetail.spec.SuiteInfo with the checks")
            ids = [check.id for check in info.checks]
            if len(set(ids)) != len(ids):
                fail(f"describe() gives one id to several checks: {ids}", why="thresholds and history go by the id")
            for shape in SHAPES:
                table = shape_table(shape)
                for frame, value in self._looked_at(hub, suite, table):
                    outcomes = self._evaluated(hub, suite, value, table.num_rows, f"{info.name} on {shape}, as {frame}")
                    found = [outcome.check.id for outcome in outcomes]
                    if found != ids:
                        fail(
                            f"describe() tells of {ids}, evaluate() gave {found} on {shape}",
                            why="thresholds and history go by the id, and reports by the order",
                            fix="an outcome per check, in the order of describe(), whatever the data",
                        )

    @requires("check.{check}", "columns.{check}")
    @pytest.mark.parametrize("check", TRUTH_CHECKS)
    def test_says_which_columns_it_reads(self, hub: HubHarness, check: str) -> None:
        """describe() of its suite names the columns of the check."""
        asked = TRUTH_CHECKS[check]
        infos = self._load(hub.catalogue).describe(self.suite_for(asked)).checks
        told = {column for info in infos for column in info.columns}
        if missing := sorted(set(asked.columns) - told):
            fail(
                f"describe() of {check} does not name the column {listing(missing)}, which it reads",
                why=f"reports and lineage go by CheckInfo.columns, which are {sorted(told)}",
                fix="CheckInfo(..., columns=(...)) with each column that the check reads; where the library does not tell: "
                f'gaps = {{"columns.{check}": never("...")}}',
            )

    def test_ids_and_fingerprints_are_the_same_in_other_processes(self, hub: HubHarness) -> None:
        """With other hash seeds."""
        engine = self._load(hub.catalogue)
        file, name = where_defined(type(self))
        here = {}
        for check in self._known():
            suite = self.suite_for(check)
            here[check.name] = [[info.id for info in engine.describe(suite).checks], engine.fingerprint(suite)]
        for seed in (1, 2):
            there = in_child(f"{_CHILD}:told_of_suites", seed=seed, file=file, name=name, checks=list(here))
            for check_name, told in here.items():
                for what, mine, other in zip(("ids", "fingerprint"), told, there[check_name], strict=True):
                    if mine != other:
                        fail(
                            f"{what} of {check_name} differ by process: {mine} and {other}",
                            why="caches and history go by them",
                            fix="leave out hash(), id(), addresses and the order of sets",
                        )

    def test_fingerprints_tell_suites_apart(self, hub: HubHarness) -> None:
        """Equal suites have equal ones; other parameters or columns have others."""
        engine = self._load(hub.catalogue)
        for check in self._known():
            same, other = self.suite_for(check), self.suite_for(check.varied())
            if engine.fingerprint(self.suite_for(check)) != engine.fingerprint(same):
                fail(f"two equal suites of {check.name} have different fingerprints", why="no cache would ever hit")
            if engine.fingerprint(same) == engine.fingerprint(other):
                fail(
                    f"{check.name} with {dict(check.other)} has the same fingerprint",
                    why="a result that was cached for one suite would be taken for the other",
                    fix="fingerprint() holds all parameters; suite_for() takes them from check.columns and check.params",
                )

    # -- what evaluation leaves alone ----------------------------------------------------------

    def test_evaluation_changes_nothing(self, hub: HubHarness) -> None:
        """The frame holds afterwards what it held before."""
        for check in self._known():
            suite = self.suite_for(check)
            for shape in SHAPES:
                for frame, value in self._looked_at(hub, suite, shape_table(shape)):
                    before = self._digest(hub, value)
                    self._load(hub.catalogue).evaluate(suite, value)
                    if self._digest(hub, value) != before:
                        fail(
                            f"{check.name} on {shape} changed the {frame}", why="what was checked is what is published"
                        )

    def test_two_threads_evaluate_one_suite(self, hub: HubHarness) -> None:
        """And find what one finds."""
        engine = self._load(hub.catalogue)
        for check in self._known():
            suite = self.suite_for(check)
            for frame, value in self._looked_at(hub, suite, shape_table("nulls")):
                alone = _counts(engine.evaluate(suite, value))
                start, found = threading.Barrier(2), list[Any]()

                def work(suite: Any = suite, value: Any = value, start: Any = start, found: Any = found) -> None:
                    start.wait()
                    try:
                        found.extend(_counts(engine.evaluate(suite, value)) for _ in range(5))
                    except Exception as error:  # of the engine: the main thread tells it
                        found.append(f"{type(error).__name__}: {error}")

                threads = [threading.Thread(target=work) for _ in range(2)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                if found != [alone] * 10:
                    odd = next((counts for counts in found if counts != alone), "fewer outcomes")
                    fail(
                        f"{check.name}: two threads find something else than one, as {frame}: {odd}",
                        why="the gates of a run are evaluated in several threads",
                        fix="keep nothing of an evaluation in the engine or the suite",
                    )


def _counts(outcomes: list[CheckOutcome]) -> list[Any]:
    return [(o.check.id, o.status, o.n_evaluated, o.n_failed, o.n_keys, laws.ordinals(o)) for o in outcomes]
