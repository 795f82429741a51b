"""``dovetail plugins`` and ``dovetail doctor``."""

from __future__ import annotations

from typing import Any

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._scaffold import new, update
from dovetail.cli._session import Session, with_session
from dovetail.cli._text import one_line, plural
from dovetail.config import unset_variables
from dovetail.errors import DovetailError, PlatformError
from dovetail.plugins import Finding, PluginListing, diagnose, list_plugins
from dovetail.spec import Declaration, Manifest

plugins = Verbs("plugins", help="List the installed plugins.")
common(plugins)
plugins.add_command(new)
plugins.add_command(update)

_KINDS = {
    "dovetail_task_types": "task type",
    "dovetail_type_transformers": "type",
    "dovetail_check_engines": "check engine",
    "dovetail_executors": "executor",
    "dovetail_artifact_stores": "artifact store",
    "dovetail_secrets": "secret provider",
    "dovetail_commands": "command",
}
_HARMLESS = ("engine missing",)


@plugins.command("list")
@click.option("--load", is_flag=True, help="Import the hook modules, to show the API and what each declares.")
@common
@with_session
def list_installed(session: Session, load: bool) -> None:
    """The installed plugins, from metadata alone: nothing is imported unless --load says so."""
    if load:
        lines = _loaded(session)
    else:
        lines = [_listed(listing) for listing in list_plugins(session.settings)]
    if session.options.json:
        emit_json(session.options, {"plugins": lines})
        return
    if not lines:
        show(text("no plugins are installed"), text("  pip install 'dovetail-polars[engine]'", "cyan"))
        return
    columns = ["plugin", "distribution", "version", *(["API", "declares"] if load else ["summary"]), "state"]
    rows = []
    for line in lines:
        middle = [line["api"] or "", _words(line["declares"])] if load else [line["summary"]]
        state = text("skipped: " + line["reason"], "yellow") if line["reason"] else text(line["state"], "green")
        rows.append((line["plugin"], line["distribution"], line["version"], *middle, state))
    prose = ("declares" if load else "summary", "state")
    show(
        table(columns, rows, spare=("API", "version", "distribution") if load else ("version", "summary"), prose=prose)
    )


def _listed(listing: PluginListing) -> dict[str, Any]:
    return {
        "plugin": listing.name,
        "distribution": listing.distribution,
        "version": listing.version,
        "module": listing.module,
        "summary": one_line(listing.summary),
        "api": None,
        "declares": None,
        "state": "enabled" if listing.enabled else "skipped",
        "reason": one_line(listing.reason),
    }


def _loaded(session: Session) -> list[dict[str, Any]]:
    catalogue = session.catalogue
    summaries = {(each.distribution, each.name): one_line(each.summary) for each in list_plugins(session.settings)}
    lines = [_manifest(manifest, summaries) for manifest in catalogue.manifests]
    for skipped in catalogue.skipped:
        lines.append(
            {
                "plugin": skipped.name,
                "distribution": skipped.distribution,
                "version": skipped.version,
                "module": skipped.module,
                "summary": summaries.get((skipped.distribution, skipped.name), ""),
                "api": None,
                "declares": None,
                "state": "skipped",
                "reason": one_line(skipped.reason),
            }
        )
    return lines


def _manifest(manifest: Manifest, summaries: dict[tuple[str, str], str]) -> dict[str, Any]:
    declares: dict[str, list[str]] = {}
    for declaration in manifest.declarations:
        declares.setdefault(_KINDS.get(declaration.hook, declaration.hook), []).append(_name(declaration))
    return {
        "plugin": manifest.name,
        "distribution": manifest.distribution,
        "version": manifest.version,
        "module": manifest.module,
        "summary": summaries.get((manifest.distribution, manifest.name), ""),
        "api": manifest.api,
        "declares": declares,
        "state": "loaded",
        "reason": "",
    }


def _name(declaration: Declaration) -> str:
    return str(getattr(declaration, "name", None) or getattr(declaration, "type", "?"))


def _words(declares: dict[str, list[str]] | None) -> str:
    return "; ".join(f"{kind} {', '.join(names)}" for kind, names in (declares or {}).items())


@click.command("doctor")
@common
@with_session
def doctor(session: Session) -> int:
    """Say what is wrong here, and what to type.

    Looks at the plugins, the configuration and the run store. Exits with 3 if anything but a missing engine was found.
    """
    findings = diagnose(session.catalogue)
    lines = [_finding(found) for found in findings]
    trouble = _store_trouble(session)
    if trouble is not None:
        lines.append(
            {"plugin": trouble.who or "", "problem": "store", "reason": _reason(trouble), "fix": trouble.fix or ""}
        )
    lines += _unset(session)
    bad = [line for line in lines if line["problem"] not in _HARMLESS]
    if session.options.json:
        emit_json(session.options, {"findings": lines, "healthy": not bad})
    elif not lines:
        loaded = len(session.catalogue.manifests)
        show(text(f"nothing is wrong: {plural(loaded, 'plugin')}, the core's own included", "green"))
    else:
        for line in lines:
            show(
                text(f"{line['plugin']}: {line['problem']}", "yellow" if line["problem"] in _HARMLESS else "bold red"),
                text(f"  {line['reason']}"),
                text(f"  fix: {line['fix']}", "cyan"),
            )
    return PlatformError.exit_code if bad else 0


def _finding(found: Finding) -> dict[str, str]:
    return {
        "plugin": found.plugin,
        "problem": found.problem,
        "reason": one_line(found.reason),
        "fix": one_line(found.fix),
    }


def _unset(session: Session) -> list[dict[str, str]]:
    """Connections whose secrets are not in the environment."""
    lines = []
    for name, connection in session.settings.connections.items():
        missing = unset_variables(connection)
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            lines.append(
                {
                    "plugin": f"connection {one_line(name, 80)}",
                    "problem": "secret not set",
                    "reason": f"{one_line(', '.join(missing))} {verb} not set in the environment",
                    "fix": one_line("export " + " ".join(f"{variable}=..." for variable in missing)),
                }
            )
    return lines


def _store_trouble(session: Session) -> DovetailError | None:
    """What keeps the run store from being opened; None if it opens, or is not there yet."""
    if not session.has_runs:
        return None
    try:
        session.hub.runs.open()
    except DovetailError as error:
        return error
    return None


def _reason(error: DovetailError) -> str:
    return one_line(f"{error.what}: {error.why}" if error.why else error.what)
