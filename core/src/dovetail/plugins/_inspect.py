"""Looking at single plugins closely, in processes of their own: whether they work, and what they let be set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from dovetail.config import Settings, canonical_name
from dovetail.errors import UsageError, listing, nearest
from dovetail.plugins._blame import manifest_fix
from dovetail.plugins._build import BUILTINS
from dovetail.plugins._cache import ProbeCache
from dovetail.plugins._catalogue import Catalogue
from dovetail.plugins._checking import named_code
from dovetail.plugins._discovery import core_version
from dovetail.plugins._doctor import disputes, missing_engines
from dovetail.plugins._failures import bounded, one_line
from dovetail.plugins._names import CORE
from dovetail.plugins._probe import Probed, ask, probe, understood
from dovetail.plugins._records import Finding, Identity
from dovetail.plugins._resolve import look
from dovetail.plugins._scan import Found, scan_plugins
from dovetail.plugins._shipped import ManifestProblem, NoManifest, difference, read_shipped
from dovetail.spec import Manifest

CODE_SECONDS = 120.0
"""Seconds that importing one module that a plugin names may take; engines are large."""

Verdict = Literal["ok", "stale manifest", "engine missing", "bad"]
"""From good to bad. A stale manifest and a missing engine harm nobody who does not need them."""


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """Whether code that a plugin names can be imported.

    Attributes:
        code: ``"module:attribute"``.
        state: ``"ok"``, ``"engine missing"`` or ``"bad"``.
        reason: Why not, in one line; else ``""``.
        fix: What to type, in one line; else ``""``.
    """

    code: str
    state: Verdict
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class PluginCheck:
    """Whether a plugin can be used, all of it having been imported.

    Attributes:
        name: Name of the entry point.
        distribution: Name of the distribution, or ``""``.
        version: Its version, or ``""``.
        module: Import name of the hook module.
        state: The worst of the hook module, the manifest, all code and the problems.
        reason: What is wrong with the hook module or the manifest, in one line; else ``""``.
        fix: What to type about that, in one line; else ``""``.
        seconds: How long importing the hook module and collecting took.
        manifest: What it declares, or None if that cannot be said.
        code: All code that its declarations name, each once, in their order.
        problems: Engines that are missing, and names that others declare, too.
    """

    name: str
    distribution: str
    version: str
    module: str
    state: Verdict
    reason: str
    fix: str
    seconds: float
    manifest: Manifest | None
    code: tuple[CodeCheck, ...]
    problems: tuple[Finding, ...] = ()


def find_named(names: Sequence[str], settings: Settings) -> list[Found]:
    """Plugins by their name, their distribution or their hook module, whatever configuration lets in; without names all.

    The distribution ``dovetail`` stands for the core's own hook modules, which are not among all.

    Raises:
        UsageError: There is none of a name; the nearest is told.
    """
    known = scan_plugins()
    known += [
        Found(module, module, "", "", "")
        for module in settings.plugins
        if module not in {each.module for each in known}
    ]
    if not names:
        return known
    chosen: dict[str, Found] = {}
    for name in names:
        found = [f for f in known if name in (f.name, f.module) or canonical_name(name) == f.distribution]
        found = found or (builtin_plugins() if canonical_name(name) == CORE else [])
        found = found or [f for f in known if f.distribution == f"dovetail-{canonical_name(name)}"]
        if not found:
            everybody = sorted({f.name for f in known} | {f.distribution for f in known if f.distribution})
            close = nearest(name, everybody)
            raise UsageError(
                f"no plugin or distribution is called {name!r}",
                why=f"the plugins here are {listing(f.name for f in known)}" if known else "no plugins are installed",
                fix=f"did you mean {close!r}?" if close else "dovetail plugins list",
            )
        chosen |= {each.key: each for each in found}
    return list(chosen.values())


def builtin_plugins() -> list[Found]:
    """The core's own hook modules, as if they were installed plugins."""
    version = core_version()
    return [Found(module.split(".")[-2], module, "", CORE, version) for module in BUILTINS]


