"""Building a catalogue: find, sift, import and collect; what breaks is put aside with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from dovetail.config import Settings
from dovetail.errors import DovetailError, PluginConflict, PluginError, PluginLoadError
from dovetail.plugins import _discovery
from dovetail.plugins._catalogue import Catalogue
from dovetail.plugins._collect import Collected, LazyListener, collect, import_hook_module, read_collected
from dovetail.plugins._environments import plugins_in_environments
from dovetail.plugins._failures import one_line
from dovetail.plugins._guard import refuse_inside_a_probe
from dovetail.plugins._names import CORE, conflict
from dovetail.plugins._policy import refusal
from dovetail.plugins._probe import PluginRaised
from dovetail.plugins._records import POLICY, Identity, Skipped
from dovetail.plugins._resolve import resolve
from dovetail.plugins._scan import Found
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
    """Find the installed plugins, sift them, and collect what they declare.

    What an installed plugin declares comes from the manifest that it ships, else from a look at it in another process:
    none is imported here. A plugin that cannot be used is skipped: see ``Catalogue.skipped``.

    Args:
        settings: Which plugins to load; ``plugins`` names further modules.
        extra: Hook modules or objects to register, as with :meth:`Catalogue.register`.
        manifests: Plugins of other environments, beside those of ``envs`` in the settings; a plugin that is also installed here
            counts once, as the one here.
        builtins: Import names of the core's own hook modules.

    Raises:
        PluginError: With ``strict``: a plugin was skipped. Without: one of ``extra`` cannot be used, or a hook module asks
            for a catalogue while one is built.
        PluginConflict: With ``strict``: two plugins own one name.
    """
    refuse_inside_a_probe()
    builder = _Builder(settings)
    version = _discovery.core_version()
    for module in builtins:
        builder.add(Found(module.split(".")[-2], module, "", CORE, version), "core")
    builder.add_installed(_discovery.find_plugins())
    for module in settings.plugins:
        builder.add(Found(module, module, "", "", ""), "config")
    for manifest in manifests:
        builder.add_manifest(manifest)
    elsewhere = plugins_in_environments(settings)
    for environment, found in elsewhere.items():
        for manifest in found or ():
            builder.add_manifest(manifest, environment)
    unbuilt = tuple(name for name, found in elsewhere.items() if found is None)
    catalogue = Catalogue(
        settings,
        builder.collected,
        builder.skipped,
        builder.foreign,
        builder.errors,
        builder.stale,
        builder.homes,
        unbuilt,
    )
    if settings.strict:
        _refuse_defects(catalogue, builder.errors)
    for plugin in extra:
        catalogue.register(plugin)
    return catalogue


class _Builder:
    """Takes plugins one by one and sorts them into collected and skipped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.collected: list[Collected] = []
        self.foreign: list[Manifest] = []
        self.homes: dict[str, str] = {}
        self.skipped: list[Skipped] = []
        self.errors: dict[Skipped, DovetailError] = {}
        self.stale: dict[str, str] = {}

    def add(self, found: Found, source: Literal["core", "config"]) -> None:
        """Take a hook module of the core's or of the project's own: it is imported here."""
        identity = Identity.of(found)
        if source == "config":
            if self._kept_out(identity, named=True):
                return
            if any(each.manifest.module == found.module for each in self.collected):
                return  # it is installed as well, which is how a project begins to package its plugin
        try:
            root = self.settings.project_root if source == "config" else None
            plugin = import_hook_module(found.module, found.attribute, identity, root)
            collected = collect(plugin, identity)
        except PluginError as error:
            self._skip(identity, error)
        else:
            self.collected.append(collected)

    def add_installed(self, plugins: Iterable[Found]) -> None:
        """Take installed plugins: none of them is imported here."""
        let_in = [found for found in plugins if not self._kept_out(Identity.of(found))]
        known = iter(resolve([found for found in let_in if found.problem is None], self.settings))
        for found in let_in:
            identity = Identity.of(found)
            if found.problem is not None:
                self._skip(identity, _metadata_error(found))
                continue
            each = next(known)
            if each.problem:
                self.stale[found.key] = each.problem
            if each.manifest is not None:
                listener = LazyListener(found, identity) if each.listens else None
                self.collected.append(Collected(each.manifest, listener))
            elif each.error is not None:
                self._skip(identity, each.error)

    def add_manifest(self, manifest: Manifest, environment: str | None = None) -> None:
        identity = Identity.of(manifest)
        here = {m.key for m in (*(c.manifest for c in self.collected), *self.foreign)}
        if manifest.key in here or self._kept_out(identity):
            return
        try:
            self.foreign.append(read_collected(manifest, identity))
        except PluginError as error:
            self._skip(identity, error)
        else:
            if environment is not None:
                self.homes[manifest.key] = environment

    def _kept_out(self, identity: Identity, *, named: bool = False) -> bool:
        refused = refusal(self.settings, identity.distribution, identity.module, named=named)
        if refused is None:
            return False
        self._put_aside(identity, refused.reason, POLICY, refused.fix)
        return True

    def _skip(self, identity: Identity, error: PluginError) -> None:
        original = error.__cause__ or error
        kind = original.kind if isinstance(original, PluginRaised) else type(original).__name__
        skipped = self._put_aside(identity, one_line(error), kind, error.fix or "")
        self.errors[skipped] = error

    def _put_aside(self, identity: Identity, reason: str, error_type: str, fix: str) -> Skipped:
        who = (identity.name, identity.distribution, identity.version, identity.module)
        skipped = Skipped(*who, reason, error_type, fix)
        self.skipped.append(skipped)
        return skipped


def _metadata_error(found: Found) -> PluginLoadError:
    """The error for a plugin whose metadata alone tell that it cannot be used."""
    fix = f"pip install --force-reinstall {found.distribution}"
    return PluginLoadError("the plugin cannot be used", who=Identity.of(found).who, why=found.problem, fix=fix)


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
