"""``dovetail doctor``: what is here, what is wrong with it, and what to type."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from typing import Any

import click

from dovetail import __version__
from dovetail.cli._clashes import own_commands
from dovetail.cli._options import common
from dovetail.cli._output import emit_json
from dovetail.cli._plain import Cell, plain_table, say
from dovetail.cli._session import Session, with_session
from dovetail.cli._text import one_line, plural
from dovetail.cli._where import environment_findings
from dovetail.config import unset_variables
from dovetail.errors import DovetailError, PlatformError
from dovetail.plugins import EngineState, Finding, build_catalogue, diagnose, engines_of, with_details

_HARMLESS = ("engine missing", "engine version", "stale manifest", "half-built environment", "damaged environment")


@click.command("doctor")
@common
@with_session
def doctor(session: Session) -> int:
    """Say what is wrong here, and what to type.

    Looks at the plugins, their engines and environments, the configuration and the run store. The code that plugins name is
    not imported: dovetail plugins check does that. Exits with 3 if anything was found but what harms nothing: engines that are
    missing or of another version, stale manifests, environments that are built anew when they are used.
    """
    # Strict or not: it is asked to tell all that is wrong, and not just the first.
    session.catalogue = build_catalogue(replace(session.settings, strict=False))
    plugins = _plugins(session)
    lines = [_finding(found) for found in (*diagnose(session.catalogue), *own_commands(session.catalogue))]
    trouble = _store_trouble(session)
    if trouble is not None:
        lines.append(
            {"plugin": trouble.who or "", "problem": "store", "reason": _reason(trouble), "fix": trouble.fix or ""}
        )
    lines += _unset(session)
    lines += environment_findings(session.catalogue, session.settings)
    bad = [line for line in lines if line["problem"] not in _HARMLESS]
    if session.options.json:
        emit_json(
            session.options,
            {
                "healthy": not bad,
                "dovetail": __version__,
                "python": platform.python_version(),
                "executable": sys.executable,
                "plugins": plugins,
                "findings": lines,
            },
        )
    else:
        _show(plugins, lines, len(session.catalogue.manifests))
    return PlatformError.exit_code if bad else 0


def _plugins(session: Session) -> list[dict[str, Any]]:
    """Every plugin but the core's own, with its engines."""
    catalogue = session.catalogue
    lines = []
    for manifest in catalogue.manifests:
        if manifest.distribution == "dovetail":
            continue
        here = manifest not in catalogue.foreign
        project = None if manifest.distribution else session.settings
        states = engines_of(manifest.declarations, project, manifest.module) if here else ()
        engines = [_engine(state) for state in with_details(states)]
        lines.append(_line(manifest, "loaded", "") | {"engines": engines})
    for skipped in catalogue.skipped:
        lines.append(_line(skipped, "skipped", skipped.reason) | {"engines": [], "by_policy": skipped.by_policy})
    return sorted(lines, key=lambda line: (line["distribution"], line["plugin"]))


def _line(described: Any, state: str, reason: str) -> dict[str, Any]:
    return {
        "plugin": described.name,
        "distribution": described.distribution,
        "version": described.version,
        "state": state,
        "reason": one_line(reason),
    }


def _engine(state: EngineState) -> dict[str, Any]:
    return {"engine": state.engine, "found": state.found, "version": state.version or None, "path": state.path or None}


def _show(plugins: list[dict[str, Any]], findings: list[dict[str, str]], loaded: int) -> None:
    say(f"dovetail {__version__}, Python {platform.python_version()} in {sys.executable}")
    if plugins:
        rows = [_row(plugin) for plugin in plugins]
        say("")
        plain_table(
            ["plugin", "distribution", "version", "engine", "state"], rows, spare=("version",), prose=("state",)
        )
    say("")
    if not findings:
        say(f"nothing is wrong: {plural(loaded, 'plugin')}, the core's own included", "green")
        say("the code that they name was not imported: dovetail plugins check")
    for line in findings:
        say(f"{line['plugin']}: {line['problem']}", "amber" if line["problem"] in _HARMLESS else "bold red")
        say(f"  {line['reason']}")
        say(f"  fix: {line['fix']}", "cyan")


def _row(plugin: dict[str, Any]) -> list[Cell]:
    told = [
        f"{e['engine']} {e['version'] or ''}".strip() if e["found"] else f"{e['engine']} missing"
        for e in plugin["engines"]
    ]
    missing = any(not engine["found"] for engine in plugin["engines"])
    by_policy = plugin["reason"] and plugin["by_policy"]  # which no finding repeats below
    state = f"skipped: {plugin['reason']}" if by_policy else plugin["state"]
    return [
        plugin["plugin"],
        plugin["distribution"],
        plugin["version"],
        (", ".join(told), "amber" if missing else ""),
        (state, "amber" if plugin["reason"] else "green"),
    ]


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
