"""The error for a name that the catalogue does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dovetail.config import canonical_name
from dovetail.errors import ConfigError, DovetailError, PluginLoadError, UnknownType, UsageError, listing, nearest
from dovetail.plugins._failures import label
from dovetail.plugins._known import distribution_for, known_names, pip_install
from dovetail.plugins._names import CORE
from dovetail.plugins._records import Skipped


def missing_error(
    kind: str, name: str, known: Iterable[str], skipped: Iterable[Skipped], errors: Mapping[Skipped, DovetailError]
) -> DovetailError:
    """Why there is no ``name`` of this kind, and what to type.

    A skipped plugin that would have brought the name comes first, then the distribution that is known to bring it, then
    the nearest name that is here.
    """
    known, skipped = list(known), list(skipped)
    noun = kind.replace("_", " ")
    distribution = distribution_for(kind, name)
    culprit = _culprit(name, distribution, skipped)
    if culprit is not None:
        return _skipped_error(noun, name, culprit, errors.get(culprit))
    what = f"unknown {noun} {name!r}"
    why = f"the {noun}s here are {listing(known)}"
    broken = [s for s in skipped if not s.by_policy]
    if broken:
        why += f"; {len(broken)} broken: {listing(s.name for s in broken)} (see dovetail doctor)"
    close = nearest(name, known)
    if distribution is not None and distribution != CORE:
        fix = pip_install(distribution)
    elif close is not None:
        fix = f"did you mean {close!r}?"
    else:
        famous = nearest(name, known_names(kind))
        brings = distribution_for(kind, famous) if famous else None
        if famous and brings and brings != CORE:
            fix = f"did you mean {famous!r}? {pip_install(brings)}"
        else:
            fix = (
                "install the plugin that brings it, or correct the name; dovetail plugins list shows what is installed"
            )
    cls = UnknownType if kind == "type" else UsageError
    return cls(what, why=why, fix=fix, name=name, nearest=close, distribution=distribution)


def _culprit(name: str, distribution: str | None, skipped: list[Skipped]) -> Skipped | None:
    """The skipped plugin that would have brought the name, as far as names tell."""
    wanted = {canonical_name(distribution.partition("[")[0])} if distribution else set()
    root = name.partition(".")[0]
    for item in skipped:
        if item.distribution and canonical_name(item.distribution) in wanted:
            return item
    for item in skipped:
        if item.name in (name, root) or item.distribution == f"dovetail-{canonical_name(root)}":
            return item
    return None


def _skipped_error(noun: str, name: str, item: Skipped, cause: DovetailError | None) -> DovetailError:
    who = label(item.name, item.distribution, item.version, item.module)
    if item.by_policy:
        return ConfigError(f"the plugin of the {noun} {name!r} is kept out", who=who, why=item.reason, fix=item.fix)
    cls = type(cause) if cause is not None else PluginLoadError
    error = cls(f"the plugin of the {noun} {name!r} was skipped", who=who, why=item.reason, fix=item.fix)
    # The plugin's own exception, with its traceback, is what its author needs to see.
    error.__cause__ = (cause.__cause__ or cause) if cause is not None else None
    return error
