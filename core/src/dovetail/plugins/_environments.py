"""Plugins that are installed in the environments of config. What builds and finds environments lies on a higher floor."""

from __future__ import annotations

import importlib

from dovetail.config import Settings
from dovetail.errors import DovetailError
from dovetail.spec import Manifest

ENVIRONMENTS = "dovetail.env.build"
"""Import name of what knows the environments of a project."""


def plugins_in_environments(settings: Settings) -> dict[str, tuple[Manifest, ...] | None]:
    """The plugins that are installed in the environments of config, by the name of the environment; None: it is not built.

    Nothing of them is imported: what they declare was written down when the environment was built.
    """
    if not settings.envs:
        return {}
    environments = importlib.import_module(ENVIRONMENTS).Environments(settings)
    told: dict[str, tuple[Manifest, ...] | None] = {}
    for name, request in environments.configured().items():
        try:
            found = environments.find(request)
        except DovetailError:  # told where the environment is used, and by the doctor
            found = None
        told[name] = None if found is None else found.manifests
    return told
