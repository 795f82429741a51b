"""For authors: the manifest that a plugin ships, written and held against what its hooks declare."""

from __future__ import annotations

from pathlib import Path

from dovetail.errors import PluginLoadError, UsageError, unwritable
from dovetail.plugins._blame import is_authors
from dovetail.plugins._collect import is_importable
from dovetail.plugins._locate import is_standard, locate
from dovetail.plugins._probe import Probed, probe
from dovetail.plugins._records import Identity
from dovetail.plugins._scan import Found, scan_plugins
from dovetail.plugins._shipped import ManifestProblem, difference, manifest_path, read_shipped, shipped_text
from dovetail.spec import Manifest

LIMIT = 60.0
"""Seconds that an author's module may take; a catalogue allows it less."""


def shipped_manifest(module: str) -> Manifest | None:
    """What the manifest beside a hook module says, or None if there is none that can be used. Imports nothing of the plugin.

    Args:
        module: Import name of the hook module. Where a distribution that is installed declares it, the manifest bears the
            name of the entry point, the distribution and its version.
    """
    try:
        return read_shipped(Identity.of(found_as(module))).manifest
    except ManifestProblem:
        return None


def manifest_problem(module: str) -> str | None:
    """Why the manifest beside a hook module cannot be used; None if it is current. Imports nothing of the plugin.

    Args:
        module: Import name of the hook module.

    Returns:
        One sentence: there is none, it is damaged, of another format or API, or older than the code. That it says what
        the hooks declare is for :func:`collect_manifest` to show.
    """
    try:
        read_shipped(Identity.of(found_as(module)))
    except ManifestProblem as error:
        return str(error)
    return None


def collect_manifest(module: str, *, limit: float = LIMIT) -> Manifest:
    """Import a hook module in a process of its own, and say what it declares.

    Args:
        module: Import name of the hook module.
        limit: Seconds that this may take.

    Raises:
        ApiMismatch: It states another hook API, or none.
        PluginLoadError: It cannot be imported, ended the process or took too long, or a hook implementation is malformed.
    """
    probed = _probed(found_as(module), limit)
    assert probed.manifest is not None  # else it was raised
    return probed.manifest


def write_shipped_manifest(module: str, *, limit: float = LIMIT, foreign: bool = True) -> Path:
    """Write what a hook module declares beside it, to be committed and shipped.

    Args:
        module: Import name of the hook module.
        limit: Seconds that importing it may take, in a process of its own.
        foreign: Whether it may lie where an installer has put it, and not where its author works on it.

    Returns:
        The file, such as ``dovetail_polars/plugin.dovetail.json``. It is left alone if it says so already.

    Raises:
        UsageError: The module has no source file to put it beside, is no whole hook module, lies where nothing can be
            written, or is somebody else's.
        ApiMismatch, PluginLoadError: As :func:`collect_manifest`.
    """
    if not foreign:
        _refuse_foreign(module)
    path, text = _wanted(module, limit)
    try:
        if not path.exists() or path.read_bytes() != text.encode():
            temporary = path.with_name(path.name + ".tmp")
            temporary.write_bytes(text.encode())
            temporary.replace(path)
    except OSError as error:
        fix = "call it where the plugin's source lies, after pip install --editable ."
        raise unwritable("the manifest", path, error, fix) from error
    return path


def manifest_difference(module: str, *, limit: float = LIMIT) -> str | None:
    """As :func:`manifest_problem`, and whether the manifest says what the hooks declare, which needs them to be called.

    Args:
        module: Import name of the hook module.
        limit: Seconds that importing it may take, in a process of its own.

    Raises:
        UsageError, ApiMismatch, PluginLoadError: As :func:`write_shipped_manifest`.
    """
    problem = manifest_problem(module)
    if problem is not None:
        return problem
    found = found_as(module)
    probed = _probed(found, limit)
    assert probed.manifest is not None  # else it was raised
    return difference(Identity.of(found), probed.manifest, probed.listens)


def hook_module_exists(module: str) -> bool:
    """Whether a module is found as a source file, so that a manifest can lie beside it. Imports nothing of it."""
    return all(part.isidentifier() for part in module.split(".")) and locate(module) is not None


def found_as(module: str) -> Found:
    """The installed plugin whose hook module this is; else the module as a plugin that is not packaged."""
    for found in scan_plugins():
        if found.module == module and not found.attribute:
            return found
    return Found(module, module, "", "", "")


def _refuse_foreign(module: str) -> None:
    """Raise UsageError if the source of a module is not here to be worked on."""
    found = found_as(module)
    source = locate(module) or ""
    if found.distribution and not is_authors(Identity.of(found)):
        raise UsageError(
            f"the manifest of {found.distribution} comes with it",
            who=str(manifest_path(module)),
            why="it is installed, and not as editable: the next upgrade would replace the file",
            fix="pip install --editable . where its source lies; or --force",
        )
    if not found.distribution and (
        is_standard(module) or not {"site-packages", "dist-packages"}.isdisjoint(Path(source).parts)
    ):
        raise UsageError(
            f"{module} is no hook module of a plugin",
            why="it belongs to Python"
            if is_standard(module)
            else f"it is installed, and declared by no plugin: {source}",
            fix="name a plugin, or its hook module: dovetail plugins list",
        )


def _wanted(module: str, limit: float) -> tuple[Path, str]:
    found = found_as(module)
    path = manifest_path(module)
    if path is None:
        top = module.partition(".")[0]
        raise UsageError(
            f"the hook module {module} is not found as a source file",
            why=f"{top} is no directory and no .py file on the path"
            if is_importable(top) and locate(top) is None
            else f"nothing on the path is called {module}",
            fix="name an installed hook module, such as dovetail_polars.plugin, or the plugin by its name",
        )
    probed = _probed(found, limit)
    assert probed.manifest is not None  # else it was raised
    return Path(path), shipped_text(probed.manifest, probed.listens, probed.own)


def _probed(found: Found, limit: float) -> Probed:
    (probed,) = probe([found], limit)
    if probed.manifest is None:
        raise probed.error or PluginLoadError("the plugin cannot be imported", who=Identity.of(found).who)
    return probed
