"""Finding plugins for a catalogue. The only module that knows stevedore; nothing that is found is imported.

``docs/decisions/0002-discovery.md`` says which part stevedore plays, and why not a larger one. Listing plugins reads the
same metadata by :mod:`dovetail.plugins._scan` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail.plugins._scan import GROUP, Found, scan_plugins, version_here

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def find_plugins() -> list[Found]:
    """Every plugin that is installed on ``sys.path`` now, ordered by distribution and name.

    Each call looks afresh: what was installed a moment ago is seen, whatever its version. Distributions with unreadable
    metadata do not disturb the others.
    """
    import importlib
    from importlib.metadata import EntryPoint

    from stevedore import ExtensionManager
    from stevedore.extension import Extension

    importlib.invalidate_caches()  # the hook modules of what was installed a moment ago are looked for next
    scanned = [(EntryPoint(found.name, found.value, GROUP), found) for found in scan_plugins()]
    whose = {id(entry_point): found for entry_point, found in scanned}  # two distributions may have equal ones

    class Finder(ExtensionManager):  # type: ignore[misc,type-arg,unused-ignore]
        # stevedore's own list comes from a cache on disk that outlives a reinstall and forgets the distributions.
        def list_entry_points(self) -> list[EntryPoint]:
            return [entry_point for entry_point, _ in scanned]

        # stevedore would import each plugin here, and let SystemExit and AssertionError through.
        def _load_one_plugin(self, ep: EntryPoint, *_: Any, **__: Any) -> Any:
            not_loaded: Any = None
            return Extension(ep.name, ep, not_loaded, None)

    return [whose[id(each.entry_point)] for each in Finder(GROUP).extensions]


def core_version() -> str:
    """Version of the core's own distribution, or ``""`` where it runs without being installed."""
    return version_here("dovetail")
