"""A shelf of plugins: real distributions, with metadata on disk, on a path of their own."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from dovetail.config import Settings, canonical_name
from dovetail.plugins import Catalogue, build_catalogue, reset_default

_serial = itertools.count()

HEADER = """
from dovetail.spec import *
from dovetail.spec import hookimpl
DOVETAIL_API = 1
"""


@dataclass
class Shelf:
    """Distributions in ``root``, which is on ``sys.path``."""

    root: Path
    names: list[str] = field(default_factory=list)

    def module(self, body: str, name: str | None = None) -> str:
        """Write a module and return its import name, a new one each time, for Python remembers imports."""
        name = name or f"shelf_{next(_serial)}"
        (self.root / f"{name}.py").write_text(dedent(body))
        return name

    def distribution(
        self, name: str, entry_points: str | bytes, version: str = "1.0", metadata: str | None = None
    ) -> Path:
        """Write the metadata of an installed distribution and return its directory."""
        folder = self.root / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        text = metadata if metadata is not None else f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(text + "Summary: A plugin of the tests\n")
        data = entry_points if isinstance(entry_points, bytes) else dedent(entry_points).encode()
        (folder / "entry_points.txt").write_bytes(data)
        self.names.append(canonical_name(name))
        return folder

    def plugin(self, name: str, body: str, *, header: str = HEADER, version: str = "1.0") -> str:
        """Install a plugin of one module; returns the module's import name."""
        module = self.module(header + dedent(body))
        self.distribution(f"dovetail-{name}", f"[dovetail.plugins]\n{name} = {module}\n", version)
        return module

    def task_type(self, plugin: str, *names: str, **options: Any) -> str:
        """Install a plugin that declares task types."""
        specs = ", ".join(f"TaskTypeSpec({name!r}, code='json:loads')" for name in names)
        return self.plugin(plugin, f"@hookimpl\ndef dovetail_task_types():\n    return [{specs}]\n", **options)

    def settings(self, **changes: Any) -> Settings:
        """Settings that let in what lies on this shelf and nothing else that happens to be installed."""
        return Settings(self.root, **{"allow": tuple(self.names), **changes})

    def catalogue(self, **changes: Any) -> Catalogue:
        """A catalogue of this shelf alone, without the core's own plugins."""
        return build_catalogue(self.settings(**changes), builtins=())


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.syspath_prepend(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = set(sys.modules)
    reset_default()
    yield Shelf(root)
    reset_default()
    for name in set(sys.modules) - before:
        if name.startswith("shelf_"):
            del sys.modules[name]
