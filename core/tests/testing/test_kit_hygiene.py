"""Every check of PluginSuite passes for a good plugin, and catches the plugin that breaks exactly that."""

# ruff: noqa: E501  (a defect is a line of the table)

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from dovetail.errors import DovetailError
from dovetail.plugins import write_shipped_manifest
from dovetail.testing import HubHarness, PluginSuite, Suite, TaskTypeSuite, never

COLOURS = Path(__file__).with_name("kit_samples") / "colours"
"""A plugin whose engine is `colorsys`, a module that Python has and nothing else imports. PKG stands for its name."""
_NUMBERS = itertools.count()
Make = Callable[..., type[PluginSuite]]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes the plugin, with changes ``(file, old, new)``, and gives a suite for it."""
    made: list[str] = []

    def write(*changes: tuple[str, str, str], **attributes: Any) -> type[PluginSuite]:
        package = f"kitcase{next(_NUMBERS)}"
        made.append(package)
        files = {
            str(p.relative_to(COLOURS)): p.read_text() for p in COLOURS.rglob("*") if p.is_file() and p.suffix != ".pyc"
        }
        for name, old, new in changes:
            assert old in files.setdefault(name, ""), f"{name} does not hold {old!r}"
            files[name] = files[name].replace(old, new, 1) if old else new + files[name]
        for name, text in files.items():
            path = tmp_path / "site" / name.replace("PKG", package)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("PKG", package), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path / "site")
        importlib.invalidate_caches()
        attributes = {name: _named(value, package) for name, value in attributes.items()}
        return type("TestPlugin", (PluginSuite,), SUITE | {"plugin": f"{package}.plugin", **attributes})

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] in made]:
        del sys.modules[name]


SUITE = {"engine_modules": ("colorsys",), "__module__": __name__}


def _named(value: Any, package: str) -> Any:
    if isinstance(value, dict):
        return {name.replace("PKG", package): gap for name, gap in value.items()}
    return value(package) if callable(value) and not isinstance(value, type) else value


def run(suite: type[PluginSuite], check: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """One check, called as pytest would."""
    method = getattr(suite(), check)
    names = method.__code__.co_varnames[1 : method.__code__.co_argcount]
    with ExitStack() as stack:
        given: dict[str, Any] = {"request": request}
        if "hub" in names:
            given["hub"] = stack.enter_context(HubHarness(suite.plugin, home=tmp_path / "hub"))
        method(**{name: given[name] for name in names})


CHECKS = sorted(name for name in vars(PluginSuite) if name.startswith("test"))
COVERED = {
    "gaps": {
        "command.PKG": never("it is tested elsewhere"),
        "task_type.PKG": never("no suite in this file"),
        "type.PKG.types.Rgb": never("no suite in this file"),
    }
}


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_plugin_passes(check: str, make: Make, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    suite = make(**COVERED)
    if check == "test_the_shipped_manifest_is_current":
        write_shipped_manifest(suite.plugin)
    run(suite, check, tmp_path, request)


HOOKS, TASK, TYPES, CONFIG, ERRORS = (f"PKG/{name}.py" for name in ("plugin", "task", "types", "config", "errors"))
METADATA, POINTS = "PKG-1.2.dist-info/METADATA", "PKG-1.2.dist-info/entry_points.txt"
LIGHT = "test_the_hook_module_is_imported_without_its_engine"
NOTHING = "test_the_hook_module_imports_nothing_heavy"
QUICK = "test_the_hook_module_is_imported_quickly"
SIDE = "test_importing_has_no_side_effect"
POINT = "test_an_entry_point_names_the_hook_module"
SANE = "test_the_metadata_are_sane"
HINTS = "test_install_hints_name_the_distribution"
API = "test_it_states_the_hook_api"
ALONE = "test_it_works_alone"
THERE = "test_what_is_declared_is_there"
PICKLED = "test_errors_survive_the_way_to_another_process"
SETTINGS = "test_settings_are_documented_and_safe"
SAFE = "test_nothing_runs_code_from_data"
MANIFEST = "test_the_shipped_manifest_is_current"

DEFECTS = [
    (LIGHT, (HOOKS, "", "import colorsys\n"), "cannot be imported and asked what it declares where .*colorsys"),
    (LIGHT, ("PKG/__init__.py", "", "import numpy\n"), "numpy"),
    (LIGHT, (HOOKS, "", "raise SystemExit(3)\n"), "SystemExit"),
    (LIGHT, (HOOKS, "", "import os; os._exit(7)\n"), "ended with code 7"),
    (NOTHING, (HOOKS, "", "try:\n    import colorsys\nexcept ImportError:\n    pass\n"), "imports colorsys"),
    (
        QUICK,
        (HOOKS, "", "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass\n"),
        "ms of CPU",
    ),
    (
        LIGHT,
        (HOOKS, "    return [CommandSpec", "    import colorsys\n    return [CommandSpec"),
        "asked what it declares",
    ),
    (
        NOTHING,
        (
            HOOKS,
            "    return [CommandSpec",
            "    try:\n        import colorsys\n    except ImportError:\n        pass\n    return [CommandSpec",
        ),
        "asking it what it declares, imports colorsys",
    ),
    (
        QUICK,
        (
            HOOKS,
            "    return [CommandSpec",
            "    import time\n    end = time.process_time() + 0.1\n    while time.process_time() < end: pass\n    return [CommandSpec",
        ),
        "ms of CPU",
    ),
    (
        SIDE,
        (
            HOOKS,
            "    return [CommandSpec",
            "    import dovetail.errors\n    dovetail.errors.nearest = print\n    return [CommandSpec",
        ),
        "names of dovetail itself: dovetail.errors.nearest",
    ),
    (SIDE, (HOOKS, "", "import dovetail.hub as hub; hub.Hub.run = print\n"), r"dovetail\.hub\._hub\.Hub\.run"),
    (SIDE, (HOOKS, "", "import os; os.environ['COLOURS'] = '1'\n"), "environment variables: COLOURS"),
    (
        SIDE,
        (HOOKS, "", "import threading as t; t.Thread(target=t.Event().wait, name='painter', daemon=True).start()\n"),
        "painter",
    ),
    (SIDE, (HOOKS, "", "import signal; signal.signal(signal.SIGUSR1, lambda *_: None)\n"), "SIGUSR1"),
    (SIDE, (HOOKS, "", "import logging; logging.basicConfig()\n"), "root logger"),
    (SIDE, (HOOKS, "", "import sys; sys.path.append('/colours')\n"), "sys.path: new /colours"),
    (SIDE, (HOOKS, "", "import sys; sys.meta_path.append(object())\n"), "import finders"),
    (SIDE, (HOOKS, "", "import warnings; warnings.simplefilter('ignore')\n"), "warning filters"),
    (SIDE, (HOOKS, "", "import os; os.chdir('/')\n"), "working directory"),
    (SIDE, (HOOKS, "", "import os; os.umask(0o11)\n"), "umask"),
    (SIDE, (HOOKS, "", "import socket; s = socket.socket()\n"), "sockets"),
    (SIDE, (HOOKS, "", "import sys; sys.excepthook = print\n"), "hooks of the interpreter"),
    (SIDE, (HOOKS, "", "import builtins; builtins.colour = 1\n"), "builtins: colour"),
    (SIDE, (HOOKS, "", "import dovetail.spec as s; s.TaskType.execute = lambda self, call: 1\n"), "TaskType.execute"),
    (SIDE, (HOOKS, "", "print('hello')\n"), "standard output: 'hello'"),
    (POINT, (POINTS, "PKG = PKG.plugin", "PKG = PKG.hooks"), "no installed distribution names"),
    (POINT, (POINTS, "PKG = PKG.plugin", "PKG = PKG.plugin\nother = PKG.plugin"), "named by 2 entry points"),
    (SANE, (METADATA, "Version: 1.2", "Version: latest"), "version is 'latest'"),
    (SANE, (METADATA, "Version: 1.2", "Version: 0.0.0"), "version is '0.0.0'"),
    (SANE, (METADATA, "Summary: Colours as tasks\n", ""), "no Summary"),
    (SANE, (METADATA, "Requires-Python: >=3.11\n", ""), "no Requires-Python"),
    (SANE, (METADATA, "Requires-Dist: dovetail==0.1.*\n", ""), "does not require dovetail"),
    (SANE, (METADATA, "dovetail==0.1.*", "dovetail>=0.1"), "no upper bound"),
    (SANE, (METADATA, 'colorsys>=1; extra == "engine"', "colorsys>=1"), "requires the engine colorsys always"),
    (SANE, (METADATA, 'Requires-Dist: colorsys>=1; extra == "engine"\n', ""), "no extra 'engine'"),
    (SANE, (METADATA, "colorsys>=1; extra", "paint>=1; extra"), "does not bring colorsys"),
    (HINTS, (HOOKS, "pip install 'PKG[engine]'", "pip install colorsys"), "does not install"),
    (HINTS, (HOOKS, "PKG[engine]", "PKG[all]"), "names the extra 'all'"),
    (HINTS, (HOOKS, "install=\"pip install 'PKG[engine]'\",", ""), "no install="),
    (
        MANIFEST,
        (
            "PKG/plugin.dovetail.json",
            "",
            '{"format": 1, "api": 1, "source": "0", "listens": false, "declarations": []}',
        ),
        "not current",
    ),
    (MANIFEST, (HOOKS, "", "# none\n"), "there is no plugin.dovetail.json"),
    (API, (HOOKS, "DOVETAIL_API = 1", "DOVETAIL_API = 2"), "states the hook API 2"),
    (API, (HOOKS, "DOVETAIL_API = 1", ""), "write DOVETAIL_API = 1"),
    (ALONE, (HOOKS, 'name="PKG",\n', 'name="python",\n'), "clash with core"),
    (ALONE, (HOOKS, "return [CommandSpec", "return [1 / 0, CommandSpec"), "division by zero"),
    (ALONE, (HOOKS, "@hookimpl\ndef dovetail_commands", "def dovetail_commands"), "not marked"),
    (THERE, (HOOKS, "PKG.task:Colour", "PKG.tusk:Colour"), "PKG.tusk:Colour"),
    (THERE, (HOOKS, "PKG.task:Colour", "PKG.task:Color"), "has no attribute"),
    (THERE, (HOOKS, "PKG.task:Colour", "PKG.types:Rgb"), "no subclass of dovetail.spec.TaskType"),
    (THERE, (TASK, 'name = "PKG"', 'name = "colour"'), "has name = 'colour', and is declared as"),
    (THERE, (TASK, "def execute", "def exec"), r"does not implement execute\(\)"),
    (
        THERE,
        (TASK, "def execute", "def __init__(self, depth): ...\n    def execute"),
        "cannot be made without arguments",
    ),
    (
        THERE,
        (CONFIG, '__dovetail_task_type__: ClassVar[str] = "PKG"', "x: ClassVar[int] = 1"),
        "says __dovetail_task_type__ = None",
    ),
    (THERE, (HOOKS, "PKG.config:ColourConfig", "PKG.config:Colours"), "PKG.config:Colours"),
    (THERE, (TYPES, 'type_name = "PKG.types.Rgb"', 'type_name = "Rgb"'), "has type_name = 'Rgb'"),
    (THERE, (TYPES, "def to_list(value)", "def to_list(value, depth)"), "cannot be called with one value"),
    (THERE, (TYPES, "def read(self, path)", "def load(self, path)"), r"has no method read\(\)"),
    (THERE, ("PKG/command.py", "@click.command()", ""), "no click.Command"),
    (
        PICKLED,
        (ERRORS, '"""No light."""', "def __init__(self, a, b): super().__init__(a)"),
        r"give an instance in make_errors\(\)",
    ),
    (
        PICKLED,
        (
            ERRORS,
            "class TooDark(PlatformError):",
            "class TooDark(Exception):\n    def __init__(self, a): super().__init__(f'dark {a}')",
        ),
        'says "dark dark',
    ),
    (
        PICKLED,
        (
            ERRORS,
            '"""No light."""',
            "def __init__(self, *a, **k):\n        super().__init__(*a, **k)\n        self.lamp = object()",
        ),
        "loses lamp",
    ),
    (
        PICKLED,
        (
            ERRORS,
            '"""No light."""',
            "def __init__(self, *a, **k):\n        super().__init__(*a, **k)\n        self.details['f'] = lambda: 1",
        ),
        "cannot be pickled",
    ),
    (SETTINGS, (CONFIG, "@dataclass(frozen=True)", "@dataclass"), "not frozen"),
    (SETTINGS, (CONFIG, "@dataclass(frozen=True)", ""), "no dataclass"),
    (SETTINGS, (CONFIG, "depth: Bits.", ""), "ColourConfig.depth is not described"),
    (SETTINGS, (CONFIG, 'field(default="", repr=False)', '""'), r"ColourConfig.token shows in repr\(\)"),
    (SETTINGS, (CONFIG, "depth: int = 8", "depth: frozenset[str] = frozenset()"), "unordered"),
    (SAFE, (TASK, "import colorsys\n", "eval('1')\n"), r"task.py:\d+ eval"),
    (SAFE, (TASK, "", "from pickle import loads\n"), "from pickle import loads"),
    (SAFE, (TASK, "import colorsys\n", "import yaml; yaml.load('')\n"), "yaml.load"),
    (SAFE, (TASK, "import colorsys\n", "import subprocess; subprocess.run('ls', shell=True)\n"), "shell=True"),
]


@pytest.mark.parametrize(("check", "change", "message"), DEFECTS, ids=[f"{d[0][5:]}-{d[2]}" for d in DEFECTS])
def test_a_plugin_that_breaks_this_is_caught(
    check: str,
    change: tuple[str, str, str],
    message: str,
    make: Make,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    suite = make(change, **COVERED)
    with pytest.raises((AssertionError, DovetailError), match=message.replace("PKG", suite.plugin.partition(".")[0])):
        run(suite, check, tmp_path, request)


def test_a_manifest_that_says_something_else_is_caught(
    make: Make, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    suite = make(**COVERED)
    path = write_shipped_manifest(suite.plugin)
    path.write_text(path.read_text().replace("[engine]", "[all]"))
    with pytest.raises(AssertionError, match="says something else"):
        run(suite, MANIFEST, tmp_path, request)


@pytest.mark.parametrize(
    ("change", "named"),
    [((HOOKS, "", ""), "colorsys"), ((HOOKS, 'type="PKG.types.Rgb"', 'type="paint.Rgb"'), "colorsys, paint")],
)
def test_an_engine_that_the_suite_does_not_name_is_caught(
    change: tuple[str, str, str], named: str, make: Make, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    suite = make(change, **COVERED, engine_modules=())
    with pytest.raises(AssertionError, match=f"is about {named}, and engine_modules does not say so"):
        run(suite, "test_its_engines_are_named", tmp_path, request)


def test_every_check_has_a_defect_that_it_catches() -> None:
    elsewhere = {"test_every_declaration_has_a_suite", "test_its_engines_are_named"}
    elsewhere.add("test_its_environments_are_as_declared")
    assert {check for check, _, _ in DEFECTS} | elsewhere == set(CHECKS)


class TestEveryDeclarationHasASuite:
    CHECK = "test_every_declaration_has_a_suite"

    @pytest.fixture
    def suites(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
        """Puts suite classes into a module of their own, which stands for the author's test file."""

        def put(*classes: type) -> ModuleType:
            module = ModuleType("kit_case_tests")
            monkeypatch.setitem(sys.modules, module.__name__, module)
            for cls in classes:
                cls.__module__ = module.__name__
                setattr(module, cls.__name__, cls)
            return module

        return put

    @pytest.mark.parametrize("name", ["command.PKG", "task_type.PKG", "type.PKG.types.Rgb"])
    def test_one_without_is_named(self, name: str, make: Make, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        suite = make(gaps={key: gap for key, gap in COVERED["gaps"].items() if key != name})
        own = name.replace("PKG", suite.plugin.partition(".")[0])
        with pytest.raises(AssertionError, match=f"declares {own}, and no suite"):
            run(suite, self.CHECK, tmp_path, request)

    def test_a_suite_covers_it(self, make: Make, suites: Any, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        suite = make(gaps={key: gap for key, gap in COVERED["gaps"].items() if not key.startswith("task")})
        package = suite.plugin.partition(".")[0]
        suites(suite, type("TestColour", (TaskTypeSuite,), {"plugin": suite.plugin, "task_type": package}))
        run(suite, self.CHECK, tmp_path, request)

    def test_a_suite_that_pytest_does_not_collect_covers_nothing(
        self, make: Make, suites: Any, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        suite = make(gaps={key: gap for key, gap in COVERED["gaps"].items() if not key.startswith("task")})
        package = suite.plugin.partition(".")[0]
        suites(suite, type("ColourConformance", (TaskTypeSuite,), {"plugin": suite.plugin, "task_type": package}))
        with pytest.raises(AssertionError, match="no suite"):
            run(suite, self.CHECK, tmp_path, request)

    def test_a_suite_without_a_test_covers_nothing(
        self, make: Make, suites: Any, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        suite = make(gaps={key: gap for key, gap in COVERED["gaps"].items() if not key.startswith("task")})
        package = suite.plugin.partition(".")[0]
        covers = classmethod(lambda cls: {f"task_type.{package}"})
        suites(suite, type("TestColour", (Suite,), {"plugin": suite.plugin, "covers": covers}))
        with pytest.raises(AssertionError, match="no suite"):
            run(suite, self.CHECK, tmp_path, request)

    def test_nor_does_one_in_a_file_that_pytest_does_not_collect(
        self, make: Make, suites: Any, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        suite = make(gaps={key: gap for key, gap in COVERED["gaps"].items() if not key.startswith("task")})
        package = suite.plugin.partition(".")[0]
        found = type("TestColour", (TaskTypeSuite,), {"plugin": suite.plugin, "task_type": package})
        suite.suites = (found,)
        module = suites(suite, found)
        module.__file__ = str(tmp_path / "test_colour.py")
        run(suite, self.CHECK, tmp_path, request)
        module.__file__ = str(tmp_path / "colour_suites.py")
        with pytest.raises(AssertionError, match="no suite"):
            run(suite, self.CHECK, tmp_path, request)

    def test_a_gap_for_what_is_covered_goes(
        self, make: Make, suites: Any, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        suite = make(**COVERED)
        package = suite.plugin.partition(".")[0]
        suites(suite, type("TestColour", (TaskTypeSuite,), {"plugin": suite.plugin, "task_type": package}))
        with pytest.raises(AssertionError, match=r"is covered by a suite[\s\S]*out of gaps"):
            run(suite, self.CHECK, tmp_path, request)

    def test_a_gap_for_what_is_not_declared_goes(
        self, make: Make, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        suite = make(gaps={**COVERED["gaps"], "executor.PKG": never("there is none")})
        with pytest.raises(AssertionError, match="does not declare"):
            run(suite, self.CHECK, tmp_path, request)


def test_errors_that_need_more_than_a_text_are_given_by_the_author(
    make: Make, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = "class TooDark(Exception):\n    def __init__(self, a, b): super().__init__(a, b)"
    suite = make((ERRORS, "class TooDark(PlatformError):", text))

    def make_errors(self: PluginSuite) -> list[BaseException]:
        module = importlib.import_module(self.plugin.replace(".plugin", ".errors"))
        return [module.TooDark(1, 2)]

    given = type("TestGiven", (suite,), {"make_errors": make_errors})
    run(given, PICKLED, tmp_path, request)
