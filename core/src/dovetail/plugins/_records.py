"""The small records that the plugins floor hands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

POLICY = "policy"
"""``Skipped.error_type`` of a plugin that configuration keeps out."""


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
