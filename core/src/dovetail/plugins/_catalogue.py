"""The catalogue: everything that the loaded plugins declare, by name."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar, cast

from dovetail.config import Settings, resolve_secrets
from dovetail.errors import DovetailError, PluginError, UnknownType, UsageError
from dovetail.plugins._collect import Collected, LazyListener, collect, import_hook_module
from dovetail.plugins._loading import load_code
from dovetail.plugins._missing import lives_elsewhere, missing_error
from dovetail.plugins._names import Claim, NameTable, build_table, conflict, owner_name
from dovetail.plugins._records import Identity, Skipped
from dovetail.spec import (
    ArtifactStoreSpec,
    CheckEngineSpec,
    CommandSpec,
    ConverterSpec,
    Declaration,
    EnvironmentSpec,
    ExecutorSpec,
    Manifest,
    SecretProviderSpec,
    TaskTypeSpec,
    TransformerSpec,
)

Listener = Callable[[dict[str, Any]], None]

_D = TypeVar("_D", bound=Declaration)


class Catalogue:
    """Everything that the loaded plugins declare. Made by :func:`~dovetail.plugins.build_catalogue`.

    Looking a name up is a dict access; nothing is imported before :meth:`load`. Safe to use from several threads.

    Attributes:
        settings: What it was built with.
        skipped: Plugins that were found and not loaded, with the reason.
        stale: What is wrong with manifests that plugins ship, by the key of the plugin; such a manifest is not used.
    """

    def __init__(
        self,
        settings: Settings,
        collected: Iterable[Collected] = (),
        skipped: Iterable[Skipped] = (),
        foreign: Iterable[Manifest] = (),
        errors: Mapping[Skipped, DovetailError] | None = None,
        stale: Mapping[str, str] | None = None,
        homes: Mapping[str, str] | None = None,
        unbuilt: Iterable[str] = (),
    ) -> None:
        self.settings = settings
        self.skipped: tuple[Skipped, ...] = tuple(skipped)
        self.stale: Mapping[str, str] = MappingProxyType(dict(stale or {}))
        self._homes = dict(homes or {})
        self._unbuilt = tuple(unbuilt)
        self._errors = dict(errors or {})
        self._listeners: dict[str, Listener] = {}
        self._lock = threading.RLock()
        self._version = 0
        self._collected: tuple[Collected, ...] = tuple(collected)
        self._foreign: tuple[Manifest, ...] = tuple(foreign)
        self._loaded: dict[str, object] = {}
        self._rebuild()

    # -- what is here -------------------------------------------------------------------------

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """Manifests of the loaded plugins: the core's own, installed ones, unpackaged ones, those of other environments."""
        return self._manifests

    @property
    def foreign(self) -> tuple[Manifest, ...]:
        """Those of :attr:`manifests` that were read from a manifest: their code lives in another environment."""
        return self._foreign

    @property
    def homes(self) -> Mapping[str, str]:
        """Name of the environment in which a plugin of :attr:`foreign` lives, by the key of the plugin."""
        return self._homes

    @property
    def version(self) -> int:
        """Counts registrations, so that whoever caches what he read here can notice."""
        return self._version

    @property
    def names(self) -> NameTable:
        """Who owns which name, and what is contested."""
        return self._table

    def task_types(self) -> dict[str, TaskTypeSpec]:
        """Task types by name, without contested ones."""
        return self._all("task_type", TaskTypeSpec)

    def transformers(self) -> dict[str, TransformerSpec]:
        """Type transformers by the name of their type, without aliases and contested ones."""
        found = self._all("type", TransformerSpec)
        return {name: spec for name, spec in found.items() if name == spec.type}

    def converters(self) -> tuple[ConverterSpec, ...]:
        """The converters of all transformers of :meth:`transformers`."""
        return tuple(edge for spec in self.transformers().values() for edge in spec.converters)

    def check_engines(self) -> dict[str, CheckEngineSpec]:
        """Check engines by name, without contested ones."""
        return self._all("check_engine", CheckEngineSpec)

    def executors(self) -> dict[str, ExecutorSpec]:
        """Executors by name, without contested ones."""
        return self._all("executor", ExecutorSpec)

    def artifact_stores(self) -> dict[str, ArtifactStoreSpec]:
        """Artifact stores by URL scheme, without contested ones."""
        return self._all("artifact_store", ArtifactStoreSpec)

    def secrets(self) -> dict[str, SecretProviderSpec]:
        """Secret providers by name, without contested ones."""
        return self._all("secret", SecretProviderSpec)

    def commands(self) -> dict[str, CommandSpec]:
        """Commands by name, without contested ones."""
        return self._all("command", CommandSpec)

    def environments(self) -> dict[str, EnvironmentSpec]:
        """Environments of engines by name, without contested ones."""
        return self._all("environment", EnvironmentSpec)

    def listeners(self) -> list[Listener]:
        """What hears events, one callable per plugin. A call raises PluginError if the listener does.

        The hook modules of installed plugins that listen are imported now, those of others never.
        """
        return [self._listener(c.manifest.key, c.listener) for c in self._collected if c.listener is not None]

    def _listener(self, key: str, listener: Listener | LazyListener) -> Listener:
        if not isinstance(listener, LazyListener):
            return listener
        with self._lock:
            if key not in self._listeners:
                self._listeners[key] = listener.listener()
            return self._listeners[key]

    # -- one by name --------------------------------------------------------------------------

    def task_type(self, name: str) -> TaskTypeSpec:
        """The task type of this name.

        Raises:
            UsageError: No plugin declares it; the message has the nearest name, or what to install.
            PluginConflict: Two plugins declare it.
            PluginError: The plugin that would bring it was skipped; the real error is the cause.
            ConfigError: Configuration keeps that plugin out.
        """
        return self._one("task_type", name, TaskTypeSpec)

    def transformer(self, type_name: str) -> TransformerSpec:
        """The transformer of this type, by its name or an alias. Raises UnknownType, else as :meth:`task_type`."""
        return self._one("type", type_name, TransformerSpec)

    def check_engine(self, name: str) -> CheckEngineSpec:
        """The check engine of this name. Raises as :meth:`task_type`."""
        return self._one("check_engine", name, CheckEngineSpec)

    def executor(self, name: str) -> ExecutorSpec:
        """The executor of this name. Raises as :meth:`task_type`."""
        return self._one("executor", name, ExecutorSpec)

    def artifact_store(self, scheme: str) -> ArtifactStoreSpec:
        """The artifact store for this URL scheme. Raises as :meth:`task_type`."""
        return self._one("artifact_store", scheme, ArtifactStoreSpec)

    def secret(self, name: str) -> SecretProviderSpec:
        """The secret provider of this name. Raises as :meth:`task_type`."""
        return self._one("secret", name, SecretProviderSpec)

    def command(self, name: str) -> CommandSpec:
        """The command of this name. Raises as :meth:`task_type`."""
        return self._one("command", name, CommandSpec)

    def environment(self, name: str) -> EnvironmentSpec:
        """The environment that a plugin declares under this name. Raises as :meth:`task_type`."""
        return self._one("environment", name, EnvironmentSpec)

    def missing(self, kind: str, name: str) -> DovetailError:
        """The error for a name that is not here: contested, skipped, kept out, misspelt or not installed.

        Args:
            kind: As in ``owners``: ``"task_type"``, ``"type"``, ``"check_engine"``, ...
            name: What was asked for.

        Returns:
            The error to raise, its cause set where a plugin failed.
        """
        rivals = self._table.contested.get(f"{kind}.{name}")
        if rivals is not None:
            return conflict(f"{kind}.{name}", rivals, self.settings)
        known = [key.partition(".")[2] for key in self._table.owned if key.partition(".")[0] == kind]
        loaded = {owner_name(manifest) for manifest in self._manifests}
        error = missing_error(kind, name, known, loaded, self._errors, self.skipped)
        if self._unbuilt and isinstance(error, (UnknownType, UsageError)):
            sync = f"dovetail env sync {' '.join(self._unbuilt)}"
            error.fix = f"{error.fix}; or {sync}, if it comes from a plugin in what is not built yet"
        return error

    # -- code ---------------------------------------------------------------------------------

    def load(self, code: str, who: Declaration | None = None) -> object:
        """Import what a declaration names: ``"module:attribute"``. What was loaded once is kept.

        Args:
            code: What to import.
            who: The declaration that names it, for the message.

        Raises:
            EngineUnavailable: The library it is about is not installed; ``fix`` is the line that installs it.
            PluginLoadError: The import raised anything else, SystemExit and AssertionError included.
            DefinitionError: ``code`` is malformed.
        """
        try:
            return self._loaded[code]
        except KeyError:
            pass
        claim = self._claim_of(who) if who is not None else None
        parent = claim.declaration if claim is not None and claim.declaration is not who else None
        owner = claim.manifest if claim is not None else None
        if owner is not None and owner.key in self._homes:
            raise lives_elsewhere(who, owner, self._homes[owner.key])
        found = load_code(code, who, parent, owner, self.settings.project_root)
        return self._loaded.setdefault(code, found)

    def provide(self, found: Mapping[str, object]) -> None:
        """Let :meth:`load` find these objects under these names, although they cannot be imported: in a worker process,
        what is defined in a pipeline file or a session and came by value."""
        self._loaded.update(found)

    def resolve_secrets(
        self, value: Any, environ: Mapping[str, str] | None = None, settings: Settings | None = None
    ) -> Any:
        """As :func:`dovetail.config.resolve_secrets`, with the secret providers that plugins bring.

        Args:
            value: A table of config, such as one connection.
            environ: Environment to read. Default: that of this process.
            settings: Tells the project root, which files are relative to. Default: those of the catalogue.

        Raises:
            ConfigError: A secret is missing.
            PluginError: The provider that is named cannot be used.
        """
        names = [
            name.partition(".")[2] for name in (*self._table.owned, *self._table.contested) if name[:7] == "secret."
        ]
        providers = {name: functools.partial(self._ask_provider, name) for name in names}
        return resolve_secrets(value, settings or self.settings, environ, providers)

    def owner_of(self, declaration: Declaration) -> Manifest:
        """The plugin that made a declaration; converters and codecs count as their transformer's.

        Raises:
            PluginError: No loaded plugin made it.
        """
        claim = self._claim_of(declaration)
        if claim is None:
            raise PluginError("no loaded plugin made this declaration", who=repr(declaration))
        return claim.manifest

    def register(self, plugin: object) -> Manifest:
        """Add a hook module, an object with hook implementations, or a module by its import name, at once.

        Registering the same module or class again replaces what it declared before, as when a notebook cell runs twice;
        registering the module of an installed plugin is registering that plugin.

        Returns:
            What the plugin declares.

        Raises:
            ApiMismatch: It states another hook API, or none.
            PluginLoadError: It cannot be imported, or a hook implementation is malformed or raised.
        """
        identity = self._identity(plugin)
        if isinstance(plugin, str):
            plugin = import_hook_module(plugin, "", identity, self.settings.project_root)
        collected = collect(plugin, identity)
        with self._lock:
            kept = tuple(c for c in self._collected if c.manifest.key != collected.manifest.key)
            self._collected = (*kept, collected)
            self._foreign = tuple(m for m in self._foreign if m.key != collected.manifest.key)
            self._loaded = {}
            self._listeners.pop(collected.manifest.key, None)
            self._rebuild()
            self._version += 1
        return collected.manifest

    # -- inside -------------------------------------------------------------------------------

    def _rebuild(self) -> None:
        self._manifests = (*(c.manifest for c in self._collected), *self._foreign)
        self._table = build_table(self._manifests, MappingProxyType(dict(self.settings.owners)))
        by_id: dict[int, Claim] = {}
        by_value: dict[Declaration, Claim] = {}
        for manifest in self._manifests:
            for declaration in manifest.declarations:
                claim = Claim(manifest, declaration)
                nested = (*getattr(declaration, "converters", ()), *getattr(declaration, "codecs", ()))
                for item in (declaration, *nested):
                    by_id[id(item)] = claim
                    by_value.setdefault(item, claim)
        self._by_id, self._by_value = by_id, by_value

    def _ask_provider(self, name: str, key: str) -> str | None:
        spec = self.secret(name)
        provider = cast("Callable[[str], str | None]", self.load(spec.code, spec))
        return provider(key)

    def _claim_of(self, declaration: Declaration) -> Claim | None:
        # Two plugins may make equal declarations, so identity comes first; equality serves copies from other processes.
        return self._by_id.get(id(declaration)) or self._by_value.get(declaration)

    def _all(self, kind: str, cls: type[_D]) -> dict[str, _D]:
        prefix = kind + "."
        return {
            name.removeprefix(prefix): cast(_D, claim.declaration)
            for name, claim in self._table.owned.items()
            if name.startswith(prefix)
        }

    def _one(self, kind: str, name: str, cls: type[_D]) -> _D:
        claim = self._table.owned.get(f"{kind}.{name}")
        if claim is None:
            raise self.missing(kind, name)
        return cast(_D, claim.declaration)

    def _identity(self, plugin: object) -> Identity:
        if isinstance(plugin, (str, ModuleType)):
            module = plugin if isinstance(plugin, str) else plugin.__name__
            for known in self._collected:
                if known.manifest.module == module:
                    return Identity.of(known.manifest)
        else:
            cls = plugin if isinstance(plugin, type) else type(plugin)
            module = f"{cls.__module__}.{cls.__qualname__}"
        return Identity(module, "", "", module)
