"""Finding plugins. The only module that knows stevedore or entry points; nothing that is found is imported.

``docs/decisions/0002-discovery.md`` says which part stevedore plays, and why not a larger one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail.config import canonical_name

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "dovetail.plugins"
"""The group of entry points that plugins declare."""

# "module", "module:attribute", and the extras that an old entry point may still carry.
_VALUE = re.compile(r"(?P<module>\w+(?:\.\w+)*)\s*(?::\s*(?P<attribute>\w+(?:\.\w+)*))?\s*(?:\[[^\]]*\])?")


@dataclass(frozen=True, slots=True)
class Found:
    """One entry point, with the distribution that declares it.

    Attributes:
        name: Name of the entry point.
        module: Import name of the hook module.
        attribute: Object inside the module, or ``""`` for the module itself.
        distribution: Canonical name of the distribution.
        version: Its version.
        summary: One line of its metadata.
        problem: Why it cannot be used, as far as metadata tell; else None.
    """

    name: str
    module: str
    attribute: str
    distribution: str
    version: str
    summary: str = ""
    problem: str | None = None


def find_plugins() -> list[Found]:
    """Every plugin that is installed on ``sys.path`` now, ordered by distribution and name.

    Each call looks afresh: what was installed a moment ago is seen, whatever its version. Distributions with unreadable
    metadata do not disturb the others.
    """
    from stevedore import ExtensionManager
    from stevedore.extension import Extension

    broken: list[Found] = []

    class Finder(ExtensionManager):  # type: ignore[misc,type-arg,unused-ignore]
        # stevedore's own list comes from a cache on disk that outlives a reinstall and forgets the distributions.
        def list_entry_points(self) -> list[EntryPoint]:
            return list(_entry_points(broken))

        # stevedore would import each plugin here, and let SystemExit and AssertionError through.
        def _load_one_plugin(self, ep: EntryPoint, *_: Any, **__: Any) -> Any:
            not_loaded: Any = None
            return Extension(ep.name, ep, not_loaded, None)

    found = [_describe(extension) for extension in Finder(GROUP).extensions]
    return sorted(_mark_duplicates(found) + broken, key=lambda f: (f.distribution, f.name))


def core_version() -> str:
    """Version of the core's own distribution, or ``""`` where it runs without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("dovetail")
    except PackageNotFoundError:
        return ""


def _entry_points(broken: list[Found]) -> Iterator[EntryPoint]:
    for distribution, name in _active_distributions():
        try:
            text = distribution.read_text("entry_points.txt")
            # Parsing is the dear part, and almost no distribution has this group.
            if text and GROUP in text:
                yield from (ep for ep in distribution.entry_points if ep.group == GROUP)
        except Exception as error:
            # Anybody's metadata may be damaged; it is our business only where it may be a plugin.
            if "dovetail" in name:
                reason = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
                broken.append(Found(name, "", "", name, _version(distribution), problem=reason))


def _active_distributions() -> Iterator[tuple[Distribution, str]]:
    """Distributions with their canonical names; of several with one name, the first on the path, as import would."""
    import importlib
    from importlib.metadata import MetadataPathFinder, distributions

    importlib.invalidate_caches()
    MetadataPathFinder().invalidate_caches()  # on Python 3.11 not reached by the line above
    seen: set[str] = set()
    for distribution in distributions():
        try:
            # Reading the name from the directory is what keeps a scan of hundreds of distributions fast.
            raw = getattr(distribution, "_normalized_name", None) or _header(distribution, "Name")
            name = canonical_name(raw)
        except Exception:  # noqa: S112 - a directory that only looks like a distribution
            continue
        if name and name not in seen:
            seen.add(name)
            yield distribution, name


def _describe(extension: Any) -> Found:
    entry_point: EntryPoint = extension.entry_point
    distribution = entry_point.dist
    assert distribution is not None  # it was read from one
    name, version, summary = "", _version(distribution), ""
    try:
        name = canonical_name(_header(distribution, "Name"))
        summary = _header(distribution, "Summary").strip().partition("\n")[0]
    except Exception:  # noqa: S110 - unreadable metadata; the directory still has a name
        pass
    name = name or canonical_name(getattr(distribution, "_normalized_name", None) or "unknown")
    # Not entry_point.module: for text that is no import name it raises what Python's version and flags decide.
    match = _VALUE.fullmatch(entry_point.value.strip())
    if match is None:
        reason = f"its entry point is not an import name: {entry_point.value!r}"
        return Found(extension.name, "", "", name, version, summary, reason)
    return Found(extension.name, match["module"], match["attribute"] or "", name, version, summary)


def _header(distribution: Distribution, key: str) -> str:
    """A header of the metadata, ``""`` if it is missing: asking for a missing one by index is deprecated."""
    metadata = distribution.metadata
    return str(metadata[key] or "") if key in metadata else ""


def _version(distribution: Distribution) -> str:
    try:
        return _header(distribution, "Version")
    except Exception:
        return ""


def _mark_duplicates(found: list[Found]) -> list[Found]:
    """One distribution may declare a name once; a later entry of the same name is kept as a problem."""
    from dataclasses import replace

    first: dict[tuple[str, str], Found] = {}
    result: list[Found] = []
    for item in found:
        known = first.setdefault((item.distribution, item.name), item)
        if known is item:
            result.append(item)
        elif (known.module, known.attribute) != (item.module, item.attribute):
            reason = f"{item.distribution} declares the name {item.name!r} twice; {known.module} came first"
            result.append(replace(item, problem=reason))
    return result
