"""Reading the metadata of installed distributions straight from their directories: what listing plugins costs.

``importlib.metadata`` reads the same files; importing it takes longer than reading them all. It is asked only about places
that are no directories, and about finders of distributions that somebody else installed.
"""

# ruff: noqa: PTH118, PTH119, PTH123 - pathlib costs more than what is done with these paths
from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dovetail.config import canonical_name

CORE_DISTRIBUTION = "dovetail"
GROUP = "dovetail.plugins"
"""The group of entry points that plugins declare."""

# "module", "module:attribute", and the extras that an old entry point may still carry.
_VALUE = re.compile(r"(?P<module>\w+(?:\.\w+)*)\s*(?::\s*(?P<attribute>\w+(?:\.\w+)*))?\s*(?:\[[^\]]*\])?")
# "name", "name[extra]>=1", and either with the marker of an extra.
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)[^;]*(?:;\s*extra\s*==\s*['\"](?P<extra>[\w.-]+)['\"])?")
_SUFFIXES = (".dist-info", ".egg-info")
_METADATA = ("METADATA", "PKG-INFO", "")  # the last: an .egg-info that is a file
_HEADERS = ("Name", "Version", "Summary")
_ENOUGH = 16_384
"""Bytes of metadata in which the headers lie that are wanted; a README follows them."""


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
        value: The entry point as it is written.
    """

    name: str
    module: str
    attribute: str
    distribution: str
    version: str
    summary: str = ""
    problem: str | None = None
    value: str = ""

    @property
    def key(self) -> str:
        """``distribution:name``, as that of a manifest."""
        return f"{self.distribution or self.module}:{self.name}"


def scan_plugins(folder: str | None = None) -> list[Found]:
    """Every plugin that is installed on ``sys.path`` now, ordered by distribution and name; nothing is cached or imported.

    Distributions with unreadable metadata do not disturb the others.

    Args:
        folder: Look in this directory of packages only, whether or not it is on the path.
    """
    found: list[Found] = []
    seen: set[str] = set()
    for place in _places() if folder is None else _places_in(folder):
        # Reading the name from the directory is what keeps a scan of hundreds of distributions fast.
        name = place.name()
        if not name or name in seen:
            continue  # of several with one name, the first on the path counts, as import would take it
        seen.add(name)
        found += _plugins_of(place, name)
    return sorted(_mark_duplicates(found), key=lambda f: (f.distribution, f.name))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the metadata of one distribution lie: a directory, or an object of ``importlib.metadata``."""

    folder: str
    other: object = None

    def read(self, file: str, *, whole: bool = False) -> str | None:
        if self.other is not None:
            text: str | None = self.other.read_text(file)  # type: ignore[attr-defined]
            return text
        try:
            path = os.path.join(self.folder, file) if file else self.folder
            with open(path, "rb") as stream:
                data = stream.read(-1 if whole or file == "entry_points.txt" else _ENOUGH)
        except OSError:
            return None
        # A cut may fall into a character, and nobody's summary is worth an error.
        return data.decode("utf-8", "strict" if file == "entry_points.txt" else "replace")

    def name(self) -> str:
        if self.other is None:
            return _name_in(os.path.basename(self.folder)) or canonical_name(self.headers()["Name"])
        try:
            return canonical_name(self.headers()["Name"])
        except Exception:  # somebody else's finder
            return ""

    def headers(self) -> dict[str, str]:
        """``Name``, ``Version`` and ``Summary``, ``""`` where they are missing."""
        text = next((text for file in _METADATA if (text := self.read(file)) is not None), "")
        values = dict.fromkeys(_HEADERS, "")
        for line in text.splitlines():
            if not line.strip():
                break
            key, colon, value = line.partition(":")
            if colon and key.title() in values and not values[key.title()]:
                values[key.title()] = value.strip()
        return values

    def metadata(self, name: str) -> PluginMetadata:
        text = next((text for file in _METADATA if (text := self.read(file, whole=True)) is not None), "")
        pairs = [line.partition(":") for line in text.partition("\n\n")[0].splitlines()]
        requires = tuple(value.strip() for key, _, value in pairs if key.title() == "Requires-Dist")
        return PluginMetadata(name, self.headers()["Version"], requires)


def _places() -> Iterator[_Place]:
    others = [f for f in sys.meta_path if hasattr(f, "find_distributions") and not _is_standard(f)]
    for entry in dict.fromkeys(sys.path):
        folder = entry or os.curdir
        try:
            found = list(_places_in(folder))
        except NotADirectoryError:
            yield from _elsewhere(path=[folder])  # a zip file
            continue
        except OSError:
            continue
        if folder.endswith(".egg"):
            yield from _elsewhere(path=[folder])
        yield from found
    for finder in others:
        yield from _elsewhere(finder)


def _places_in(folder: str) -> Iterator[_Place]:
    names = sorted(item.name for item in os.scandir(folder) if item.name.endswith(_SUFFIXES))
    yield from (_Place(os.path.join(folder, name)) for name in names)


def _is_standard(finder: object) -> bool:
    return getattr(finder, "__module__", "").startswith(("_frozen_importlib", "importlib"))


def _elsewhere(finder: object = None, path: list[str] | None = None) -> Iterator[_Place]:
    from importlib.metadata import DistributionFinder, MetadataPathFinder

    try:
        if path is not None:
            found = MetadataPathFinder.find_distributions(DistributionFinder.Context(path=path))
        else:
            found = finder.find_distributions(DistributionFinder.Context())  # type: ignore[attr-defined]
        yield from (_Place("", distribution) for distribution in found)
    except Exception:
        return  # somebody else's finder


def _name_in(directory: str) -> str:
    """The canonical name in ``a_b-1.0.dist-info``; ``""`` if it has none."""
    stem, _, suffix = directory.rpartition(".")
    name, dash, _ = stem.partition("-")
    return canonical_name(name) if dash or suffix == "egg-info" else ""


def _plugins_of(place: _Place, name: str) -> Iterator[Found]:
    try:
        text = place.read("entry_points.txt")
        # Almost no distribution has this group.
        if not text or GROUP not in text:
            return
        entries = list(_entries(text))
    except Exception as error:
        # Anybody's metadata may be damaged; it is our business only where it may be a plugin.
        if "dovetail" in name:
            reason = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
            yield Found(name, "", "", name, place.headers()["Version"], problem=reason)
        return
    if entries:
        headers = place.headers()
        name = canonical_name(headers["Name"]) or name
        for key, value in entries:
            yield describe(key, value, name, headers["Version"], headers["Summary"])


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of our group in the text of an ``entry_points.txt``; raises ValueError for a line without a value."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == GROUP:
            key, equals, value = line.partition("=")
            if not equals:
                raise ValueError(f"no value in {line!r}")
            yield key.strip(), value.strip()


def describe(key: str, value: str, distribution: str, version: str, summary: str) -> Found:
    """One entry point; text that is no import name is a problem, told the same way on every version of Python."""
    match = _VALUE.fullmatch(value)
    if match is None:
        reason = f"its entry point is not an import name: {value!r}"
        return Found(key, "", "", distribution, version, summary, reason, value)
    return Found(key, match["module"], match["attribute"] or "", distribution, version, summary, None, value)


def _mark_duplicates(found: Iterable[Found]) -> list[Found]:
    """One distribution may declare a name once; a later entry of the same name is kept as a problem."""
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


def version_here(distribution: str) -> str:
    """Version of an installed distribution, read like the plugins'; ``""`` if it is not installed."""
    return versions_here((distribution,))[distribution]


def versions_here(distributions: Iterable[str]) -> dict[str, str]:
    """Versions of installed distributions by the names that are given; ``""`` for those that are not installed."""
    wanted = {canonical_name(name): name for name in distributions}
    found = dict.fromkeys(wanted.values(), "")
    for place in _places():
        name = wanted.pop(place.name(), None)
        if name is not None:
            found[name] = place.headers()["Version"]
    return found


def editable_root(distribution: str) -> str | None:
    """The project's directory of a distribution that is installed as editable; None of any other, or where it is not told."""
    place = _place_of(distribution)
    if place is None:
        return None
    import json  # on the way to an error only, as urllib
    from urllib.parse import unquote

    try:
        told = json.loads(place.read("direct_url.json") or "{}")
        if told["dir_info"]["editable"] is not True:
            return None
        return unquote(told["url"].removeprefix("file://"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def requirements_of(distribution: str) -> list[tuple[str, str]] | None:
    """Name and extra (``""`` for always) of what a distribution says it needs; None if it is not installed.

    What it needs elsewhere only, by another marker than an extra, is left out.
    """
    told = metadata_of([distribution]).get(canonical_name(distribution))
    if told is None:
        return None
    matches = map(_REQUIREMENT.fullmatch, told.requires)
    return [(canonical_name(match["name"]), match["extra"] or "") for match in matches if match is not None]


@dataclass(frozen=True, slots=True)
class PluginMetadata:
    """What the metadata of an installed distribution say.

    Attributes:
        name: Canonical name.
        version: Version as it is written.
        requires: Requirements as they are written, those of extras included, in order.
    """

    name: str
    version: str
    requires: tuple[str, ...]


def metadata_of(distributions: Iterable[str]) -> dict[str, PluginMetadata]:
    """Metadata by canonical name; distributions that are not installed are left out."""
    wanted = {canonical_name(name) for name in distributions}
    found: dict[str, PluginMetadata] = {}
    for place in _places():
        if len(found) == len(wanted):
            break
        name = place.name()
        if name in wanted and name not in found:
            found[name] = place.metadata(name)
    return found


def plugin_metadata(names: Iterable[str] | None = None) -> dict[str, PluginMetadata]:
    """Metadata of the core and of the distributions that bring plugins, by canonical name.

    Args:
        names: Look at these only, and leave out those that are neither; None: at all that are installed.
    """
    if names is None:
        return metadata_of({CORE_DISTRIBUTION, *(found.distribution for found in scan_plugins())})
    wanted, found = {canonical_name(name) for name in names}, {}
    for place in _places():
        name = place.name()
        if name in wanted and name not in found and (name == CORE_DISTRIBUTION or any(_plugins_of(place, name))):
            found[name] = place.metadata(name)
    return found


def _place_of(distribution: str) -> _Place | None:
    wanted = canonical_name(distribution)
    return next((place for place in _places() if place.name() == wanted), None)
