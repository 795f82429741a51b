"""The error for a name that the catalogue does not have."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dovetail.config import canonical_name
from dovetail.errors import (
    ConfigError,
    DovetailError,
    EngineUnavailable,
    PluginLoadError,
    UnknownType,
    UsageError,
    listing,
    nearest,
)
from dovetail.plugins._known import distribution_for, how_to_get, known_names, pip_install
from dovetail.plugins._names import CORE
from dovetail.plugins._records import Identity, Skipped
from dovetail.spec import Manifest

_CORE_PLUGIN = {"type": "types", "task_type": "engine", "executor": "engine", "check_engine": "quality"}
"""Which of the core's own hook modules brings the kind."""


def missing_error(
    kind: str,
    name: str,
    known: Sequence[str],
    loaded: Collection[str],
    errors: Mapping[Skipped, DovetailError],
    skipped: Sequence[Skipped],
) -> DovetailError:
    """Why there is no ``name`` of this kind, and what to type.

    A skipped plugin that would have brought the name comes first, then the distribution that is known to bring it, then
    the nearest name that is here.

    Args:
        kind: Kind of name as in ``owners``.
        name: What was asked for.
        known: Names of this kind that are here.
        loaded: Canonical names of the distributions whose plugins are loaded.
        errors: What went wrong with skipped plugins.
        skipped: All skipped plugins.
    """
    noun = kind.replace("_", " ")
    culprit = _culprit(kind, name, skipped)
    if culprit is not None:
        return _skipped_error(noun, name, culprit, errors.get(culprit))
    why = f"the {noun}s here are {listing(known)}"
    broken = [s for s in skipped if not s.by_policy]
    if broken:
        why += f"; {len(broken)} broken: {listing(s.name for s in broken)} (see dovetail doctor)"
    close = nearest(name, known)
    distribution = distribution_for(kind, name)
    if distribution is not None and _is_here(distribution, loaded):
        distribution = None  # installing it again would not help
    fix = _fix(kind, name, close, distribution, loaded)
    cls = UnknownType if kind == "type" else UsageError
    return cls(f"unknown {noun} {name!r}", why=why, fix=fix, name=name, nearest=close, distribution=distribution)


def _fix(kind: str, name: str, close: str | None, distribution: str | None, loaded: Collection[str]) -> str:
    if distribution is not None:
        return how_to_get(distribution, kind)
    if close is not None:
        return f"did you mean {close!r}?"
    famous = nearest(name, known_names(kind))
    brings = distribution_for(kind, famous) if famous else None
    if famous and brings and not _is_here(brings, loaded):
        return f"did you mean {famous!r}? {how_to_get(brings, kind)}"
    return "install the plugin that brings it, or correct the name; dovetail plugins list shows what is installed"


def lives_elsewhere(declaration: object, owner: Manifest, environment: str) -> EngineUnavailable:
    """The error for code of a plugin that is not installed here, but in an environment."""
    name = getattr(declaration, "name", None) or getattr(declaration, "type", None) or getattr(declaration, "code", "")
    return EngineUnavailable(
        f"{name} cannot be used in this process",
        who=Identity.of(owner).who,
        why=f"the plugin is installed in environment {environment} alone",
        fix=f'let the task run there, with env="{environment}", or {pip_install(owner.distribution)}',
        environment=environment,
    )


def _is_here(requirement: str, loaded: Collection[str]) -> bool:
    return "[" not in requirement and (requirement == CORE or canonical_name(requirement) in loaded)


def _culprit(kind: str, name: str, skipped: Sequence[Skipped]) -> Skipped | None:
    """The skipped plugin that would have brought the name, as far as names tell."""
    distribution = distribution_for(kind, name)
    root = name.partition(".")[0]
    wanted = {f"dovetail-{canonical_name(root)}", distribution or ""} - {""}
    for item in skipped:
        if item.distribution == CORE:
            if item.name == _CORE_PLUGIN.get(kind) and distribution in (CORE, "dovetail[arrow]", None):
                return item
        elif canonical_name(item.distribution) in wanted or item.name in (name, root):
            return item
    return None


def _skipped_error(noun: str, name: str, item: Skipped, cause: DovetailError | None) -> DovetailError:
    who = Identity.of(item).who
    if item.by_policy:
        return ConfigError(f"the plugin of the {noun} {name!r} is kept out", who=who, why=item.reason, fix=item.fix)
    cls = type(cause) if cause is not None else PluginLoadError
    error = cls(f"the plugin of the {noun} {name!r} was skipped", who=who, why=item.reason, fix=item.fix)
    # The plugin's own exception, with its traceback, is what its author needs to see.
    error.__cause__ = (cause.__cause__ or cause) if cause is not None else None
    return error
