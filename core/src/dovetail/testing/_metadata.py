"""What the metadata of a plugin's distribution must say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from dovetail.config import Settings, canonical_name
from dovetail.plugins import PluginListing, list_plugins
from dovetail.spec import Declaration
from dovetail.testing._base import fail

_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?(?P<version>[^;)]*)\)?\s*(?:;(?P<marker>.*))?"
)
_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")
_VERSION = re.compile(r"\d+(\.\d+)*([abc.+!-]?\w+)*")
_BOUNDED = re.compile(r"<|~=|==")


def check_entry_point(plugin: str) -> PluginListing:
    """One installed entry point names the hook module, and can be used.

    Raises:
        AssertionError: None does, several do, or it is malformed.
    """
    listings = list_plugins(Settings(project_root=Path.cwd()))
    found = [listing for listing in listings if listing.module == plugin]
    if not found:
        name = plugin.partition(".")[0]
        fail(
            f"no installed distribution names {plugin} as its plugin",
            why=f"there are entry points for {', '.join(each.module for each in listings) or 'none at all'}",
            fix=f'[project.entry-points."dovetail.plugins"] {name} = "{plugin}" in pyproject.toml, then install it again; '
            'if it is not packaged: gaps = {"packaged": never("it lives beside our pipelines")}',
        )
    if len(found) > 1:
        fail(
            f"{plugin} is named by {len(found)} entry points: {', '.join(each.name for each in found)}", fix="keep one"
        )
    if found[0].reason:
        fail(f"the entry point of {plugin} cannot be used", why=found[0].reason)
    return found[0]


def distribution_of(plugin: str) -> Distribution:
    """The distribution whose entry point names the hook module; raises as :func:`check_entry_point`."""
    name = check_entry_point(plugin).distribution
    try:
        return distribution(name)
    except PackageNotFoundError:
        fail(f"the distribution {name} has no readable metadata", fix=f"pip install --force-reinstall {name}")


def check(found: Distribution, engine_modules: Sequence[str]) -> None:
    """Version, summary, Python versions, the bound on dovetail, and where the engine is required.

    Raises:
        AssertionError: One of them is missing or unwise.
    """
    name = str(found.metadata["Name"])
    problems = []
    version = str(found.metadata["Version"] or "")
    if not _VERSION.fullmatch(version) or version.startswith("0.0.0"):
        problems.append(f"its version is {version!r}: state one in pyproject.toml")
    for header, key in (("Summary", "description"), ("Requires-Python", "requires-python")):
        if header not in found.metadata or not str(found.metadata[header]).strip():
            problems.append(f"it has no {header}: write {key} in pyproject.toml")
    problems += _requirement_problems(found, engine_modules)
    if problems:
        fail(f"the metadata of {name}:\n  - " + "\n  - ".join(problems))


def check_install_hints(plugin: str, declarations: Iterable[Declaration], engine_modules: Sequence[str]) -> None:
    """Declarations that name an engine tell how to get it: this distribution, with an extra that it has.

    Raises:
        AssertionError: A hint is missing, names another distribution, or an extra that there is not.
    """
    found = distribution_of(plugin)
    name = canonical_name(str(found.metadata["Name"]))
    extras = {canonical_name(extra) for extra in found.metadata.get_all("Provides-Extra") or ()}
    own = plugin.partition(".")[0]
    problems = []
    for each in declarations:
        who = str(getattr(each, "name", None) or getattr(each, "type", ""))
        library = str(getattr(each, "engine", None) or getattr(each, "type", "")).partition(".")[0]
        hint = getattr(each, "install", None)
        if hint is None:
            if (
                hasattr(each, "install")
                and library
                and library != own
                and (hasattr(each, "type") or library in engine_modules)
            ):
                problems.append(f"{who}: no install=; write install=\"pip install '{name}[engine]'\"")
            continue
        named = re.search(r"([A-Za-z0-9][\w.-]*)(?:\[([^\]]*)\])?['\"]?\s*$", hint)
        if not named or canonical_name(named[1]) != name:
            problems.append(f"{who}: install={hint!r} does not install {name}")
        for extra in (named[2] or "").split(",") if named else ():
            if extra.strip() and canonical_name(extra.strip()) not in extras:
                problems.append(f"{who}: install={hint!r} names the extra {extra!r}, and {name} has {sorted(extras)}")
    if problems:
        fail("who lacks the engine is not told what to type:\n  - " + "\n  - ".join(problems))


def _requirement_problems(found: Distribution, engine_modules: Sequence[str]) -> list[str]:
    base: dict[str, str] = {}
    by_extra: dict[str, set[str]] = {}
    for line in found.requires or ():
        match = _REQUIREMENT.match(line)
        if match is None:
            continue
        extra = _EXTRA.search(match["marker"] or "")
        if extra:
            by_extra.setdefault(canonical_name(extra[1]), set()).add(canonical_name(match["name"]))
        else:
            base[canonical_name(match["name"])] = match["version"]
    problems = []
    if "dovetail" not in base:
        problems.append('it does not require dovetail: dependencies = ["dovetail==0.1.*"]')
    elif not _BOUNDED.search(base["dovetail"]):
        problems.append("its requirement on dovetail has no upper bound, so a release with another hook API breaks it")
    brought = packages_distributions() if engine_modules else {}
    for module in engine_modules:
        names = {canonical_name(name) for name in brought.get(module, [module])}
        if names & set(base):
            problems.append(f"it requires the engine {module} always: move it to the extra 'engine'")
        elif "engine" not in by_extra:
            problems.append(f"it has no extra 'engine' that brings {module}")
        elif not names & by_extra["engine"]:
            problems.append(f"its extra 'engine' does not bring {module}, which comes from {', '.join(sorted(names))}")
    return problems
