"""Whether the environments that a plugin declares are as it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dovetail.config import canonical_name
from dovetail.plugins import libraries
from dovetail.spec import Declaration, EnvironmentSpec


def problems_of(spec: EnvironmentSpec, declarations: Sequence[Declaration], found: Distribution) -> Iterator[str]:
    """What is wrong with the declaration of an environment, one line each.

    Args:
        spec: The declaration.
        declarations: All of the plugin.
        found: The distribution of the plugin.
    """
    name = str(found.metadata["Name"])
    engine = spec.engine.partition(".")[0]
    users = [each for each in declarations if not isinstance(each, EnvironmentSpec)]
    if not any(engine in libraries(each) for each in users):
        yield (
            f"environment {spec.name}: nothing that the plugin declares needs {engine}: name it as engine= of a task type, "
            "or declare a type that lies in it"
        )
    extras = {canonical_name(extra) for extra in found.metadata.get_all("Provides-Extra") or ()}
    if canonical_name(spec.extra) not in extras:
        yield f"environment {spec.name}: {name} has no extra {spec.extra!r}, it has {sorted(extras)}"
        return
    yield from _python_problems(spec)
    yield from _engine_problems(spec, found, name, engine)


def _python_problems(spec: EnvironmentSpec) -> Iterator[str]:
    try:
        versions = SpecifierSet(spec.python)
    except InvalidSpecifier:
        yield f"environment {spec.name}: python={spec.python!r} are no versions of Python: write '<3.13'"
        return
    if not any(versions.contains(f"3.{minor}.{patch}") for minor in range(11, 14) for patch in range(40)):
        yield f"environment {spec.name}: python={spec.python!r} leaves none of 3.11, 3.12 and 3.13, on which dovetail runs"


def _engine_problems(spec: EnvironmentSpec, found: Distribution, name: str, engine: str) -> Iterator[str]:
    brought: dict[str, Requirement] = {}
    for line in found.requires or ():
        each = Requirement(line)
        if each.marker is not None and f"extra == '{spec.extra}'" in str(each.marker).replace('"', "'"):
            brought[canonical_name(each.name)] = each
    if not brought:
        yield f"environment {spec.name}: the extra {spec.extra!r} of {name} brings nothing"
        return
    owners = {canonical_name(owner) for owner in packages_distributions().get(engine, ())}
    if owners and not owners & set(brought):
        yield (
            f"environment {spec.name}: the extra {spec.extra!r} of {name} does not bring {engine}, which comes from "
            f"{', '.join(sorted(owners))}"
        )
    if find_spec(engine) is None and all(_is_here(each) for each in brought.values()):
        yield f"environment {spec.name}: all that the extra {spec.extra!r} brings is installed, and there is no module {engine}"


def _is_here(requirement: Requirement) -> bool:
    try:
        return bool(version(requirement.name))
    except PackageNotFoundError:
        return False
