"""Manifests as JSON: what the plugins of one environment declare, for a catalogue in another."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dovetail.errors import ConfigError, DefinitionError
from dovetail.spec import API_VERSION, Manifest

_FORMAT = 1


def write_manifest(path: Path, manifests: Iterable[Manifest]) -> None:
    """Write what plugins declare to a JSON file.

    Args:
        path: The file; it is replaced as a whole.
        manifests: Such as ``catalogue.manifests``.
    """
    data = {"format": _FORMAT, "api": API_VERSION, "plugins": [manifest.to_dict() for manifest in manifests]}
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_manifest(path: Path) -> list[Manifest]:
    """Read what :func:`write_manifest` wrote.

    Raises:
        ConfigError: The file is missing, or holds something else.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"its format is {data['format']!r}, this dovetail reads {_FORMAT}")
        return [Manifest.from_dict(item) for item in data["plugins"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DefinitionError) as error:
        raise ConfigError(
            "the manifest cannot be read",
            who=str(path),
            why=f"{type(error).__name__}: {error}",
            fix="write it again with the dovetail of the environment that it describes",
        ) from error
