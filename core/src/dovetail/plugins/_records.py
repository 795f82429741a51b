"""The small records that the plugins floor hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

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
class PluginListing:
    """One plugin as its metadata shows it; nothing of it was imported.

    Attributes:
        name: Name of the entry point, or of the module if it is not packaged.
        distribution: Name of the distribution, or ``""``.
        version: Version of the distribution, or ``""``.
        module: Import name of the hook module.
        summary: One line of the distribution's metadata.
        source: ``"installed"``, or ``"config"`` if the setting ``plugins`` names it.
        enabled: Whether configuration lets it load.
        reason: Why not; ``""`` if it does.
    """

    name: str
    distribution: str
    version: str
    module: str
    summary: str
    source: Literal["installed", "config"]
    enabled: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor found.

    Attributes:
        plugin: Whom it concerns, with version.
        problem: ``"skipped"``, ``"conflict"``, ``"clash with core"``, ``"engine missing"`` or ``"configuration"``.
        reason: What is wrong, in one line.
        fix: What to type, in one line.
    """

    plugin: str
    problem: Literal["skipped", "conflict", "clash with core", "engine missing", "configuration"]
    reason: str
    fix: str
