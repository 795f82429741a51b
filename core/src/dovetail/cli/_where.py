"""Where the engines of a plugin would be used now, and the state of their environments."""

from __future__ import annotations

from typing import Any

from dovetail.cli._text import one_line
from dovetail.config import Settings
from dovetail.engine import Placement, requests
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
