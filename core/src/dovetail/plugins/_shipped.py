"""The manifest that a plugin ships: what its hook module declares, as a JSON file beside it, read instead of importing it."""

# ruff: noqa: PTH118, PTH119, PTH120, PTH123 - pathlib costs more than what is done with these paths
from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from dovetail.errors import DefinitionError, DovetailError, PluginError, UsageError, shorten
from dovetail.plugins._collect import read_collected
from dovetail.plugins._locate import locate, package_folder
from dovetail.plugins._records import Identity
from dovetail.spec import API_VERSION, Declaration, Manifest, declaration_from_dict

FORMAT = 1
_SUFFIX = ".dovetail.json"
_GENERATED = ("_version.py",)
"""Files that tools of packaging write anew for each build: they decide nothing that is declared."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a manifest beside a hook module says.

    Attributes:
        manifest: What the plugin declares.
        listens: Whether it implements ``dovetail_on_event``, so that its module is imported when events are heard.
    """

    manifest: Manifest
    listens: bool


class ManifestProblem(Exception):
    """Why there is no manifest that can be used; its text is a sentence without the stop."""


class NoManifest(ManifestProblem):
    """There is none at all, which is no defect."""


def manifest_path(module: str) -> str | None:
    """Where the manifest of a hook module lies or would lie; None if the module is not found as source."""
    source = locate(module)
    return None if source is None else source.removesuffix(".py") + _SUFFIX


def read_shipped(identity: Identity, source: str | None = None) -> Shipped:
    """Read and check the manifest that lies beside the hook module of a plugin. Imports nothing of the plugin.

    Args:
        identity: The plugin.
        source: The hook module's file, where it is not one that can be imported here.

    Raises:
        NoManifest: There is no such file.
        ManifestProblem: It is damaged, of another format or API, or older than the code.
    """
    source = source or locate(identity.module)
    if source is None:
        raise NoManifest(f"the source of {identity.module} is not found")
    path = source.removesuffix(".py") + _SUFFIX
    try:
        with open(path, encoding="utf-8") as stream:
            data: Any = json.load(stream)
    except FileNotFoundError:
        raise NoManifest(f"there is no {os.path.basename(path)} beside {os.path.basename(source)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestProblem(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    return _checked(data, identity, source, path)


def difference(identity: Identity, manifest: Manifest, listens: bool) -> str | None:
    """What is wrong with the manifest that a plugin ships, in the light of what its hooks declare; None if nothing is.

    Args:
        identity: The plugin.
        manifest: What was collected from its hooks.
        listens: Whether it implements ``dovetail_on_event``.

    Raises:
        NoManifest: It ships none.
    """
    try:
        shipped = read_shipped(identity)
    except NoManifest:
        raise
    except ManifestProblem as error:
        return str(error)
    if (shipped.manifest, shipped.listens) != (manifest, listens):
        return "the manifest says something else than the hooks declare"
    return None


def _checked(data: Any, identity: Identity, source: str, path: str) -> Shipped:
    if not isinstance(data, dict):
        raise ManifestProblem(f"{path} holds {shorten(data)} where a table belongs")
    if data.get("format") != FORMAT:
        raise ManifestProblem(f"{path} is of format {shorten(data.get('format'))}, this dovetail reads {FORMAT}")
    if data.get("api") != API_VERSION or isinstance(data["api"], bool):
        raise ManifestProblem(f"{path} is for hook API {shorten(data.get('api'))}, this dovetail has {API_VERSION}")
    others = data.get("files", {})
    if not isinstance(data.get("listens"), bool) or not isinstance(others, dict):
        raise ManifestProblem(f"{path} is malformed: listens is true or false, files is a table")
    folder = os.path.dirname(source)
    for name, digest in {os.path.basename(source): data.get("source"), **others}.items():
        if _digest(os.path.join(folder, name)) != digest:
            raise ManifestProblem(f"{os.path.basename(path)} is older than the code: {name} has changed")
    try:
        declarations = tuple(declaration_from_dict(item) for item in data["declarations"])
        return Shipped(read_collected(_manifest(identity, declarations), identity), data["listens"])
    except (KeyError, TypeError, DefinitionError, PluginError) as error:
        said = (error.why or error.what) if isinstance(error, DovetailError) else f"{type(error).__name__}: {error}"
        raise ManifestProblem(f"{path} is malformed: {said}") from error


def _manifest(identity: Identity, declarations: tuple[Declaration, ...]) -> Manifest:
    return Manifest(identity.name, identity.distribution, identity.version, identity.module, API_VERSION, declarations)


def shipped_text(manifest: Manifest, listens: bool, own: Iterable[str]) -> str:
    """The text of the manifest file for what was collected from a hook module.

    Args:
        manifest: What the plugin declares.
        listens: Whether it implements ``dovetail_on_event``.
        own: The source files below its top-level name that importing the hook module ran. What other distributions put
            there, as into a namespace, is left out.

    Raises:
        UsageError: The hook module is not found as a source file.
    """
    source = locate(manifest.module)
    if source is None:
        raise UsageError(
            f"the hook module {manifest.module} has no source file to put a manifest beside",
            fix="name a module that lies on the path as a .py file",
        )
    folder = os.path.dirname(source)
    package = package_folder(source)
    others = {
        os.path.relpath(file, folder).replace(os.sep, "/"): _digest(file)
        for file in own
        if file != source and file.startswith(package + os.sep) and os.path.basename(file) not in _GENERATED
    }
    data = {
        "format": FORMAT,
        "api": manifest.api,
        "source": _digest(source),
        **({"files": dict(sorted(others.items()))} if others else {}),
        "listens": listens,
        "declarations": [
            {"kind": type(declaration).__name__, **_stated(declaration)} for declaration in manifest.declarations
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _stated(declaration: Declaration) -> dict[str, Any]:
    """The fields that are not left at their default, so that a new field makes no manifest stale or unreadable."""
    told: dict[str, Any] = {}
    for field in fields(declaration):
        value = getattr(declaration, field.name)
        if value != field.default:
            nested = isinstance(value, tuple)
            told[field.name] = [_stated(v) if isinstance(v, Declaration) else v for v in value] if nested else value
    return told


def _digest(file: str) -> str | None:
    """SHA-256 of a source file, line ends as on Linux whatever git made of them; None if it cannot be read."""
    try:
        with open(file, "rb") as stream:
            return hashlib.sha256(stream.read().replace(b"\r\n", b"\n")).hexdigest()
    except (OSError, ValueError):
        return None
