"""The suites for what lives in an environment: the engine is not in the hub, and work and values cross to it and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dovetail.config import Settings
from dovetail.engine import Placement
from dovetail.engine import requests as environment_requests
from dovetail.env import isolated_pools
from dovetail.errors import listing, nearest
from dovetail.graph import Task, task
from dovetail.plugins import Need, need_of
from dovetail.spec import Declaration
from dovetail.testing import _harness, _isolated_tasks
from dovetail.testing._base import Suite, fail
from dovetail.testing._harness import HubHarness
from dovetail.testing._isolated_home import hidden, imported, left_running, marked
from dovetail.testing._leaks import KEPT_BY_PYTHON
from dovetail.testing._work import around

if TYPE_CHECKING:
    from dovetail.env.build import Environment
    from dovetail.store import NodeRecord


class IsolatedSuite(Suite):
    """Base of the suites of what lives in an environment; a plugin's tests subclass one of those, not this.

    The environment is built where it is missing, which takes an index, or uv's cache. While a test runs, the engine cannot be
    imported in the hub, whether it is installed there or not. Workers stay warm from test to test.

    Attributes:
        environment: Name of the environment, as the plugin declares it, or as ``settings["envs"]`` has it: then the plugin
            may be installed there alone.
    """

    environment: ClassVar[str] = ""

    # -- the suites' own -----------------------------------------------------------------------

    _home: Any = None
    _engines: Any = ()
    _own_settings: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture
    def hub(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HubHarness]:
        """A hub that does not have the engine, with exactly the plugins that the class names."""
        suite = request.node.getparent(pytest.Class)
        if suite is not None:  # workers are kept for all tests of the class, and end with it
            suite.addfinalizer(isolated_pools().close)
        with self._opened(tmp_path / "hub") as hub:
            yield hub

    @contextmanager
    def _opened(self, home: Path) -> Iterator[HubHarness]:
        with ExitStack() as stack:
            stack.enter_context(marked())
            if find_spec(self.plugin.partition(".")[0]) is None:  # it is known once the environment is built
                made = Settings(home.parent, home=home, **self.settings)
                self._home = _synced(made, None, self.environment)
            settings = {**self.settings, **self._own_settings}
            may_leave = {**self.may_leave, "*/bin/python* -P -s *": "workers stay warm from run to run"}
            hub = stack.enter_context(
                HubHarness(self.plugin, *self.with_plugins, home=home, may_leave=may_leave, **settings)
            )
            needs = self._needs(hub)
            self._home = _synced(hub.settings, hub, self.environment)
            self._engines = sorted({need.spec.engine.partition(".")[0] for _, need in needs if need.spec is not None})
            stack.enter_context(hidden(self._engines, self._users(declared for declared, _ in needs)))
            yield hub

    def _users(self, declared: Iterable[Declaration]) -> set[str]:
        """Modules of the plugin that may have imported the engine."""
        modules = {str(getattr(each, "code", "")).partition(":")[0] for each in declared} - {self.plugin}
        package = self.plugin.partition(".")[0]
        return modules if package == self.plugin else {*modules, package}

    def _needs(self, hub: HubHarness) -> list[tuple[Declaration, Need]]:
        """What the plugin declares that needs the environment."""
        catalogue = hub.catalogue
        kinds = (catalogue.task_types(), catalogue.transformers(), catalogue.check_engines())
        declared: list[Declaration] = [each for kind in kinds for each in kind.values()]
        found = [(each, need) for each in dict.fromkeys(declared) if (need := need_of(each, catalogue)) is not None]
        own = [(each, need) for each, need in found if need.owner.module == self.plugin]
        fitting = [(each, need) for each, need in own if need.environment == self.environment]
        if not fitting:
            names = sorted({need.environment for _, need in own})
            close = nearest(self.environment, names)
            fail(
                f"nothing that {self.plugin} declares needs an environment {self.environment!r}",
                why=f"what it declares needs {listing(names)}"
                if names
                else "it declares no environment for its engine",
                fix=f'environment = "{close}"'
                if close
                else "declare it in dovetail_environments, with the engine's name",
            )
        return fitting

    def _placed(self, hub: HubHarness, made: Task[..., Any]) -> None:
        place = Placement(hub.settings, hub.catalogue).decide(made, made.defaults).place
        if not place.isolated or place.environment != self.environment:
            where = f"in environment {place.environment}" if place.isolated else "in the hub's process"
            fail(f"task {made.name!r} is run {where}, not in {self.environment}", why=place.reason)

    def _was_there(self, nodes: dict[str, NodeRecord]) -> None:
        for name, node in nodes.items():
            found = (node.info.get("place") or {}).get("environment")
            if found != self.environment:
                fail(f"node {name!r} was run in {found or 'the process of the hub'}, not in {self.environment}")

    def _python_task(self, function: Callable[..., Any], output: Any, **options: Any) -> Task[..., Any]:
        """A function of the suites that runs in the environment."""
        return task(env=self.environment, **options)(_annotated(function, str, output))

    # -- what is the same for all engines ------------------------------------------------------

    def test_the_engine_is_there_and_not_here(self, hub: HubHarness) -> None:
        """It can be imported in a worker, with what it needs; and nothing that runs there imports it in the hub."""
        about = self._python_task(_isolated_tasks.about, dict[str, Any])
        for engine in self._engines or [self.plugin]:
            told = about(engine)
            if told["problem"]:
                fail(
                    f"{engine} cannot be imported in environment {self.environment}: {told['problem']}",
                    fix="let the extra of the plugin's distribution bring it, with what it needs",
                )
            if told["prefix"] != os.path.realpath(self._home.path):
                fail(f"a task of the environment ran in {told['prefix']}, not in {self._home.path}")
        found = imported(self._engines or [self.plugin.partition(".")[0]])
        if found:
            fail(f"the hub has imported {listing(found)}", why="where it is not installed, that is an error")

    def test_a_worker_that_is_killed_is_replaced(self, hub: HubHarness, tmp_path: Path) -> None:
        """In the middle of its work: the node is tried again, in another worker, and the run succeeds."""
        dies = self._python_task(_isolated_tasks.die_once, list[int], retries=1, retry_delay=0)
        note = str(tmp_path / "killed")
        result = hub.run(around(dies, {"note": note}), note=note)
        killed, other = result.value
        (node,) = hub.nodes(result).values()
        if killed == other or node.attempt != 2:
            fail(f"processes {killed} and {other} did the work in {node.attempt} attempts", why="one was killed")
        self._was_there(hub.nodes(result))

    def test_nothing_is_left_when_workers_end(self, hub: HubHarness) -> None:
        """No process that they have started, no file on the bridge; one that was killed leaves nothing either."""
        about = self._python_task(_isolated_tasks.about, dict[str, Any])
        for engine in self._engines or [self.plugin]:
            about(engine)
        roots = [Path(root) for root in isolated_pools().bridge(hub.settings.home).place["roots"].values()]
        isolated_pools().close()
        found = left_running((*KEPT_BY_PYTHON, *self.may_leave), _harness.GRACE)
        found += [f"file {path}" for root in roots for path in sorted(root.rglob("*"))]
        if found:
            fail(
                f"the workers have ended, and this is still there: {'; '.join(found)}",
                why="whoever is killed leaves it behind, and so does every run",
                fix="let what the engine starts end with the process that started it; or name it in may_leave",
            )


def _annotated(function: Callable[..., Any], given: Any, output: Any) -> Callable[..., Any]:
    """A function of one argument with these types; the function itself, which a worker finds by its name."""
    (name,) = function.__code__.co_varnames[: function.__code__.co_argcount]
    function.__annotations__ = {name: given, "return": output}
    return function


def _synced(settings: Settings, hub: HubHarness | None, name: str) -> Environment:
    from dovetail.env.build import Environments

    environments = Environments(settings)
    request = environments.request(name) if hub is None else environment_requests(settings, hub.catalogue)[name]
    return environments.sync(request)
