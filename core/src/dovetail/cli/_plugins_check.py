"""``dovetail plugins check``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from dovetail.cli._clashes import own_commands
from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import say
from dovetail.cli._plugins_list import KINDS, name_of
from dovetail.cli._text import one_line, plural, seconds_text
from dovetail.config import Settings, load_settings
from dovetail.errors import PlatformError, listing
from dovetail.plugins import (
    Catalogue,
    CodeCheck,
    PluginCheck,
    build_catalogue,
    check_plugin,
    find_named,
    list_plugins,
    look_at,
    named_code,
)

_STYLES = {"ok": "green", "stale manifest": "amber", "engine missing": "amber", "bad": "bold red"}


@click.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--strict", is_flag=True, help="A missing engine or a stale manifest is bad, too.")
@common
@click.pass_context
def check(context: click.Context, names: tuple[str, ...], strict: bool) -> int:
    """Import plugins, and the code that they name, each in a process of its own.

    NAME is a plugin, a distribution or a hook module; the default is all that configuration lets in. Exits with 3 if anything
    is bad, a name that another plugin declares, too, included. A missing engine and a stale manifest are not, unless --strict
    says so.
    """
    options = options_of(context)
    settings = load_settings(overrides=options.overrides())
    named = find_named(names or _let_in(settings), settings)
    catalogue = _everybody(settings)
    checked = []
    for found in named:
        checked.append(_with_commands(check_plugin(found, settings, catalogue), catalogue))
        if not options.json:
            _show(checked[-1])
    bad = [each for each in checked if each.state == "bad" or (strict and each.state != "ok")]
    if options.json:
        emit_json(options, {"ok": not bad, "plugins": [_document(each) for each in checked]})
    elif not checked:
        say("no plugins are installed")
    else:
        say(
            f"{len(bad)} of {plural(len(checked), 'plugin')} bad"
            if bad
            else f"{plural(len(checked), 'plugin')}: nothing is bad"
        )
    return PlatformError.exit_code if bad else 0


def _everybody(settings: Settings) -> Catalogue:
    """What all plugins declare; the hook modules of the project are looked at elsewhere, too."""
    project = [look_at(found, settings).manifest for found in find_named((), settings) if not found.distribution]
    manifests = [manifest for manifest in project if manifest is not None]
    return build_catalogue(replace(settings, strict=False, plugins=()), manifests=manifests)


def _with_commands(each: PluginCheck, catalogue: Catalogue) -> PluginCheck:
    """With the commands that nobody can call."""
    found = [
        clash for clash in own_commands(catalogue) if f"{each.distribution or each.module}:{each.name}" in clash.keys
    ]
    return replace(each, state="bad", problems=(*each.problems, *found)) if found else each


def _let_in(settings: Settings) -> tuple[str, ...]:
    return tuple(each.module or each.distribution for each in list_plugins(settings) if not each.by_policy)


def _document(each: PluginCheck) -> dict[str, Any]:
    names = _declared_by(each)
    return {
        "plugin": each.name,
        "distribution": each.distribution,
        "version": each.version,
        "module": each.module,
        "state": each.state,
        "reason": one_line(each.reason),
        "fix": one_line(each.fix),
        "seconds": round(each.seconds, 6),
        "code": [
            {
                "code": code.code,
                "declared_by": names[code.code],
                "state": code.state,
                "reason": one_line(code.reason),
                "fix": one_line(code.fix),
            }
            for code in each.code
        ],
        "problems": [
            {
                "plugin": found.plugin,
                "problem": found.problem,
                "reason": one_line(found.reason),
                "fix": one_line(found.fix),
            }
            for found in each.problems
        ],
    }


def _declared_by(each: PluginCheck) -> dict[str, list[str]]:
    """Code -> the declarations that name it, such as ``type polars.DataFrame``."""
    found: dict[str, list[str]] = {}
    for declaration in each.manifest.declarations if each.manifest is not None else ():
        for named in named_code(declaration):
            label = f"{KINDS.get(declaration.hook, declaration.hook)} {name_of(declaration)}"
            labels = found.setdefault(named.code, [])
            if label not in labels:
                labels.append(label)
    return found


def _show(each: PluginCheck) -> None:
    version = f" {each.version}" if each.version else ""
    said = f"{each.name} ({each.distribution or each.module}{version}): {each.state}"
    say(f"{said}, hooks in {seconds_text(each.seconds)}", _STYLES[each.state])
    if each.reason:
        say(f"  {each.reason}")
        say(f"  fix: {each.fix}", "cyan")
    for found in each.problems:
        among = f": {found.plugin}" if len(found.keys) > 1 else ""
        say(f"  {found.problem}: {found.reason}{among}", "amber" if found.problem == "engine missing" else "bold red")
        say(f"    fix: {found.fix}", "cyan")
    _show_code(each)
    good = sum(code.state == "ok" for code in each.code)
    if each.code:
        say(f"  {good} of {len(each.code)} named objects can be imported")


def _show_code(each: PluginCheck) -> None:
    """What cannot be imported; where many lack the same library, once."""
    names = _declared_by(each)
    told = {found.fix for found in each.problems}
    groups: dict[tuple[str, str], list[CodeCheck]] = {}
    for code in each.code:
        if code.state != "ok":
            alike = code.fix if code.state == "engine missing" else code.code
            groups.setdefault((code.state, alike), []).append(code)
    for (state, _), group in groups.items():
        first = group[0]
        if len(group) == 1:
            say(f"  {first.code} ({', '.join(names[first.code])}): {state}", _STYLES[state])
            say(f"    {first.reason}")
        else:
            say(f"  {len(group)} named objects: {state}", _STYLES[state])
            say(f"    {listing((code.code for code in group), 6)}")
        if first.fix and first.fix not in told:
            say(f"    fix: {first.fix}", "cyan")
