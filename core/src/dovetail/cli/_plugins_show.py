"""``dovetail plugins show``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import click

from dovetail.cli._options import common, options_of
from dovetail.cli._output import emit_json
from dovetail.cli._plain import say
from dovetail.cli._plugins_list import KINDS, document
from dovetail.cli._text import one_line
from dovetail.cli._where import environments_of
from dovetail.config import Settings, canonical_name, load_settings
from dovetail.plugins import (
    Catalogue,
    Found,
    PluginListing,
    build_catalogue,
    config_fields_of,
    find_named,
    list_one,
    list_plugins,
    look_at,
    with_details,
)
from dovetail.spec import Declaration, Manifest

_DEFAULT = re.compile(r"\s*\bDefault:? \S+\.?$")
"""The end of a text that says the default, which is shown beside the type."""


@click.command("show")
@click.argument("name", metavar="NAME")
@common
@click.pass_context
def show_plugin(context: click.Context, name: str) -> None:
    """Everything about one plugin.

    NAME is a plugin, a distribution or a hook module. A plugin without a manifest is imported, and the config classes of task
    types are, in processes of their own.
    """
    options = options_of(context)
    settings = load_settings(overrides=options.overrides())
    # Hook modules of the project are imported by a catalogue; of those that are installed it reads the manifests.
    catalogue = build_catalogue(replace(settings, plugins=(), strict=False))
    elsewhere = [each for each in list_plugins(settings) if each.environment and _is_called(each, name)]
    found = [] if elsewhere else find_named((name,), settings)
    told = [_told(each, list_one(each, settings), catalogue, settings) for each in found]
    told += [_told_elsewhere(each, catalogue, settings) for each in elsewhere]
    if options.json:
        emit_json(options, {"plugins": told})
        return
    for number, each in enumerate(told):
        if number:
            say("")
        _show(each)


def _told(found: Found, listing: PluginListing, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    manifest = _manifest(found, listing)
    told = document(listing)
    if manifest is None and not listing.reason:  # else it is kept out, or is known to take long and come to nothing
        probed = look_at(found, settings)
        manifest = probed.manifest
        if manifest is not None:
            told["api"], told["listens"], told["known_by"], told["fix"] = manifest.api, probed.listens, "probe", ""
        elif probed.error is not None:
            told["state"], told["fix"] = "skipped", one_line(probed.error.fix)
            told["reason"] = one_line(f"{probed.error.what}: {probed.error.why}")
    told["manifest_problem"] = one_line(listing.manifest_problem) or None
    told["manifest_fix"] = one_line(listing.manifest_fix) or None
    told["engines"] = [
        {"engine": each.engine, "found": each.found, "version": each.version or None, "path": each.path or None}
        for each in with_details(listing.engines)
    ]
    del told["declares"]
    told["environments"] = environments_of(manifest, catalogue, settings) if manifest is not None else []
    declarations = manifest.declarations if manifest is not None else ()
    told["declarations"] = [_declaration(each, manifest, settings) for each in declarations]
    told["conflicts"] = _conflicts(listing, catalogue)
    return told


def _is_called(listing: PluginListing, name: str) -> bool:
    return name in (listing.name, listing.module) or canonical_name(name) == listing.distribution


def _told_elsewhere(listing: PluginListing, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    """A plugin that is installed in an environment, and not here."""
    told = document(listing)
    del told["declares"]
    manifest = next(
        (m for m in catalogue.foreign if (m.distribution, m.name) == (listing.distribution, listing.name)), None
    )
    told |= {"manifest_problem": None, "manifest_fix": None, "engines": []}
    told["environments"] = [] if manifest is None else environments_of(manifest, catalogue, settings)
    told["declarations"] = [_declaration(each, None, settings) for each in listing.declarations or ()]
    told["conflicts"] = _conflicts(listing, catalogue)
    return told


def _manifest(found: Found, listing: PluginListing) -> Manifest | None:
    if listing.declarations is None or listing.api is None:
        return None
    who = (found.name, found.distribution, found.version, found.module)
    return Manifest(*who, listing.api, listing.declarations)


def _declaration(declaration: Declaration, manifest: Manifest | None, settings: Settings) -> dict[str, Any]:
    told = declaration.to_dict()
    told["kind"] = KINDS.get(declaration.hook, declaration.hook)
    config = getattr(declaration, "config", None)
    if config and manifest is not None:
        told["settings"] = config_fields_of(manifest, config, settings)
    return told


def _conflicts(listing: PluginListing, catalogue: Catalogue) -> list[dict[str, Any]]:
    key = f"{listing.distribution or listing.module}:{listing.name}"
    disputed = {**catalogue.names.contested, **catalogue.names.clashes}
    found = []
    for name, claims in disputed.items():
        if any(claim.manifest.key == key for claim in claims):
            kind, _, short = name.partition(".")
            error = catalogue.missing(kind, short) if name in catalogue.names.contested else None
            fix = error.fix if error is not None else "rename it in the plugin: the core keeps a name of its own"
            found.append({"name": name, "owners": [claim.owner for claim in claims], "fix": one_line(fix)})
    return found


def _show(told: dict[str, Any]) -> None:
    say(f"{told['plugin']}: {told['summary']}" if told["summary"] else told["plugin"], "bold")
    if told["distribution"]:
        say(f"  distribution  {told['distribution']} {told['version']}")
    api = f", hook API {told['api']}" if told["api"] else ""
    say(f"  hook module   {told['module']}{api}")
    looked = "its manifest is not used" if told["manifest_problem"] else "it ships no manifest"
    known = {"manifest": "its manifest", "probe": f"a look at it: {looked}", None: "nobody"}[told["known_by"]]
    say(f"  told by       {known}")
    state = f"installed in environment {told['environment']} alone" if told["environment"] else told["state"]
    say(f"  state         {state}", "green" if told["state"] == "enabled" else "amber")
    for text, fix in ((told["reason"], told["fix"]), (told["manifest_problem"], told["manifest_fix"])):
        if text:
            say(f"    {text}")
            if fix:
                say(f"    fix: {fix}", "cyan")
    _show_engines(told)
    _show_environments(told)
    if told["listens"]:
        say("  hears events")
    for declaration in told["declarations"]:
        _show_declaration(declaration)
    for conflict in told["conflicts"]:
        say(f"  conflict: {conflict['name']} is declared by {', '.join(conflict['owners'])}, too", "bold red")
        say(f"    fix: {conflict['fix']}", "cyan")


def _show_engines(told: dict[str, Any]) -> None:
    for engine in told["engines"]:
        if engine["found"]:
            version = f" {engine['version']}" if engine["version"] else ""
            say(f"  engine        {engine['engine']}{version}, found in {engine['path']}")
            continue
        say(f"  engine        {engine['engine']} is missing", "amber")
        if any(each["engine"] == engine["engine"] for each in told["environments"]):
            continue  # which says what to type
        stated = [d["install"] for d in told["declarations"] if d.get("install")]
        line = stated[0] if stated else f"pip install '{told['distribution']}[engine]'"
        say(f"    fix: {line}", "cyan")


def _show_environments(told: dict[str, Any]) -> None:
    for each in told["environments"]:
        where = {"here": "here", "isolated": f"in environment {each['name']}", None: "nowhere"}[each["where"]]
        say(f"  runs          {where}: {each['reason']}", "" if each["where"] else "amber")
        if each["fix"]:
            say(f"    fix: {each['fix']}", "cyan")
        if each["path"]:
            say(f"  environment   {each['name']}: Python {each['python']} in {each['path']}")
        elif each["requires"] is not None and each["where"] != "here":
            say(f"  environment   {each['name']} is not built: {', '.join(each['requires'])}")
            say(f"    to build it now: dovetail env sync {each['name']}", "cyan")


def _show_declaration(told: dict[str, Any]) -> None:
    name = told.get("name") or told.get("type")
    say("")
    say(f"  {told['kind']} {name}" + (f": {told['summary']}" if told.get("summary") else ""), "bold")
    if told.get("code"):
        say(f"    code {told['code']}")
    if told.get("extra"):
        python = f" on Python {told['python']}" if told["python"] else ""
        say(f"    of {told['engine']}, which the extra {told['extra']} brings{python}")
    for label, key in (("also", "aliases"), ("suites", "suites"), ("schemes", "schemes")):
        if told.get(key):
            say(f"    {label} {', '.join(told[key])}")
    for edge in told.get("converters", ()):
        loses = f", loses {edge['lossy']}" if edge["lossy"] else ""
        say(f"    converts {edge['source']} -> {edge['target']}: {edge['cost']}{loses}")
    for codec in told.get("codecs", ()):
        say(f"    stored as {codec['format']}" + (f" ({codec['suffix']})" if codec["suffix"] else ""))
    if told.get("config"):
        say(f"    config {told['config']}")
        for field in told.get("settings") or ():
            default = f" = {field['default']}" if field["default"] else ""
            text = _DEFAULT.sub("", field["text"]) if default else field["text"]
            say(f"      {field['name']}: {field['type']}{default}" + (f"  {text}" if text else ""))
