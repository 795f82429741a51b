"""Building a catalogue: find, sift, import and collect; what breaks is put aside with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dovetail.config import Settings
from dovetail.errors import DovetailError, PluginConflict, PluginError, PluginLoadError
from dovetail.plugins import _discovery
from dovetail.plugins._catalogue import Catalogue
from dovetail.plugins._collect import Collected, collect, import_hook_module, read_collected
from dovetail.plugins._discovery import Found
from dovetail.plugins._failures import one_line
from dovetail.plugins._names import CORE, conflict
from dovetail.plugins._policy import refusal
from dovetail.plugins._records import POLICY, Identity, PluginListing, Skipped
from dovetail.spec import Manifest

BUILTINS = ("dovetail.types.builtin_hooks", "dovetail.engine.builtin_hooks", "dovetail.quality.builtin_hooks")
"""The core's own hook modules. Named by string: they lie on higher floors."""


def build_catalogue(
    settings: Settings,
    extra: Iterable[object] = (),
    *,
    manifests: Iterable[Manifest] = (),
    builtins: Iterable[str] = BUILTINS,
) -> Catalogue:
    """Find the installed plugins, load those that configuration lets in, and collect what they declare.

    A plugin that cannot be used is skipped: see ``Catalogue.skipped``.

    Args:
        settings: Which plugins to load; ``plugins`` names further modules.
        extra: Hook modules or objects to register, as with :meth:`Catalogue.register`.
        manifests: Plugins of other environments; a plugin that is also installed here counts once, as the one here.
        builtins: Import names of the core's own hook modules.

    Raises:
        PluginError: With ``strict``: a plugin was skipped. Without: one of ``extra`` cannot be used.
        PluginConflict: With ``strict``: two plugins own one name.
    """
    builder = _Builder(settings)
    version = _discovery.core_version()
    for module in builtins:
        builder.add(Found(module.split(".")[-2], module, "", CORE, version), "core")
    for found in _discovery.find_plugins():
        builder.add(found, "installed")
    for module in settings.plugins:
        builder.add(Found(module, module, "", "", ""), "config")
    for manifest in manifests:
        builder.add_manifest(manifest)
    catalogue = Catalogue(settings, builder.collected, builder.skipped, builder.foreign, builder.errors)
    if settings.strict:
        _refuse_defects(catalogue, builder.errors)
    for plugin in extra:
        catalogue.register(plugin)
    return catalogue


def list_plugins(settings: Settings) -> list[PluginListing]:
    """The plugins that are installed or configured, from metadata alone: nothing of them is imported.

    Args:
        settings: Says which of them would load.

    Returns:
        Installed plugins by distribution and name, then the modules of the setting ``plugins``.
    """
    listings = []
    for found in _discovery.find_plugins():
        refused = refusal(settings, found.distribution, found.module)
        reason = refused.reason if refused else found.problem or ""
        listings.append(_listing(found, "installed", reason))
    for module in settings.plugins:
        refused = refusal(settings, "", module, named=True)
        listings.append(_listing(Found(module, module, "", "", ""), "config", refused.reason if refused else ""))
    return listings


def _listing(found: Found, source: Literal["installed", "config"], reason: str) -> PluginListing:
    return PluginListing(
        found.name, found.distribution, found.version, found.module, found.summary, source, not reason, reason
    )


class _Builder:
    """Takes plugins one by one and sorts them into collected and skipped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.collected: list[Collected] = []
        self.foreign: list[Manifest] = []
        self.skipped: list[Skipped] = []
        self.errors: dict[Skipped, DovetailError] = {}

    def add(self, found: Found, source: Literal["core", "installed", "config"]) -> None:
        identity = Identity.of(found)
        if source != "core" and self._kept_out(identity, named=source == "config"):
            return
        if source == "config" and any(c.manifest.module == found.module for c in self.collected):
            return  # it is installed as well, which is how a project begins to package its plugin
        try:
            if found.problem is not None:
                fix = f"pip install --force-reinstall {found.distribution}"
                raise PluginLoadError("the plugin cannot be used", who=identity.who, why=found.problem, fix=fix)
            root = self.settings.project_root if source == "config" else None
            plugin = import_hook_module(found.module, found.attribute, identity, root)
            collected = collect(plugin, identity)
        except PluginError as error:
            self._skip(identity, error)
        else:
            self.collected.append(collected)

    def add_manifest(self, manifest: Manifest) -> None:
        identity = Identity.of(manifest)
        here = {m.key for m in (*(c.manifest for c in self.collected), *self.foreign)}
        if manifest.key in here or self._kept_out(identity):
            return
        try:
            self.foreign.append(read_collected(manifest, identity))
        except PluginError as error:
            self._skip(identity, error)

    def _kept_out(self, identity: Identity, *, named: bool = False) -> bool:
        refused = refusal(self.settings, identity.distribution, identity.module, named=named)
        if refused is None:
            return False
        self._put_aside(identity, refused.reason, POLICY, refused.fix)
        return True

    def _skip(self, identity: Identity, error: PluginError) -> None:
        original = error.__cause__ or error
        skipped = self._put_aside(identity, one_line(error), type(original).__name__, error.fix or "")
        self.errors[skipped] = error

    def _put_aside(self, identity: Identity, reason: str, error_type: str, fix: str) -> Skipped:
        who = (identity.name, identity.distribution, identity.version, identity.module)
        skipped = Skipped(*who, reason, error_type, fix)
        self.skipped.append(skipped)
        return skipped


def _refuse_defects(catalogue: Catalogue, errors: dict[Skipped, DovetailError]) -> None:
    for skipped, error in errors.items():
        others = len(errors) - 1
        raise type(error)(
            f"strict: {error.what}",
            who=error.who,
            why=skipped.reason + (f" ({others} more plugins cannot be used either)" if others else ""),
            fix=error.fix,
        ) from (error.__cause__ or error)
    for name, rivals in catalogue.names.contested.items():
        found: PluginConflict = conflict(name, rivals, catalogue.settings)
        raise found
