"""Plugins that are installed in another environment: what they declare, learnt without importing any of them here."""

from __future__ import annotations

import tempfile
from pathlib import Path

import dovetail.errors
from dovetail.config import Settings
from dovetail.plugins._failures import one_line
from dovetail.plugins._probe import Elsewhere, probe
from dovetail.plugins._records import Identity
from dovetail.plugins._scan import Found, scan_plugins
from dovetail.plugins._shipped import ManifestProblem, read_shipped
from dovetail.spec import Manifest

_CORE = Path(dovetail.errors.__file__).parents[1]


def manifests_in(site: Path, python: Path, settings: Settings) -> tuple[list[Manifest], list[tuple[str, str]]]:
    """What the plugins in another environment declare, and those that cannot be used: who, and why.

    Most ship a manifest, which is read. The others are imported by the interpreter of that environment, in a process of
    their own, with this process's dovetail.

    Args:
        site: Its directory of packages.
        python: Its interpreter.
        settings: ``plugin_import_seconds`` says how long one may take.
    """
    manifests: list[Manifest] = []
    problems: list[tuple[str, str]] = []
    unknown: list[Found] = []
    for found in scan_plugins(str(site)):
        identity = Identity.of(found)
        if found.problem is not None:
            problems.append((identity.who, found.problem))
            continue
        try:
            manifests.append(read_shipped(identity, _source(site, found.module)).manifest)
        except ManifestProblem:
            unknown.append(found)
    if unknown:
        more, failed = _probed(unknown, python, settings.plugin_import_seconds)
        manifests += more
        problems += failed
    return sorted(manifests, key=lambda each: each.key), problems


def _source(site: Path, module: str) -> str:
    base = site.joinpath(*module.split("."))
    package = base / "__init__.py"
    return str(package if package.is_file() else base.with_name(base.name + ".py"))


def _probed(plugins: list[Found], python: Path, seconds: float) -> tuple[list[Manifest], list[tuple[str, str]]]:
    manifests, problems = [], []
    with tempfile.TemporaryDirectory(prefix="dovetail-core-") as folder:
        Path(folder, "dovetail").symlink_to(_CORE)
        told = probe(plugins, seconds, elsewhere=Elsewhere(str(python), folder))
        for found, each in zip(plugins, told, strict=True):
            if each.manifest is not None:
                manifests.append(each.manifest)
            else:
                why = one_line(each.error) if each.error is not None else "it cannot be imported"
                problems.append((Identity.of(found).who, why))
    return manifests, problems
