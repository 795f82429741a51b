"""What is wrong with the plugins of a catalogue, one line each, and what to type."""

from __future__ import annotations

from collections.abc import Iterator

from dovetail.config import Settings, canonical_name
from dovetail.errors import nearest
from dovetail.plugins._blame import manifest_fix
from dovetail.plugins._catalogue import Catalogue
from dovetail.plugins._collect import importable_from, is_importable
from dovetail.plugins._engines import engine_here, environment_of, install_line, names_of, needs_of_plugin
from dovetail.plugins._known import bring_module, is_unreleased, pip_install
from dovetail.plugins._loading import libraries
from dovetail.plugins._names import CORE, conflict, main_name, owner_line, owner_name
from dovetail.plugins._records import Finding, Identity
from dovetail.spec import Manifest, TransformerSpec


def diagnose(catalogue: Catalogue) -> list[Finding]:
    """Everything that keeps a plugin, or a name that it declares, from being used. Imports nothing.

    Args:
        catalogue: What to look at.

    Returns:
        Skipped plugins, contested names, clashes with the core, settings that name nobody, missing engines, manifests that
        are not used; in this order.
    """
    return [
        *_skipped(catalogue),
        *_contested(catalogue),
        *_clashes(catalogue),
        *_settings(catalogue),
        *_engines(catalogue),
        *_stale(catalogue),
    ]


def _skipped(catalogue: Catalogue) -> Iterator[Finding]:
    for item in catalogue.skipped:
        if not item.by_policy:
            yield Finding(Identity.of(item).who, "skipped", item.reason, item.fix)


def _contested(catalogue: Catalogue) -> Iterator[Finding]:
    for name, rivals in catalogue.names.contested.items():
        if main_name(name, rivals) != name:
            continue  # an alias is settled with its type
        error = conflict(name, rivals, catalogue.settings)
        keys = tuple(claim.manifest.key for claim in rivals)
        yield Finding(error.who or "", "conflict", error.what, error.fix or "", keys)


def _clashes(catalogue: Catalogue) -> Iterator[Finding]:
    for name, rivals in catalogue.names.clashes.items():
        for claim in rivals:
            reason = f"it declares {name}, which is the core's own; the core keeps it"
            fix = f"rename it in the plugin, or {owner_line(name, claim.owner, catalogue.settings)}"
            yield Finding(claim.who, "clash with core", reason, fix, (claim.manifest.key,))


def _settings(catalogue: Catalogue) -> Iterator[Finding]:
    settings = catalogue.settings
    where = str(settings.source or "the environment")
    for name, owner in catalogue.names.unsettled.items():
        reason = f"owners gives {name} to {owner}, which declares no such name here"
        fix = "remove the line from owners"
        if not is_unreleased(owner):
            fix = f"{pip_install(owner)}, or {fix}"
        yield Finding(where, "configuration", reason, fix)
    known = {name for m in catalogue.manifests for need in needs_of_plugin(m, catalogue) for name in names_of(need)}
    for name in settings.engines:
        if name not in known:
            close = nearest(name, known)
            fix = f"did you mean {close!r}?" if close else "correct the name, or remove it from engines"
            reason = f"engines names {name}, and no plugin here has an engine or an environment of that name"
            yield Finding(where, "configuration", reason, fix)
    present = {owner_name(m) for m in catalogue.manifests} - {CORE}
    present |= {canonical_name(item.distribution or item.module) for item in catalogue.skipped}
    for key in ("allow", "deny"):
        for name in getattr(settings, key) or ():
            if canonical_name(name) not in present:
                reason = f"{key} names {name}, which is no plugin that is installed here"
                yield Finding(where, "configuration", reason, f"correct the name, or remove it from {key}")


def _engines(catalogue: Catalogue) -> Iterator[Finding]:
    for manifest in catalogue.manifests:
        if manifest in catalogue.foreign:
            continue  # its engine lives where it lives
        yield from missing_engines(manifest, catalogue.settings)
        yield from _versions(manifest, catalogue)


def _versions(manifest: Manifest, catalogue: Catalogue) -> Iterator[Finding]:
    """Engines that are installed here in a version, or on a Python, that the plugin does not support."""
    for need in needs_of_plugin(manifest, catalogue):
        here = engine_here(need, catalogue.settings.project_root)
        if here.found and not here.fits:
            instead = _elsewhere(manifest, need.spec.engine if need.spec else "", catalogue.settings)
            reason = here.reason + (f"; {instead}" if instead else "; it is used all the same, as config says")
            yield Finding(Identity.of(manifest).who, "engine version", reason, install_line(need), (manifest.key,))


def _elsewhere(manifest: Manifest, library: str, settings: Settings) -> str:
    """Where tasks that need a library run which is not here; ``""`` where they run here or not at all."""
    spec = environment_of(manifest, library)
    if spec is None or not manifest.distribution:
        return ""
    names = (spec.name, spec.engine, manifest.distribution, manifest.name)
    said = next((settings.engines[name] for name in names if name in settings.engines), settings.engine)
    return "" if said == "here" else f"tasks that need it run in environment {spec.name}"


def disputes(catalogue: Catalogue, key: str) -> list[Finding]:
    """The names that a plugin cannot have, since others declare them, too.

    Args:
        catalogue: Of all plugins.
        key: The plugin, as ``distribution:name``.
    """
    return [each for each in (*_contested(catalogue), *_clashes(catalogue)) if key in each.keys]


def missing_engines(manifest: Manifest, settings: Settings) -> Iterator[Finding]:
    """The libraries that a plugin is about and that are not installed here.

    Args:
        manifest: The plugin.
        settings: Tell where the modules of a plugin that is not packaged may lie.
    """
    reported: set[str] = set()
    for declaration in manifest.declarations:
        for library in libraries(declaration):
            if library not in reported and not _is_here(library, manifest, settings):
                reported.add(library)
                yield _missing_engine(manifest, declaration, library, settings)


def _is_here(library: str, manifest: Manifest, settings: Settings) -> bool:
    # A plugin that is not packaged may have the module of its types beside it, as loading its code would find it.
    with importable_from(None if manifest.distribution else settings.project_root, library):
        return is_importable(library)


def _missing_engine(manifest: Manifest, declaration: object, library: str, settings: Settings) -> Finding:
    kind = "library" if isinstance(declaration, TransformerSpec) else "engine"
    fix = getattr(declaration, "install", None)
    if not fix and manifest.distribution:
        fix = pip_install("dovetail[arrow]" if manifest.distribution == CORE else f"{manifest.distribution}[engine]")
    fix = fix or bring_module(library)
    reason = f"its {kind} {library} is not installed here"
    instead = _elsewhere(manifest, library, settings)
    if instead:
        reason = f"{reason}; {instead}"
        fix = f"{fix}, to have it here; or dovetail env sync {instead.rpartition(' ')[2]}, to have that built now"
    return Finding(Identity.of(manifest).who, "engine missing", reason, fix, (manifest.key,))


def _stale(catalogue: Catalogue) -> Iterator[Finding]:
    for manifest in catalogue.manifests:
        problem = catalogue.stale.get(manifest.key)
        if problem is not None:
            yield Finding(
                Identity.of(manifest).who,
                "stale manifest",
                f"{problem}; the plugin works, but is imported in another process to learn what it declares",
                manifest_fix(Identity.of(manifest)),
            )
