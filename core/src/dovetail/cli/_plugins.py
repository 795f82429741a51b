"""``dovetail plugins``: its commands, each imported when it is called."""

from __future__ import annotations

from dovetail.cli._groups import LazyVerbs
from dovetail.cli._options import common

VERBS = {
    "list": ("dovetail.cli._plugins_list:list_installed", "The installed plugins and what they declare."),
    "show": ("dovetail.cli._plugins_show:show_plugin", "Everything about one plugin."),
    "check": (
        "dovetail.cli._plugins_check:check",
        "Import plugins, and the code that they name, each in a process of its own.",
    ),
    "manifest": ("dovetail.cli._plugins_manifest:manifest", "Write what a plugin declares beside its hook module."),
    "new": ("dovetail.cli._scaffold:new", "Make a plugin package that works as it is."),
    "update": ("dovetail.cli._scaffold:update", "Bring a plugin up to the newest template; your edits stay."),
}
"""Name of a command -> its code and its help."""

plugins = LazyVerbs("plugins", VERBS, help="List, show and check plugins; make one.")
common(plugins)
