"""The suite for what every plugin owes the others: light to import, sane metadata, no side effects, nothing untested."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dovetail import plugins
from dovetail.errors import EngineUnavailable
from dovetail.spec import API_VERSION, Declaration, EnvironmentSpec, Manifest
from dovetail.testing import _children, _contracts, _environments, _metadata, _package
from dovetail.testing._base import Suite, check_names, fail
from dovetail.testing._harness import HubHarness
from dovetail.testing._marks import requires

CPU_LIMIT = 0.050
"""Seconds of CPU that importing a hook module may take over importing ``dovetail.spec``."""

HEAVY = ("duckdb", "numpy", "pandas", "polars", "pyarrow", "pydantic", "pyspark", "ray", "sqlalchemy")
"""Packages that no hook module may import, whatever the plugin is about."""

_KINDS = {
    "TaskTypeSpec": ("task_type", "name"),
    "TransformerSpec": ("type", "type"),
    "CheckEngineSpec": ("check_engine", "name"),
    "ExecutorSpec": ("executor", "name"),
    "ArtifactStoreSpec": ("artifact_store", "name"),
    "SecretProviderSpec": ("secret", "name"),
    "CommandSpec": ("command", "name"),
    "EnvironmentSpec": ("environment", "name"),
}


def declared_as(declaration: Declaration) -> str:
    """How suites and gaps name a declaration: ``"task_type.sql"``, ``"type.polars.DataFrame"``, ``"command.fly"``."""
    kind, attribute = _KINDS[type(declaration).__name__]
    return f"{kind}.{getattr(declaration, attribute)}"


class PluginSuite(Suite):
    """Hygiene of a plugin: subclass it once per hook module, beside the suites of what the module declares.

    A gap may also be stated for a declaration that no suite covers, by its name: ``"command.fly": never("...")``.

    Attributes:
        engine_modules: Import names of the engine's packages: the hook module must do without them, and only the extra
            ``engine`` may require what brings them.
        suites: Suite classes in other modules that cover declarations of this plugin.
    """

    engine_modules: ClassVar[tuple[str, ...]] = ()
    suites: ClassVar[Sequence[type[Suite]]] = ()

    @classmethod
    def takes_gap(cls, name: str) -> bool:
        """Capabilities, and names of declarations."""
        return super().takes_gap(name) or name.partition(".")[0] in {kind for kind, _ in _KINDS.values()}

    def make_errors(self) -> Iterable[BaseException]:
        """Instances of exception classes of the plugin that cannot be made from one text."""
        return ()

    # -- importing ----------------------------------------------------------------------------

    def test_its_engines_are_named(self, hub: HubHarness) -> None:
        """What the declarations name as engine, or whose types they are about, stands in ``engine_modules``."""
        own = {self.plugin.partition(".")[0], "dovetail", "pyarrow", *sys.stdlib_module_names}
        missing = set()
        for declaration in self._manifest(hub).declarations:
            engine, named = getattr(declaration, "engine", None), str(getattr(declaration, "type", ""))
            if engine:
                missing.add(engine.partition(".")[0])
            if "." in named and named.partition(".")[0] not in own:
                missing.add(named.partition(".")[0])
        missing -= set(self.engine_modules)
        if missing:
            names = ", ".join(f'"{name}"' for name in sorted({*self.engine_modules, *missing}))
            fail(
                f"{self.plugin} is about {', '.join(sorted(missing))}, and engine_modules does not say so",
                why="the checks that it does without its engine hide what is named there",
                fix=f"engine_modules = ({names},)",
            )

    def test_the_hook_module_is_imported_without_its_engine(self) -> None:
        """And its hooks declare without it: the catalogue is built where no engine is installed."""
        hidden = self._engines()
        error = _children.import_report(self.plugin, hidden)["error"]
        if error:
            fail(
                f"{self.plugin} cannot be imported and asked what it declares where {', '.join(hidden)} are not installed",
                why=error.strip(),
                fix="name code and types by string in the declarations, and import the engine inside functions",
            )

    def test_the_hook_module_imports_nothing_heavy(self) -> None:
        """Not even where it is installed: who does not use the plugin must not pay for it."""
        report = self._imported()
        loaded = {name.partition(".")[0] for name in report["loaded"]} & set(self._engines())
        if loaded:
            fail(
                f"importing {self.plugin}, or asking it what it declares, imports {', '.join(sorted(loaded))}",
                why="every process that builds a catalogue imports the hook module",
                fix="import it inside the functions that need it; look also at the __init__.py of the package",
            )

    def test_the_hook_module_is_imported_quickly(self) -> None:
        """At most 50 ms of CPU over importing ``dovetail.spec``, hooks included; the best of up to five processes counts."""
        best, loaded = float("inf"), []
        for _ in range(5):
            report = _children.import_report(self.plugin, ())
            if report["cpu"] < best:
                best, loaded = report["cpu"], report["loaded"]
            if best <= CPU_LIMIT:
                return
        fail(
            f"importing {self.plugin} and collecting from it takes {best * 1e3:.0f} ms of CPU; it may take {CPU_LIMIT * 1e3:.0f}",
            why=f"it imports {len(loaded)} modules, {_heaviest(loaded)}",
            fix=f"see python -X importtime -c 'import {self.plugin}'",
        )

    def test_importing_has_no_side_effect(self) -> None:
        """Nor has declaring: no thread, socket, variable, signal or log handler, path or filter; the core stays as it is."""
        self._imported()
        changes = _children.import_report(self.plugin, (), core=True)["changes"]
        if changes:
            fail(
                f"importing {self.plugin}, or asking it what it declares, changes the process: " + "; ".join(changes),
                why="it is imported in every process that uses dovetail, for this plugin or for another",
                fix="do it when the plugin is used: in TaskType.open(), or in execute()",
            )

    # -- the distribution ---------------------------------------------------------------------

    @requires("packaged")
    def test_an_entry_point_names_the_hook_module(self) -> None:
        """In the group ``dovetail.plugins``, once."""
        _metadata.check_entry_point(self.plugin)

    @requires("packaged")
    def test_the_metadata_are_sane(self) -> None:
        """A version, a summary, Python versions, a bound on dovetail; the engine in the extra ``engine`` alone."""
        _metadata.check(_metadata.distribution_of(self.plugin), self.engine_modules)

    @requires("packaged")
    def test_install_hints_name_the_distribution(self, hub: HubHarness) -> None:
        """Whoever lacks the engine is told a line that brings it."""
        _metadata.check_install_hints(self.plugin, self._manifest(hub).declarations, self.engine_modules)

    @requires("packaged", "manifest")
    def test_the_shipped_manifest_is_current(self) -> None:
        """What the plugin ships beside its hook module is what the module declares."""
        problem = plugins.manifest_difference(self.plugin)
        if problem:
            fail(
                f"the manifest that {self.plugin} ships is not current",
                why=str(problem),
                fix=f"dovetail plugins manifest {self.plugin}",
            )

    # -- the declarations ---------------------------------------------------------------------

    def test_it_states_the_hook_api(self) -> None:
        """``DOVETAIL_API`` is a whole number, that of this dovetail."""
        module = _package.module(self.plugin)
        stated = getattr(module, "DOVETAIL_API", None)
        if stated != API_VERSION or isinstance(stated, bool):
            fail(
                f"{self.plugin} states the hook API {stated!r}, this dovetail has {API_VERSION}",
                fix=f"write DOVETAIL_API = {API_VERSION} in {self.plugin}",
            )

    def test_it_works_alone(self, hub: HubHarness) -> None:
        """In a catalogue that holds the core and this plugin, nothing is skipped, contested or taken from the core."""
        manifest = self._manifest(hub)
        if not manifest.declarations and not _package.listens(self.plugin):
            fail(f"{self.plugin} declares nothing", fix="implement a hook, marked with @dovetail.spec.hookimpl")
        problems = [found for found in plugins.diagnose(hub.catalogue) if not found.problem.startswith("engine ")]
        if problems:
            first = problems[0]
            fail(f"{first.plugin}: {first.problem}: {first.reason}", fix=first.fix)

    def test_what_is_declared_is_there(self, hub: HubHarness) -> None:
        """Every ``code`` and ``config`` is importable, of the right kind, and agrees with what is declared."""
        problems, missing = [], []
        for declaration in self._manifest(hub).declarations:
            for part in (declaration, *getattr(declaration, "converters", ()), *getattr(declaration, "codecs", ())):
                if not hasattr(part, "code"):
                    continue
                try:
                    problems += _contracts.problems_of(part, hub.catalogue)
                except EngineUnavailable as error:
                    missing.append(str(error))
        if problems:
            fail("what is declared is not there, or is something else:\n  - " + "\n  - ".join(problems))
        if missing:
            pytest.skip(missing[0])

    def test_its_environments_are_as_declared(self, hub: HubHarness) -> None:
        """The extra is there and brings the engine, the versions of Python can be read, and something needs the engine.

        What the environment of a plugin that is not packaged holds is said in config.
        """
        declarations = self._manifest(hub).declarations
        specs = [each for each in declarations if isinstance(each, EnvironmentSpec)]
        found = _metadata.distribution_of(self.plugin) if specs else None
        problems = [p for each in specs if found for p in _environments.problems_of(each, declarations, found)]
        if problems:
            fail(
                "an environment is not as it is declared:\n  - " + "\n  - ".join(problems),
                why="where the engine is not installed, tasks run in what the declaration says",
            )

    def test_every_declaration_has_a_suite(self, request: pytest.FixtureRequest, hub: HubHarness) -> None:
        """A task type, type, check engine or executor that no suite tests is a promise that nobody checks."""
        declarations = self._manifest(hub).declarations  # environments are tested above
        declared = {declared_as(each) for each in declarations if not isinstance(each, EnvironmentSpec)}
        covered = self._covered(request)
        stated = {name for name in self.gaps if name.partition(".")[0] in {kind for kind, _ in _KINDS.values()}}
        for name in sorted(declared - covered - stated):
            fail(
                f"{self.plugin} declares {name}, and no suite of {sys.modules[type(self).__module__].__name__} tests it",
                fix=_advice(name, self.plugin),
            )
        for name in sorted(stated & covered):
            fail(f"{name} is covered by a suite", fix=f'take "{name}" out of gaps')
        for name in sorted(stated - declared):
            fail(f"gaps names {name}, which {self.plugin} does not declare", fix=f'take "{name}" out of gaps')

    # -- the package --------------------------------------------------------------------------

    def test_errors_survive_the_way_to_another_process(self) -> None:
        """Exceptions of the plugin are pickled and come back with all their parts."""
        problems = _package.pickling_problems(self.plugin, list(self.make_errors()))
        if problems:
            fail(
                "exceptions are lost between processes:\n  - " + "\n  - ".join(problems),
                why="tasks run in worker processes, and what they raise is pickled",
                fix="subclass one of dovetail.errors without an __init__, or write __reduce__; "
                "give instances in make_errors() where one text is not enough",
            )

    def test_settings_are_documented_and_safe(self, hub: HubHarness) -> None:
        """Config classes are frozen dataclasses that say what each field means and do not show secrets."""
        problems = [
            problem
            for declaration in self._manifest(hub).declarations
            if (code := getattr(declaration, "config", None))
            for problem in _package.config_problems(code)
        ]
        if problems:
            fail("settings that nobody can rely on:\n  - " + "\n  - ".join(problems))

    @requires("safe_loading")
    def test_nothing_runs_code_from_data(self) -> None:
        """No ``eval``, no ``pickle.load`` and the like in the package."""
        found = _package.unsafe_calls(self.plugin)
        if found:
            fail(
                "the package runs code that it is given: " + "; ".join(found),
                why="what is stored or received must not be able to run anything",
                fix="use JSON or Arrow; where there is no other way, state a gap for 'safe_loading' with the reason",
            )

    # -- inside -------------------------------------------------------------------------------

    def _engines(self) -> list[str]:
        own = self.plugin.partition(".")[0]
        return sorted({*self.engine_modules, *HEAVY} - {own})

    def _imported(self) -> dict[str, Any]:
        report = _imported_once(self.plugin)
        if report["error"]:
            fail(f"{self.plugin} cannot be imported", why=report["error"].strip())
        return report

    def _manifest(self, hub: HubHarness) -> Manifest:
        found = [manifest for manifest in hub.catalogue.manifests if manifest.module == self.plugin]
        if not found:
            fail(f"{self.plugin} is not in the catalogue", fix=f"dovetail plugins show {self.plugin}")
        return found[0]

    def _covered(self, request: pytest.FixtureRequest) -> set[str]:
        return {name for suite in self._suites(request) for name in suite.covers()}

    def _suites(self, request: pytest.FixtureRequest) -> Iterator[type[Suite]]:
        classes: list[str] = request.config.getini("python_classes")
        files: list[str] = request.config.getini("python_files")
        for found in (*vars(sys.modules[type(self).__module__]).values(), *self.suites):
            if not (isinstance(found, type) and issubclass(found, Suite)) or found.plugin != self.plugin:
                continue
            # One that pytest does not collect, that was switched off, or that has no test, tests nothing.
            file = Path(str(getattr(sys.modules.get(found.__module__), "__file__", None) or "test_.py"))
            if not (_collected(found.__name__, classes) and any(file.match(pattern) for pattern in files)):
                continue
            if not inspect.isabstract(found) and any(callable(getattr(found, name)) for name in check_names(found)):
                yield found


def _collected(name: str, patterns: Sequence[str]) -> bool:
    import fnmatch

    return any(name.startswith(pattern) or fnmatch.fnmatch(name, pattern) for pattern in patterns)


@cache
def _imported_once(module: str) -> dict[str, Any]:
    return _children.import_report(module, ())


def _heaviest(modules: Iterable[str]) -> str:
    """Packages by the number of their modules; those that were installed come before those of Python."""
    sizes = Counter(name.partition(".")[0] for name in modules)
    order = sorted(sizes, key=lambda name: (name in sys.stdlib_module_names, -sizes[name], name))
    return "most of all " + ", ".join(f"{name} ({sizes[name]})" for name in order[:6])


def _advice(name: str, plugin: str) -> str:
    kind, _, own = name.partition(".")
    known = {
        "task_type": ("TaskTypeSuite", "task_type"),
        "type": ("TransformerSuite", "type"),
        "check_engine": ("CheckEngineSuite", "engine"),
        "executor": ("ExecutorSuite", "executor"),
    }
    if kind not in known:
        return f'test it, and say so: gaps = {{"{name}": never("tests/... tests it")}}'
    suite, attribute = known[kind]
    return f'class Test...({suite}): plugin = "{plugin}"; {attribute} = "{own}"'
