"""What configuration lets load."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.config import Settings, canonical_name


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why configuration keeps a plugin out, and how to let it in."""

    reason: str
    fix: str


def refusal(settings: Settings, distribution: str, module: str, *, named: bool = False) -> Refusal | None:
    """Why the plugin may not load, or None if it may.

    Args:
        settings: ``disable_plugins``, ``deny`` and ``allow``, in order of strength.
        distribution: Name of the distribution; ``""`` if the module is not packaged.
        module: Import name of the hook module, which stands for the distribution where there is none.
        named: The module is listed in the setting ``plugins``, which is as good as allowing it.
    """
    who = canonical_name(distribution or module)
    if settings.disable_plugins:
        return Refusal("plugins are disabled", "set disable_plugins = false, or unset DOVETAIL_DISABLE_PLUGINS")
    if who in map(canonical_name, settings.deny):
        return Refusal("it is on the deny list", f"remove {who} from deny (or DOVETAIL_DENY)")
    if settings.allow is not None and not named and who not in map(canonical_name, settings.allow):
        return Refusal("it is not on the allow list", f"add {who} to allow (or DOVETAIL_ALLOW)")
    return None
