"""The small records that the plugins floor hands out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from dovetail.spec import Declaration

POLICY = "policy"
"""``Skipped.error_type`` of a plugin that configuration keeps out."""


class _Described(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def distribution(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def module(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a plugin is, before anything of it is imported; the attributes are those of :class:`Skipped`."""

    name: str
    distribution: str
    version: str
    module: str

    @classmethod
    def of(cls, described: _Described) -> Identity:
        """That of a manifest, of an entry point that was found, or of a skipped plugin."""
        return cls(described.name, described.distribution, described.version, described.module)

    @property
    def who(self) -> str:
        """For people: ``dovetail-spark 0.1.0 (plugin spark)``, or ``module my_project.hooks``."""
        if not self.distribution:
            return f"module {self.module}" if self.module else f"plugin {self.name}"
        return f"{self.distribution} {self.version}".strip() + f" (plugin {self.name})"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A plugin that was found and not loaded.

    Attributes:
        name: Name of the entry point, or of the module if it is not packaged.
        distribution: Name of the distribution, or ``""`` for a module that is not packaged.
        version: Version of the distribution, or ``""``.
        module: Import name of the hook module.
        reason: Why, in one line.
        error_type: Class name of the error, or ``"policy"`` if configuration keeps the plugin out.
        fix: What to type, in one line.
    """

    name: str
    distribution: str
    version: str
    module: str
    reason: str
    error_type: str
    fix: str

    @property
    def by_policy(self) -> bool:
        """True if configuration keeps the plugin out: nothing is wrong with it."""
        return self.error_type == POLICY


@dataclass(frozen=True, slots=True)
class EngineState:
    """A library that a plugin is about.

    Attributes:
        engine: Its import name.
        found: Whether it can be imported here.
        version: Version of the distribution of that name, or ``""`` where it is not known or was not asked for.
        path: Where it lies, or ``""``.
    """

    engine: str
    found: bool
    version: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class PluginListing:
    """One plugin as its metadata and its manifest show it; nothing of it was imported.

    Attributes:
        name: Name of the entry point, or of the module if it is not packaged.
        distribution: Name of the distribution, or ``""``.
        version: Version of the distribution, or ``""``.
        module: Import name of the hook module.
        summary: One line of the distribution's metadata.
        source: ``"installed"``, ``"config"`` if the setting ``plugins`` names it, or ``"environment"``.
        enabled: Whether configuration lets it load.
        reason: Why not; ``""`` if it does.
        fix: What to type about the reason.
        api: Hook API that it was written for; None where nothing is known.
        declarations: What it declares; None where nothing is known: it ships no manifest and was not looked at yet.
        listens: Whether it hears events; None where nothing is known.
        known_by: Who says so: ``"manifest"``, an earlier ``"probe"``, or ``""``.
        by_policy: Whether it is configuration that keeps it out: nothing is wrong with it.
        manifest_problem: What is wrong with the manifest that it ships; ``""`` if nothing, or there is none.
        manifest_fix: What to type about that.
        engines: The libraries that it is about.
        environment: Name of the environment in which it is installed, and not here; else ``""``.
    """

    name: str
    distribution: str
    version: str
    module: str
    summary: str
    source: Literal["installed", "config", "environment"]
    enabled: bool
    reason: str
    fix: str = ""
    api: int | None = None
    declarations: tuple[Declaration, ...] | None = None
    listens: bool | None = None
    known_by: Literal["manifest", "probe", ""] = ""
    by_policy: bool = False
    manifest_problem: str = ""
    manifest_fix: str = ""
    engines: tuple[EngineState, ...] = ()
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor found.

    Attributes:
        plugin: Whom it concerns, with version.
        problem: ``"skipped"``, ``"conflict"``, ``"clash with core"``, ``"engine missing"``, ``"engine version"``,
            ``"configuration"`` or ``"stale manifest"``.
        reason: What is wrong, in one line.
        fix: What to type, in one line.
        keys: The plugins that it concerns, as ``distribution:name``.
    """

    plugin: str
    problem: Literal[
        "skipped", "conflict", "clash with core", "engine missing", "engine version", "configuration", "stale manifest"
    ]
    reason: str
    fix: str
    keys: tuple[str, ...] = field(default=(), compare=False)
