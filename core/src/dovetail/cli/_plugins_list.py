"""``dovetail plugins list``: from metadata and manifests; what it imports is paid for by everybody who lists plugins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import Cell, plain_table, say
from dovetail.cli._text import one_line
from dovetail.config import Settings, load_settings
from dovetail.plugins import PluginListing, list_plugins
from dovetail.spec import Declaration, EnvironmentSpec

KINDS = {
    "dovetail_task_types": "task type",
    "dovetail_type_transformers": "type",
    "dovetail_check_engines": "check engine",
    "dovetail_executors": "executor",
    "dovetail_artifact_stores": "artifact store",
    "dovetail_secrets": "secret provider",
    "dovetail_commands": "command",
    "dovetail_environments": "environment",
}
"""Hook -> what people call that which it collects."""


@click.command("list")
@common
@click.pass_context
def list_installed(context: click.Context) -> None:
    """The installed plugins and what they declare.

    From metadata and from the manifests that plugins ship: nothing is imported.
    """
    options = options_of(context)
    settings = load_settings(overrides=options.overrides())
    listings = list_plugins(settings)
    if options.json:
        emit_json(options, {"plugins": [document(listing) for listing in listings]})
    elif not listings:
        say("no plugins are installed")
        say("  pip install 'dovetail-polars[engine]'", "cyan")
    else:
        columns = ["plugin", "distribution", "version", "API", "declares", "engine", "state"]
        plain_table(
            columns,
            [_row(listing, settings) for listing in listings],
            spare=("API", "version", "distribution"),
            prose=("declares", "engine", "state"),
        )


def document(listing: PluginListing) -> dict[str, Any]:
    """One plugin as JSON."""
    return {
        "plugin": listing.name,
        "distribution": listing.distribution,
        "version": listing.version,
        "module": listing.module,
        "summary": one_line(listing.summary),
        "api": listing.api,
        "declares": names_by_kind(listing.declarations),
        "listens": listing.listens,
        "known_by": listing.known_by or None,
        "engines": [{"engine": engine.engine, "found": engine.found} for engine in listing.engines],
        "environment": listing.environment or None,
        "state": "enabled" if listing.enabled else "skipped",
        "reason": one_line(listing.reason),
        "fix": one_line(listing.fix or hint(listing)),
    }


def hint(listing: PluginListing) -> str:
    """What to type to learn what a plugin declares, or to have it told, where that is not known; else ``""``."""
    if listing.declarations is not None or not listing.enabled or not listing.distribution:
        return ""
    return listing.manifest_fix or f"dovetail plugins check {listing.name}"


def names_by_kind(declarations: Iterable[Declaration] | None) -> dict[str, list[str]] | None:
    """Names that are declared, by what people call their kind; None where nothing is known."""
    if declarations is None:
        return None
    found: dict[str, list[str]] = {}
    for declaration in declarations:
        found.setdefault(KINDS.get(declaration.hook, declaration.hook), []).append(name_of(declaration))
    return found


def name_of(declaration: Declaration) -> str:
    """What a declaration is called."""
    return str(getattr(declaration, "name", None) or getattr(declaration, "type", "?"))


def _row(listing: PluginListing, settings: Settings) -> list[Cell]:
    return [
        listing.name,
        listing.distribution or listing.module,
        listing.version,
        str(listing.api or ""),
        _declares(listing),
        _engines(listing, settings),
        _state(listing),
    ]


def _state(listing: PluginListing) -> Cell:
    if listing.reason:
        return ("skipped: " + listing.reason, "amber")
    return (f"in environment {listing.environment}" if listing.environment else "enabled", "green")


def _declares(listing: PluginListing) -> Cell:
    declared = names_by_kind(listing.declarations)
    if declared is None:
        if not listing.enabled:
            return "?"
        why = "stale manifest" if listing.manifest_problem else "no manifest"
        return f"? {why}: {hint(listing)}" if hint(listing) else "? imported when it is used"
    # Environments are seen where the engine is missing.
    words = [f"{kind} {', '.join(names)}" for kind, names in declared.items() if kind != "environment"]
    return "; ".join([*words, "listens"] if listing.listens else words)


def _engines(listing: PluginListing, settings: Settings) -> Cell:
    missing = [engine.engine for engine in listing.engines if not engine.found]
    if missing:
        specs = [each for each in listing.declarations or () if isinstance(each, EnvironmentSpec)]
        own = {each.engine for each in specs if settings.engines.get(each.name, settings.engine) != "here"}
        if set(missing) <= own:
            return (f"{', '.join(missing)} isolated", "amber")
        return (f"{', '.join(missing)} missing", "amber")
    return ", ".join(engine.engine for engine in listing.engines)
