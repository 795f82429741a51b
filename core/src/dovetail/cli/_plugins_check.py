"""``dovetail plugins check``."""

from __future__ import annotations

from typing import Any

import click

from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import say
from dovetail.cli._plugins_list import KINDS, name_of
from dovetail.cli._text import one_line, plural, seconds_text
from dovetail.config import Settings, load_settings
from dovetail.errors import PlatformError
from dovetail.plugins import PluginCheck, check_plugin, find_named, list_plugins, named_code

_STYLES = {"ok": "green", "engine missing": "amber", "bad": "bold red"}


@click.command("check")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--strict", is_flag=True, help="A missing engine is bad, too.")
@common
@click.pass_context
def check(context: click.Context, names: tuple[str, ...], strict: bool) -> int:
    """Import plugins, and the code that they name, each in a process of its own.

    NAME is a plugin, a distribution or a hook module; the default is all that configuration lets in. Exits with 3 if anything
    is bad. A missing engine is not, unless --strict says so.
    """
    options = options_of(context)
    settings = load_settings(overrides=options.overrides())
    checked = []
    for found in find_named(names or _let_in(settings), settings):
        checked.append(check_plugin(found, settings))
        if not options.json:
            _show(checked[-1])
    failing = ("bad", "engine missing") if strict else ("bad",)
    bad = [each for each in checked if each.state in failing]
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
    names = _declared_by(each)
    for code in each.code:
        if code.state != "ok":
            say(f"  {code.code} ({', '.join(names[code.code])}): {code.state}", _STYLES[code.state])
            say(f"    {code.reason}")
            if code.fix:
                say(f"    fix: {code.fix}", "cyan")
    good = sum(code.state == "ok" for code in each.code)
    if each.code:
        say(f"  {good} of {len(each.code)} named objects can be imported")
