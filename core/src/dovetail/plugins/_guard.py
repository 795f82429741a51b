"""Whether this process is one that looks at plugins: there, nobody may ask for what all plugins declare."""

from __future__ import annotations

from dovetail.errors import PluginError

inside_a_probe = False


def asked_too_early() -> PluginError:
    """The error for a hook module that asks for the catalogue, which is being made of such modules."""
    return PluginError(
        "a plugin asked for the catalogue while the catalogue was being built",
        why="hooks only declare; what they name by string is loaded later",
        fix="move the call out of the hook module's top level and out of its hooks",
    )


def refuse_inside_a_probe() -> None:
    """Raise PluginError in a process that looks at a plugin: building a catalogue there would start the next such process."""
    if inside_a_probe:
        raise asked_too_early()
