"""Requirements as uv gets them: those on the hub's own plugins are replaced by what these require.

The code of dovetail and of the hub's plugins comes to a worker from the hub itself, so that both sides are always of one
version, and so that a plugin that is on no index can have an environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from dovetail.config import canonical_name
from dovetail.env.build._pythons import Interpreter
from dovetail.env.build._request import EnvRequest, parse_all, parse_requirement
from dovetail.errors import ConfigError, nearest
from dovetail.plugins import PluginMetadata, plugin_metadata

if TYPE_CHECKING:
    from packaging.requirements import Requirement

CORE = "dovetail"
_HUB_ONLY = {"arrow"}
"""Extras of the core whose place the worker's own needs take."""


def expanded(request: EnvRequest, python: Interpreter, worker: Sequence[str]) -> list[str]:
    """The requirements for uv: in place of a plugin of the hub stands what it, and its extras, require.

    Args:
        request: What is asked for.
        python: Decides which markers hold.
        worker: What the worker's side of dovetail needs.

    Raises:
        ConfigError: A requirement cannot be read, or asks for another version of a plugin than the hub's.
    """
    plugins = plugin_metadata(None)
    marks = {
        "python_version": python.minor,
        "python_full_version": python.full,
        "implementation_version": python.full,
        "implementation_name": python.implementation.lower(),
        "platform_python_implementation": python.implementation,
    }
    result: list[str] = list(worker)
    seen: set[tuple[str, str]] = set()
    waiting = [(each, request.who) for each in parse_all(request.requires, request.who)]
    while waiting:
        each, who = waiting.pop()
        if each.marker is not None and not each.marker.evaluate({"extra": "", **marks}):
            continue
        name = canonical_name(each.name)
        told = plugins.get(name)
        if told is None:
            each.marker = None
            result.append(str(each))
            continue
        _check_version(each, told, who)
        _check_extras(each, told, who)
        for extra in ("", *sorted(each.extras)):
            if (name, extra) not in seen and not (name == CORE and extra in ("", *_HUB_ONLY)):
                waiting += [(found, f"{name} {told.version}") for found in _of_extra(told, extra, marks)]
            seen.add((name, extra))
    return sorted(set(result))


def _check_extras(asked: Requirement, told: PluginMetadata, who: str) -> None:
    known = metadata.metadata(told.name).get_all("Provides-Extra") or [] if asked.extras else []
    for extra in sorted(asked.extras):
        if canonical_name(extra) not in map(canonical_name, known):
            close = nearest(extra, known)
            raise ConfigError(
                f"{asked.name} has no extra {extra!r}",
                who=who,
                fix=f"did you mean {asked.name}[{close}]?" if close else f"its extras: {', '.join(known) or 'none'}",
            )


def _of_extra(told: PluginMetadata, extra: str, marks: dict[str, str]) -> list[Requirement]:
    """What a distribution requires with an extra and not without; ``""``: what it requires at any rate."""
    found = []
    for line in told.requires:
        each = parse_requirement(line, told.name)
        always = each.marker is None or each.marker.evaluate({"extra": "", **marks})
        if (
            always
            if not extra
            else not always and each.marker is not None and each.marker.evaluate({"extra": extra, **marks})
        ):
            each.marker = None
            found.append(each)
    return found


def _check_version(asked: Requirement, told: PluginMetadata, who: str) -> None:
    if asked.specifier and not asked.specifier.contains(told.version, prereleases=True):
        raise ConfigError(
            f"{asked.name}{asked.specifier} is asked for, and the hub has {told.version}",
            who=who,
            why="a plugin that the hub has runs with the hub's version in every environment",
            fix=f"pip install '{asked.name}{asked.specifier}', or leave the version out",
        )


def left_out() -> list[str]:
    """Overrides for uv: distributions that are never installed into an environment, whoever requires them."""
    return [f"{name} ; python_version < '0'" for name in sorted({CORE, *plugin_metadata(None)})]
