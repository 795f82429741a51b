"""The installed plugins as their metadata and manifests show them; nothing is imported and no process started."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from typing import Literal

from dovetail.config import Settings
from dovetail.plugins._blame import manifest_fix
from dovetail.plugins._cache import ProbeCache
from dovetail.plugins._collect import importable_from, is_importable
from dovetail.plugins._environments import plugins_in_environments
from dovetail.plugins._failures import one_line
from dovetail.plugins._loading import libraries
from dovetail.plugins._locate import is_standard, look_afresh, surely_missing
from dovetail.plugins._names import CORE
from dovetail.plugins._policy import refusal
from dovetail.plugins._records import EngineState, Identity, PluginListing
from dovetail.plugins._resolve import known_at_rest
from dovetail.plugins._scan import Found, scan_plugins, versions_here
from dovetail.spec import Declaration


def list_plugins(settings: Settings) -> list[PluginListing]:
    """The plugins that are installed or configured, from metadata and manifests alone: nothing of them is imported.

    Args:
        settings: Says which of them would load.

    Returns:
        Installed plugins by distribution and name, then the modules of the setting ``plugins``, then what is installed in
        environments of config and not here.
    """
    look_afresh()
    cache = ProbeCache(settings)
    listings = [_listing(found, "installed", settings, cache) for found in scan_plugins()]
    installed = {listing.module for listing in listings if listing.enabled}
    for module in settings.plugins:
        if module not in installed:
            listings.append(_listing(Found(module, module, "", "", ""), "config", settings, cache))
    known = {f"{each.distribution}:{each.name}" for each in listings}
    listings += [each for each in _in_environments(settings) if f"{each.distribution}:{each.name}" not in known]
    missing = surely_missing(lib for each in listings for lib in _libraries(each.declarations or (), each.module))
    return [
        replace(each, engines=_states(each.declarations, None if each.distribution else settings, missing, each.module))
        if each.declarations and not each.environment
        else each
        for each in listings
    ]


def _in_environments(settings: Settings) -> Iterator[PluginListing]:
    """Plugins that are installed in an environment of config which is built."""
    for environment, manifests in plugins_in_environments(settings).items():
        for each in manifests or ():
            refused = refusal(settings, each.distribution, each.module)
            yield PluginListing(
                each.name,
                each.distribution,
                each.version,
                each.module,
                "",
                "environment",
                refused is None,
                refused.reason if refused else "",
                fix=refused.fix if refused else "",
                api=each.api,
                declarations=each.declarations,
                known_by="manifest",
                by_policy=refused is not None,
                environment=environment,
            )


def list_one(found: Found, settings: Settings) -> PluginListing:
    """As :func:`list_plugins`, about one plugin; a failure that is soon seen again is left to be looked at."""
    source: Literal["installed", "config"] = "installed" if found.distribution else "config"
    listing = _listing(found, source, settings, ProbeCache(settings), to_tell=False)
    project = None if found.distribution else settings
    return replace(listing, engines=engines_of(listing.declarations or (), project, found.module))


def _listing(
    found: Found, source: Literal["installed", "config"], settings: Settings, cache: ProbeCache, *, to_tell: bool = True
) -> PluginListing:
    own = found.distribution == CORE  # which no policy keeps out
    refused = None if own else refusal(settings, found.distribution, found.module, named=source == "config")
    reason, fix = (refused.reason, refused.fix) if refused else (found.problem or "", "")
    known, problem = None, ""
    if found.problem is None:
        with importable_from(None if found.distribution else settings.project_root, found.module):
            known, problem = known_at_rest(found, cache, settings, to_tell=to_tell)
    if known is not None and known.error is not None and not reason:
        reason, fix = one_line(known.error), known.error.fix or ""
    manifest = known.manifest if known is not None else None
    return PluginListing(
        found.name,
        found.distribution,
        found.version,
        found.module,
        found.summary,
        source,
        not reason,
        reason,
        fix=fix or (f"pip install --force-reinstall {found.distribution}" if found.problem else ""),
        api=manifest.api if manifest is not None else None,
        declarations=manifest.declarations if manifest is not None else None,
        listens=known.listens if known is not None and manifest is not None else None,
        known_by=("manifest" if known.source == "manifest" else "probe") if known is not None else "",
        by_policy=refused is not None,
        manifest_problem=problem,
        manifest_fix=manifest_fix(Identity.of(found)) if problem else "",
    )


def engines_of(
    declarations: Iterable[Declaration], project: Settings | None = None, module: str = ""
) -> tuple[EngineState, ...]:
    """The libraries that declarations are about, and whether each can be imported here. They are not.

    A library is what a declaration calls its engine, or where one of its types lies, unless that is the plugin itself.

    Args:
        declarations: Those of one plugin.
        project: Where the modules of a plugin that is not packaged may lie; None for one that is installed.
        module: The hook module.
    """
    return _states(declarations, project, frozenset(), module)


def _states(
    declarations: Iterable[Declaration], project: Settings | None, missing: Set[str], module: str
) -> tuple[EngineState, ...]:
    root = project.project_root if project is not None else None
    found: dict[str, EngineState] = {}
    for library in _libraries(declarations, module):
        if root is None and library in missing:
            found[library] = EngineState(library, False)
        else:
            with importable_from(root, library):
                found[library] = EngineState(library, is_importable(library))
    return tuple(found.values())


def _libraries(declarations: Iterable[Declaration], module: str) -> dict[str, None]:
    own = module.partition(".")[0]
    named = (
        library
        for declaration in declarations
        for library in libraries(declaration)
        if library != own or getattr(declaration, "engine", None) == own
    )
    return dict.fromkeys(library for library in named if not is_standard(library))


def with_details(engines: Iterable[EngineState]) -> list[EngineState]:
    """The same engines with their versions and the directories in which they lie, as far as that can be told."""
    engines = list(engines)
    versions = versions_here(engine.engine for engine in engines)
    return [
        replace(engine, version=versions[engine.engine], path=_place(engine.engine)) if engine.found else engine
        for engine in engines
    ]


def _place(module: str) -> str:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    folders = list(spec.submodule_search_locations or ())
    return str(folders[0] if folders else spec.origin or "")
