"""Who may import whom. The contracts for import-linter are in the root pyproject; here is what they cannot say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

FLOORS = (
    ("errors",),
    ("spec",),
    ("config",),
    ("plugins",),
    ("types",),
    ("quality",),
    ("graph",),
    ("store",),
    ("env",),
    ("engine",),
    ("hub",),
    ("cli", "testing", "scaffold"),
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
TOP = len(FLOORS)  # the face of the package, dovetail/__init__.py and what lies beside it

# Third-party packages of core, and the only modules (with what is below them) that may import each.
PLACES = {
    "stevedore": ("dovetail.plugins",),
    "pluggy": ("dovetail.spec._hookspecs", "dovetail.plugins"),
    "pydantic": ("dovetail.types", "dovetail.config", "dovetail.graph", "dovetail.cli"),
    "pydantic_core": ("dovetail.types",),
    "sqlalchemy": ("dovetail.store",),
    "fsspec": ("dovetail.types.remote",),
    "cloudpickle": ("dovetail.env", "dovetail.engine"),
    "numpy": ("dovetail.types", "dovetail.quality", "dovetail.testing"),
    "pyarrow": (
        "dovetail.types",
        "dovetail.quality",
        "dovetail.store",
        "dovetail.env",
        "dovetail.cli",
        "dovetail.testing",
    ),
    "jinja2": ("dovetail.quality", "dovetail.cli"),
    "rich": ("dovetail.cli",),
    "click": ("dovetail.cli",),
    "copier": ("dovetail.scaffold",),
    "packaging": ("dovetail.env.build", "dovetail.plugins", "dovetail.graph", "dovetail.testing"),
    "pytest": ("dovetail.testing",),
    "hypothesis": ("dovetail.testing",),
}


def floor_of(module: str) -> int:
    """How high a module of core lies."""
    parts = module.split(".")
    return HEIGHT.get(parts[1], TOP) if len(parts) > 1 else TOP


def within(module: str, places: tuple[str, ...]) -> bool:
    """Whether a module is one of the places or inside one."""
    return any(module == place or module.startswith(place + ".") for place in places)


def test_every_directory_of_core_is_a_known_floor(repository: Path) -> None:
    packages = {init.parent.name for init in (repository / "core/src/dovetail").glob("*/__init__.py")}
    assert packages == set(HEIGHT)


def test_the_import_contracts_hold(repository: Path) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_name_every_plugin(tooling: ModuleType, repository: Path) -> None:
    linter = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    plugins = {package for member in tooling.distributions()[1:] for package in member.packages}
    assert set(linter["root_packages"]) == plugins | {"dovetail"}
    by_name = {contract["name"]: contract for contract in linter["contracts"]}
    assert set(by_name["Plugins are independent of each other"]["modules"]) == plugins
    assert set(by_name["Core knows no plugin"]["forbidden_modules"]) == plugins


def test_no_import_of_core_leads_up_not_even_inside_a_function(core_sources) -> None:
    wrong = [
        f"{source.shown}:{found.line} {source.module} imports {found.target}"
        for source in core_sources
        for found in source.imports
        if within(found.target, ("dovetail",))
        and source.module != "dovetail"
        and found.target != "dovetail.__version__"
        and floor_of(found.target) > floor_of(source.module)
    ]
    assert not wrong, "\n".join(wrong)


def test_floors_do_not_import_the_face_of_the_package(core_sources) -> None:
    """``import dovetail`` from below would be a circle through ``dovetail/__init__.py``."""
    names = set(HEIGHT)
    wrong = [
        f"{source.shown}:{found.line} imports {found.target}"
        for source in core_sources
        for found in source.imports
        if source.module != "dovetail"
        and within(found.target, ("dovetail",))
        and [*found.target.split("."), ""][1] not in names
        and found.target != "dovetail.__version__"
        and not source.module.startswith("dovetail.cli")
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle_of_modules(sources) -> None:
    """Among modules, imports inside functions included; a package's face and its own modules count as two."""
    known = {source.module for source in sources}
    edges = {
        source.module: {
            target
            for found in source.imports
            if not found.for_types_only and (target := resolve(found.target, known)) not in (None, source.module)
        }
        for source in sources
    }
    circles = [circle for circle in circles_of(edges) if len(circle) > 1]
    assert not circles, "\n".join(" <-> ".join(sorted(circle)) for circle in circles)


def resolve(target: str, known: set[str]) -> str | None:
    """The module that an import runs: ``a.b.c`` may be the name ``c`` of the module ``a.b``."""
    while target:
        if target in known:
            return target
        target = target.rpartition(".")[0]
    return None


def circles_of(edges: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components (Tarjan 1972), small graphs only: it recurses."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for target in edges.get(node, ()):
            if target not in order:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], order[target])
        if low[node] == order[node]:
            at = stack.index(node)
            found.append(set(stack[at:]))
            del stack[at:]

    for node in edges:
        if node not in order:
            visit(node)
    return found


def test_a_circle_would_be_seen() -> None:
    assert {"a", "b", "c"} in circles_of({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})


@pytest.mark.parametrize("package", sorted(PLACES))
def test_third_party_packages_stay_where_they_belong(package: str, core_sources) -> None:
    wrong = [
        f"{source.shown}:{found.line}"
        for source in core_sources
        for found in source.imports
        if within(found.target, (package,)) and not found.for_types_only and not within(source.module, PLACES[package])
    ]
    assert not wrong, f"{package} belongs in {', '.join(PLACES[package])}: {wrong}"


def test_stevedore_is_confined_to_one_module(core_sources) -> None:
    users = {
        source.module for source in core_sources for found in source.imports if within(found.target, ("stevedore",))
    }
    assert len(users) <= 1, users


def test_core_imports_nothing_that_it_does_not_declare(core_sources, repository: Path) -> None:
    """A package that only happens to be installed is missed on the next machine."""
    project = tomllib.loads((repository / "core/pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    names = {re.match(r"[\w.-]+", line)[0].replace("-", "_") for line in declared}
    known = {*sys.stdlib_module_names, "dovetail", "pydantic_core", *names}
    wrong = [
        f"{source.shown}:{found.line} {found.target}"
        for source in core_sources
        for found in source.imports
        if found.target.split(".")[0] not in known
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_inside_functions_are_for_heavy_packages_only(core_sources) -> None:
    """Never to hide a circle: what is imported late from core itself must not import the importer back."""
    known = {source.module for source in core_sources}
    top = {
        source.module: {resolve(found.target, known) for found in source.imports if not found.for_types_only}
        for source in core_sources
    }
    wrong = [
        f"{source.shown}:{found.line} imports {found.target} late, which imports {source.module}"
        for source in core_sources
        for found in source.imports
        if found.in_function and source.module in top.get(resolve(found.target, known) or "", ())
    ]
    assert not wrong, "\n".join(wrong)
