"""``dovetail env``: its commands, each imported when it is called."""

from __future__ import annotations

from dovetail.cli._groups import LazyVerbs
from dovetail.cli._options import common

VERBS = {
    "list": ("dovetail.cli._env_list:list_environments", "The environments, and what is built of them."),
    "sync": ("dovetail.cli._env_sync:sync", "Build environments that are not there."),
    "lock": ("dovetail.cli._env_sync:lock", "Pin what environments hold in dovetail.lock."),
    "rm": ("dovetail.cli._env_care:rm", "Remove an environment."),
    "gc": ("dovetail.cli._env_care:gc", "Remove what nobody uses."),
    "shell": ("dovetail.cli._env_shell:shell", "A shell, or a command, in an environment."),
    "path": ("dovetail.cli._env_list:path", "Where an environment lies."),
}
"""Name of a command -> its code and its help."""

env = LazyVerbs("env", VERBS, help="Build, lock, list and remove isolated environments.")
common(env)
