"""What installed plugins declare: from the manifests that they ship, from earlier probes, and only then from a probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dovetail.config import Settings
from dovetail.errors import PluginError
from dovetail.plugins._cache import ProbeCache, now
from dovetail.plugins._probe import Probed, probe, understood
from dovetail.plugins._records import Identity
from dovetail.plugins._scan import Found
from dovetail.plugins._shipped import ManifestProblem, NoManifest, read_shipped
from dovetail.spec import Manifest

Source = Literal["manifest", "cache", "probe"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an installed plugin.

    Attributes:
        manifest: What it declares, or None if it cannot be used.
        listens: Whether it implements ``dovetail_on_event``.
        error: Why it cannot be used, or None.
        source: Who says so: the manifest that it ships, an earlier probe, or one made now.
        problem: What is wrong with the manifest that it ships, or ``""``.
    """

    manifest: Manifest | None
    listens: bool
    error: PluginError | None
    source: Source
    problem: str = ""


def resolve(plugins: Sequence[Found], settings: Settings) -> list[Known]:
    """What each plugin declares. None of them is imported in this process.

    Args:
        plugins: Installed plugins whose metadata are sound.
        settings: The time limit of a probe, and where the cache lies.
    """
    cache = ProbeCache(settings)
    known: list[Known | None] = []
    problems: list[str] = []
    for found in plugins:
        at_rest, problem = known_at_rest(found, cache, settings)
        known.append(at_rest)
        problems.append(problem)
    missing = [found for found, each in zip(plugins, known, strict=True) if each is None]
    probed = iter(look(missing, cache, settings))
    return [
        each or _from(next(probed), Identity.of(found), "probe", problem)
        for found, each, problem in zip(plugins, known, problems, strict=True)
    ]


def known_at_rest(
    found: Found, cache: ProbeCache, settings: Settings, *, to_tell: bool = False
) -> tuple[Known | None, str]:
    """What is known of a plugin without starting anything, or None; and what is wrong with the manifest that it ships.

    Args:
        found: The plugin.
        cache: Of earlier probes.
        settings: The time limit of a probe.
        to_tell: Whether it is only to be told to people; then failures count that are tried again at the next use.
    """
    identity = Identity.of(found)
    problem = ""
    if not found.attribute:  # a manifest speaks for a module
        try:
            shipped = read_shipped(identity)
            return Known(shipped.manifest, shipped.listens, None, "manifest"), ""
        except NoManifest:
            pass
        except ManifestProblem as error:
            problem = str(error)
    answer = cache.get(found, to_tell=to_tell)
    kept = understood(answer, identity, settings.plugin_import_seconds) if answer is not None else None
    if kept is None or kept.outcome == "garbled":
        return None, problem
    return _from(kept, identity, "cache", problem), problem


def look(plugins: Sequence[Found], cache: ProbeCache, settings: Settings) -> list[Probed]:
    """Probe plugins, and keep what can be kept."""
    results = []
    began = now()
    for found, probed in zip(plugins, probe(plugins, settings.plugin_import_seconds), strict=True):
        cache.put(found, probed, began)
        results.append(probed)
        began = now()
    return results


def _from(probed: Probed, identity: Identity, source: Source, problem: str) -> Known:
    error = probed.error
    if error is not None and source == "cache" and "looks again" not in (error.fix or ""):
        again = f"dovetail plugins check {identity.name} looks again"
        error.fix = f"{error.fix}; {again}" if error.fix else again
    return Known(probed.manifest, probed.listens, error, source, problem)