def look_at(found: Found, settings: Settings) -> Probed:
    """Import a hook module in a process of its own, now, whatever is known already; what is found replaces what was kept."""
    if not found.distribution:
        (probed,) = probe([found], settings.plugin_import_seconds, settings.project_root)
        return probed
    (probed,) = look([found], ProbeCache(settings), settings)
    return probed


def check_plugin(found: Found, settings: Settings, catalogue: Catalogue | None = None) -> PluginCheck:
    """Import a plugin's hook module and all code that it names, in processes of their own.

    Args:
        found: The plugin.
        settings: The time limit for the hook module; code may take two minutes per module.
        catalogue: Of all plugins, to tell which names it shares with others. Default: that is not looked at.
    """
    who = (found.name, found.distribution, found.version, found.module)
    if found.problem is not None:
        fix = f"pip install --force-reinstall {found.distribution}"
        return PluginCheck(*who, "bad", found.problem, fix, 0.0, None, ())
    probed = look_at(found, settings)
    manifest = probed.manifest
    if manifest is None:
        error = probed.error
        assert error is not None  # there is one or the other
        return PluginCheck(*who, "bad", one_line(error), error.fix or "", probed.seconds, None, ())
    code = _check_code(manifest, settings)
    problems = (
        *(disputes(catalogue, manifest.key) if catalogue is not None else ()),
        *missing_engines(manifest, settings),
    )
    states: set[Verdict] = {each.state for each in code}
    states |= {"engine missing" if each.problem == "engine missing" else "bad" for each in problems}
    of_manifest, reason = _manifest_problem(found, probed)
    fix = manifest_fix(Identity.of(found)) if reason else ""
    state = max(states | {of_manifest}, key=get_args(Verdict).index)
    return PluginCheck(*who, state, reason, fix, probed.seconds, manifest, code, problems)


def _manifest_problem(found: Found, probed: Probed) -> tuple[Verdict, str]:
    """A manifest that cannot be used is not used, which harms nothing; one that says something else is believed."""
    if found.attribute or probed.manifest is None:
        return "ok", ""
    try:
        read_shipped(Identity.of(found))
        reason = difference(Identity.of(found), probed.manifest, probed.listens) or ""
    except NoManifest:
        return "ok", ""
    except ManifestProblem as error:
        return "stale manifest", str(error)
    return ("bad" if reason else "ok"), reason


def _check_code(manifest: Manifest, settings: Settings) -> tuple[CodeCheck, ...]:
    named = [each for declaration in manifest.declarations for each in named_code(declaration)]
    modules = list(dict.fromkeys(each.module for each in named))
    items = [_item(manifest, module, settings) for module in modules]
    results: dict[str, CodeCheck] = {}
    for module, answer in zip(modules, ask(items, CODE_SECONDS), strict=True):
        if "code" in answer:
            for code, told in answer["code"].items():
                results[code] = CodeCheck(code, told["state"], bounded(told["reason"]), bounded(told["fix"]))
        else:
            error = understood(answer, Identity.of(manifest), CODE_SECONDS).error
            lost = CodeCheck("", "bad", (error.why or "") if error else "", (error.fix or "") if error else "")
            results |= {each.code: replace(lost, code=each.code) for each in named if each.module == module}
    return tuple(results[each.code] for each in {each.code: each for each in named}.values())


def config_fields_of(manifest: Manifest, code: str, settings: Settings) -> list[dict[str, str]] | None:
    """The fields of the config class of a task type, read in a process of its own; None if it cannot be imported there.

    Args:
        manifest: The plugin.
        code: ``"module:attribute"`` of the class.
        settings: Tell where the modules of a plugin that is not packaged may lie.

    Returns:
        ``name``, ``type``, ``default`` and ``text`` of each.
    """
    (answer,) = ask([_item(manifest, code, settings)], settings.plugin_import_seconds)
    fields = answer.get("fields")
    return None if fields is None else [{key: bounded(text) for key, text in field.items()} for field in fields]


def _item(manifest: Manifest, code: str, settings: Settings) -> Mapping[str, Any]:
    return {"manifest": manifest.to_dict(), "code": code, "root": str(settings.project_root)}
