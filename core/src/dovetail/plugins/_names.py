"""Who owns which name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dovetail.config import Settings, canonical_name
from dovetail.errors import PluginConflict, listing
from dovetail.plugins._records import Identity
from dovetail.spec import Declaration, Manifest, TransformerSpec

CORE = "dovetail"
"""The core's own distribution."""

KINDS = {
    "TaskTypeSpec": "task_type",
    "TransformerSpec": "type",
    "CheckEngineSpec": "check_engine",
    "ExecutorSpec": "executor",
    "ArtifactStoreSpec": "artifact_store",
    "SecretProviderSpec": "secret",
    "CommandSpec": "command",
    "EnvironmentSpec": "environment",
}
"""Class of a declaration -> kind of name, as in ``owners``."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A plugin that declares a name, and the declaration."""

    manifest: Manifest
    declaration: Declaration

    @property
    def owner(self) -> str:
        """What ``owners`` calls the plugin: its distribution, or its module if it is not packaged."""
        return owner_name(self.manifest)

    @property
    def key(self) -> str:
        """What ``owners`` calls the plugin where its distribution has several: ``dovetail-spark:spark``."""
        return f"{self.owner}:{canonical_name(self.manifest.name)}"

    @property
    def who(self) -> str:
        """The plugin, for people."""
        return Identity.of(self.manifest).who


@dataclass(frozen=True)
class NameTable:
    """Every declared name with its owner.

    Attributes:
        owned: Name (``"task_type.spark"``) -> the one claim that counts.
        contested: Names that several plugins claim and nothing settles.
        clashes: Names of the core that a plugin claims too; the core keeps them.
        unsettled: Names in ``owners`` that no claimant of the stated distribution declares, with that distribution.
    """

    owned: Mapping[str, Claim] = field(default_factory=dict)
    contested: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    clashes: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    unsettled: Mapping[str, str] = field(default_factory=dict)


def owner_name(manifest: Manifest) -> str:
    """The name of a plugin in ``owners``, ``allow`` and ``deny``."""
    return canonical_name(manifest.distribution or manifest.module)


def declared_names(item: Declaration) -> tuple[str, ...]:
    """The names that a declaration claims, as they stand in ``owners``: ``"task_type.spark"``."""
    if isinstance(item, TransformerSpec):
        return tuple(dict.fromkeys(f"type.{name}" for name in (item.type, *item.aliases)))
    kind = KINDS.get(type(item).__name__)
    if kind is None:
        return ()
    schemes = getattr(item, "schemes", None)
    names = schemes if schemes is not None else (getattr(item, "name", ""),)
    return tuple(f"{kind}.{name}" for name in names)


def build_table(manifests: Iterable[Manifest], owners: Mapping[str, str]) -> NameTable:
    """Settle every name: a single claim, else the owner that config states, else the core; else it stays contested."""
    claims: dict[str, list[Claim]] = {}
    for manifest in manifests:
        for declaration in manifest.declarations:
            for name in declared_names(declaration):
                claims.setdefault(name, []).append(Claim(manifest, declaration))
    owned: dict[str, Claim] = {}
    contested: dict[str, tuple[Claim, ...]] = {}
    clashes: dict[str, tuple[Claim, ...]] = {}
    unsettled: dict[str, str] = {}
    owners = {name: canonical_name(owner) for name, owner in owners.items()}
    for name, rivals in claims.items():
        stated = [claim for claim in rivals if owners.get(name) in (claim.owner, claim.key)]
        core = [claim for claim in rivals if claim.owner == CORE]
        if name in owners and not stated:
            unsettled[name] = owners[name]
        if len(stated) == 1:
            owned[name] = stated[0]
        elif len(rivals) == 1:
            owned[name] = rivals[0]
        elif len(core) == 1:
            owned[name] = core[0]
            clashes[name] = tuple(claim for claim in rivals if claim is not core[0])
        else:
            contested[name] = tuple(rivals)
    for name, several in list(contested.items()):
        # Whoever owns a type owns its aliases too; nobody should have to settle each spelling of one type.
        owner = owned.get(main_name(name, several))
        if owner is not None and owner in several:
            owned[name] = owner
            del contested[name]
    unsettled |= {name: owner for name, owner in owners.items() if name not in claims}
    return NameTable(owned, contested, clashes, unsettled)


def main_name(name: str, rivals: Iterable[Claim]) -> str:
    """The name of the type that ``name`` is an alias of, if all that claim it agree; else ``name``."""
    types = {getattr(claim.declaration, "type", None) for claim in rivals}
    only = types.pop() if len(types) == 1 else None
    return f"type.{only}" if only else name


def conflict(name: str, rivals: Iterable[Claim], settings: Settings) -> PluginConflict:
    """The error for using a name that several plugins claim."""
    rivals = list(rivals)
    kind, _, short = name.partition(".")
    everybody = sorted({claim.who for claim in rivals})
    owners = [claim.owner for claim in rivals]
    if len(set(owners)) < len(owners):
        owners = [claim.key for claim in rivals]
    return PluginConflict(
        f"{len(rivals)} plugins own the {kind.replace('_', ' ')} {short!r}",
        who=listing(everybody),
        why="neither is preferred over the other",
        fix=owner_line(main_name(name, rivals), owners[0], settings)
        + f"   # or {' or '.join(owners[1:])}" * bool(owners[1:]),
        name=name,
        owners=owners,
    )


def owner_line(name: str, owner: str, settings: Settings) -> str:
    """The line of config that settles a name, with the file and the table that it belongs in."""
    source = settings.source or Path("pyproject.toml")
    table = "[owners]" if source.name == "dovetail.toml" else "[tool.dovetail.owners]"
    return f'in {source}, under {table}: "{name}" = "{owner}"'
