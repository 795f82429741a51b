"""Whether an engine can be used in this process, and which environment it has where it cannot."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.config import canonical_name
from dovetail.errors import PluginError
from dovetail.plugins._catalogue import Catalogue
from dovetail.plugins._collect import importable_from, is_importable
from dovetail.plugins._known import pip_install
from dovetail.plugins._loading import libraries
from dovetail.plugins._scan import metadata_of
from dovetail.spec import Declaration, EnvironmentSpec, Manifest

if TYPE_CHECKING:
    from packaging.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Need:
    """What something that a plugin declares needs to be run, and the environment that has it.

    Attributes:
        environment: Name of the environment.
        owner: The plugin.
        spec: The plugin's declaration of the environment; None if the plugin itself lives there and nowhere else.
    """

    environment: str
    owner: Manifest
    spec: EnvironmentSpec | None

    @property
    def requirement(self) -> str:
        """What brings it, for pip and for ``requires``: ``dovetail-vaex[engine]``."""
        extra = f"[{self.spec.extra}]" if self.spec is not None and self.spec.extra else ""
        return f"{self.owner.distribution}{extra}"

    @property
    def plugin(self) -> str:
        """The plugin, for people."""
        return self.owner.distribution or self.owner.module


@dataclass(frozen=True, slots=True)
class EngineHere:
    """Whether an engine can be used in this process.

    Attributes:
        found: It can be imported here.
        fits: And its version, and that of Python, are such as the plugin supports.
        reason: Why, for people: ``"vaex-core 4.19.0 is here"``.
    """

    found: bool
    fits: bool
    reason: str


def need_of(declaration: Declaration, catalogue: Catalogue) -> Need | None:
    """The environment of a task type, a type or a check engine; None if what it needs comes with dovetail or the plugin.

    Args:
        declaration: One of the catalogue's.
        catalogue: Knows whose it is.
    """
    try:
        owner = catalogue.owner_of(declaration)
    except PluginError:
        return None
    home = catalogue.homes.get(owner.key)
    if home is not None:
        return Need(home, owner, None)
    specs = [each for each in owner.declarations if isinstance(each, EnvironmentSpec)]
    if not specs:
        return None
    about = libraries(declaration)
    found = next((each for each in specs if each.engine.partition(".")[0] in about), None)
    return None if found is None else Need(found.name, owner, found)


def environment_of(manifest: Manifest, library: str) -> EnvironmentSpec | None:
    """The environment that a plugin declares for a library, by the top-level name of that."""
    specs = (each for each in manifest.declarations if isinstance(each, EnvironmentSpec))
    return next((each for each in specs if each.engine.partition(".")[0] == library.partition(".")[0]), None)


def names_of(need: Need) -> tuple[str, ...]:
    """The names under which ``engines`` of config may speak of an engine: its environment's, its own, its plugin's."""
    engine = need.spec.engine if need.spec is not None else need.environment
    return tuple(dict.fromkeys((need.environment, engine, need.owner.distribution, need.owner.name)))


def needs_of_plugin(manifest: Manifest, catalogue: Catalogue) -> list[Need]:
    """The environments that a plugin declares, or the one in which it lives."""
    home = catalogue.homes.get(manifest.key)
    if home is not None:
        return [Need(home, manifest, None)]
    return [Need(each.name, manifest, each) for each in manifest.declarations if isinstance(each, EnvironmentSpec)]


def extra_requirements(distribution: str, extra: str) -> list[Requirement]:
    """What an extra of an installed distribution adds to its requirements, on this Python and platform.

    Args:
        distribution: Its name; one that is not installed adds nothing.
        extra: Name of the extra.
    """
    from packaging.requirements import InvalidRequirement, Requirement  # asked for only where an engine may be used

    told = metadata_of([distribution]).get(canonical_name(distribution))
    found = []
    for line in told.requires if told is not None else ():
        try:
            each = Requirement(line)
        except InvalidRequirement:
            continue  # what pip could not read either
        if each.marker is None or each.marker.evaluate({"extra": ""}) or not each.marker.evaluate({"extra": extra}):
            continue
        found.append(each)
    return found


def engine_here(need: Need, root: Path) -> EngineHere:
    """Whether the engine can be used in this process. It is looked for, and not imported.

    Args:
        need: The engine.
        root: Where the modules of a plugin that is not packaged may lie.
    """
    spec = need.spec
    if spec is None:
        return EngineHere(False, False, f"{need.plugin} is installed only there")
    with importable_from(None if need.owner.distribution else root, spec.engine):
        found = is_importable(spec.engine.partition(".")[0])
    problem = _python_problem(spec)
    if not found:
        return EngineHere(False, False, problem or f"{spec.engine} is not installed here")
    if problem is not None:
        return EngineHere(True, False, problem)
    return _versions(spec, need)


def _versions(spec: EnvironmentSpec, need: Need) -> EngineHere:
    wanted = extra_requirements(need.owner.distribution, spec.extra) if need.owner.distribution else []
    here = metadata_of(each.name for each in wanted)
    told = ""
    for each in wanted:
        metadata = here.get(canonical_name(each.name))
        if metadata is None:
            if _is_engine_itself(each.name, spec.engine):
                continue  # somebody's own build, on the path without metadata: it is taken at its word
            return EngineHere(True, False, f"{each.name}, which {need.plugin} needs, is not installed here")
        if not each.specifier.contains(metadata.version, prereleases=True):
            reason = f"{each.name} {metadata.version} is here; {need.plugin} needs {_ordered(str(each.specifier))}"
            return EngineHere(True, False, reason)
        told = told or f"{each.name} {metadata.version} is here"
    return EngineHere(True, True, told or f"{spec.engine} is here")


def _python_problem(spec: EnvironmentSpec) -> str | None:
    if not spec.python:
        return None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    here = ".".join(map(str, sys.version_info[:3]))
    try:
        fits = SpecifierSet(spec.python).contains(here, prereleases=True)
    except InvalidSpecifier:
        return f"the plugin's declaration says {spec.python!r}, which are no versions of Python"
    return None if fits else f"{spec.engine} runs on Python {spec.python}, and this is {here}"


def _is_engine_itself(distribution: str, engine: str) -> bool:
    return canonical_name(distribution).startswith(canonical_name(engine.partition(".")[0]))


def _ordered(specifier: str) -> str:
    """Lower bounds first, as people write them."""
    return ",".join(sorted(specifier.split(","), key=lambda part: (not part.startswith((">", "~", "=")), part)))


def install_line(need: Need) -> str:
    """What to type to have the engine in this process."""
    if not need.owner.distribution:
        return f"install {need.spec.engine if need.spec is not None else need.owner.name}"
    return pip_install(need.requirement)
