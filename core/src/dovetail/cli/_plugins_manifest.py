"""``dovetail plugins manifest``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import say
from dovetail.config import canonical_name, load_settings
from dovetail.errors import PlatformError, UsageError
from dovetail.plugins import find_named, hook_module_exists, manifest_difference, write_shipped_manifest


@click.command("manifest")
@click.argument("name", metavar="NAME")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 3 if the manifest is missing, stale or says something else."
)
@click.option("--force", is_flag=True, help="Write into a plugin that is installed, and not as editable, too.")
@common
@click.pass_context
def manifest(context: click.Context, name: str, check: bool, force: bool) -> int:
    """Write what a plugin declares beside its hook module.

    NAME is a plugin, a distribution or the import name of a hook module. The file is committed and shipped: with it, the
    plugin is known without being imported.
    """
    options = options_of(context)
    module = _module(context, name)
    if check:
        problem = manifest_difference(module)
        if options.json:
            emit_json(options, {"module": module, "current": problem is None, "problem": problem})
        elif problem is None:
            say(f"the manifest of {module} is current", "green")
        else:
            say(problem, "bold red")
            say(f"  fix: dovetail plugins manifest {name}", "cyan")
        return 0 if problem is None else PlatformError.exit_code
    path = write_shipped_manifest(module, foreign=force)
    if options.json:
        emit_json(options, {"module": module, "path": str(path)})
    else:
        say(f"wrote {_shown(path)}", "green")
    return 0


def _module(context: click.Context, name: str) -> str:
    """The hook module that a name means: of an installed plugin, else the name itself."""
    settings = load_settings(overrides=options_of(context).overrides())
    try:
        found = find_named((name,), settings)
    except UsageError:
        if hook_module_exists(name):
            return name
        raise
    modules = sorted({each.module for each in found})
    if len(modules) > 1:
        raise UsageError(
            f"{canonical_name(name)} has several plugins", fix=f"name one: {', '.join(each.name for each in found)}"
        )
    return modules[0]


def _shown(path: Path) -> str:
    below = os.path.relpath(path)
    return str(path) if below.startswith("..") else below
