"""Where the engines of a plugin would be used now, and the state of their environments."""

from __future__ import annotations

from typing import Any

from dovetail.cli._text import one_line
from dovetail.config import Settings
from dovetail.engine import Placement, requests
from dovetail.env.build import Environments
from dovetail.errors import DovetailError
from dovetail.plugins import Catalogue, Need, needs_of_plugin
from dovetail.spec import Manifest


def environments_of(manifest: Manifest, catalogue: Catalogue, settings: Settings) -> list[dict[str, Any]]:
    """The environments of a plugin, as JSON: where its engine would be used, why, and whether the environment is built.

    Args:
        manifest: The plugin.
        catalogue: Of all plugins.
        settings: Say where engines are used.
    """
    needs = needs_of_plugin(manifest, catalogue)
    if not needs:
        return []
    placement = Placement(settings, catalogue)
    return [_environment(need, placement, catalogue, settings) for need in needs]


def _environment(need: Need, placement: Placement, catalogue: Catalogue, settings: Settings) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": need.environment,
        "engine": need.spec.engine if need.spec is not None else None,
        "where": None,
        "reason": "",
        "fix": None,
        "requires": None,
        "built": False,
        "digest": None,
        "python": None,
        "path": None,
    }
    try:
        place = placement.of_engine(need)
        told["where"], told["reason"] = place.where, one_line(place.reason)
        request = requests(settings, catalogue).get(need.environment)
        if request is not None:
            told["requires"] = list(request.requires)
            found = placement.built(need.environment)
            if found is not None:
                version = ".".join(map(str, found.python_version))
                told |= {"built": True, "digest": found.digest, "python": version, "path": str(found.path)}
    except DovetailError as error:  # the engine is to be used here and is not, or config cannot be read
        told["reason"] = told["reason"] or one_line(f"{error.what}: {error.why}" if error.why else error.what)
        told["fix"] = one_line(error.fix)
    return told


def environment_findings(catalogue: Catalogue, settings: Settings) -> list[dict[str, str]]:
    """What is wrong with the environments that have a name, and with what lies where environments are built.

    Args:
        catalogue: Of all plugins.
        settings: Hold ``envs`` and ``env_dir``.
    """
    environments = Environments(settings)
    found, named = [], requests(settings, catalogue)
    for name, request in named.items():
        if name not in settings.envs:
            continue  # a plugin's, which is asked for where its engine is needed
        try:
            environments.check(request)
        except DovetailError as error:
            reason = one_line(f"{error.what}: {error.why}" if error.why else error.what)
            found.append(_finding(f"environment {name}", "environment", reason, one_line(error.fix)))
    for each in environments.listing(named.values()):
        who = f"environment {each.name or each.digest}"
        if each.state == "damaged":
            reason = f"{each.path} has changed since it was built, or its interpreter is gone; it is built anew when it is used"
            fix = f"dovetail env sync {each.name}" if each.name in named else "dovetail env gc"
            found.append(_finding(who, "damaged environment", reason, fix))
        elif each.state == "half-built":
            reason = f"{each.path} is being built, or building it was cut off; it is never used so"
            found.append(_finding(who, "half-built environment", reason, "dovetail env gc, if nothing builds it now"))
    return found


def _finding(who: str, problem: str, reason: str, fix: str) -> dict[str, str]:
    return {"plugin": one_line(who), "problem": problem, "reason": one_line(reason), "fix": fix}
