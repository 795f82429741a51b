"""Importing what declarations name by string."""

from __future__ import annotations

import importlib
from pathlib import Path

from dovetail.errors import DefinitionError, EngineUnavailable, PluginError
from dovetail.plugins._collect import importable_from, is_importable
from dovetail.plugins._failures import load_error
from dovetail.plugins._known import bring_module, pip_install
from dovetail.plugins._records import Identity
from dovetail.spec import Declaration, Manifest

_ATTRIBUTES_WITH_A_LIBRARY = ("engine", "type", "source", "target")


def load_code(
    code: str, who: Declaration | None, parent: Declaration | None, owner: Manifest | None, project_root: Path
) -> object:
    """Import ``"module:attribute"``.

    Args:
        code: What to import.
        who: The declaration that names it.
        parent: The transformer that holds ``who``, if it is a converter or codec.
        owner: The plugin that declares it.
        project_root: Where the modules of a plugin that is not packaged may lie.

    Raises:
        DefinitionError: ``code`` is not of the form ``"module:attribute"``.
        EngineUnavailable: The library that the declaration is about is not installed.
        PluginLoadError: The import raised anything else but KeyboardInterrupt.
    """
    module, colon, attribute = code.partition(":")
    if not (module and colon and attribute):
        raise DefinitionError(f"{code!r} does not name code", fix="write 'module:attribute'")
    identity = Identity.of(owner) if owner else Identity(module, "", "", module)
    try:
        with importable_from(None if identity.distribution else project_root, module):
            found: object = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except (EngineUnavailable, PluginError):
        raise  # the plugin knows best what it lacks
    except ModuleNotFoundError as error:
        missing = _missing_library(error, module, who, parent)
        if missing is None:
            made = load_error(error, f"{code} cannot be imported", identity, module)
            made.fix = _stated_install(who, parent) or made.fix  # it brings what the engine needs in turn, too
            raise made from error
        raise EngineUnavailable(
            f"{_subject(who, parent, code)} needs {missing}, which is not installed",
            who=identity.who,
            why=str(error),
            fix=_install(who, parent, missing, identity.distribution),
            engine=missing,
        ) from error
    except BaseException as error:
        raise load_error(error, f"{code} cannot be imported", identity, module) from error
    return found


def libraries(who: Declaration | None, parent: Declaration | None = None) -> tuple[str, ...]:
    """Top-level import names of the libraries that a declaration is about: its engine, or the module of its types."""
    found: list[str] = []
    for declaration in (who, parent):
        for attribute in _ATTRIBUTES_WITH_A_LIBRARY:
            named = getattr(declaration, attribute, None)
            if isinstance(named, str) and (attribute == "engine" or "." in named):
                found.append(named.partition(".")[0])
    return tuple(dict.fromkeys(found))


def _missing_library(
    error: ModuleNotFoundError, module: str, who: Declaration | None, parent: Declaration | None
) -> str | None:
    missing = (error.name or "").partition(".")[0]
    if not missing or missing == module.partition(".")[0] or is_importable(missing):
        return None  # no name, its own module, or a library of another version than it expects
    # pyarrow is an extra of the core, wanted by every transformer of tables.
    return missing if missing in (*libraries(who, parent), "pyarrow") else None


def _install(who: Declaration | None, parent: Declaration | None, missing: str, distribution: str) -> str:
    stated = _stated_install(who, parent)
    if stated and (missing != "pyarrow" or "pyarrow" in libraries(who)):
        return stated
    if missing == "pyarrow":
        return pip_install("dovetail[arrow]")
    return pip_install(f"{distribution}[engine]") if distribution else bring_module(missing)


def _stated_install(who: Declaration | None, parent: Declaration | None) -> str | None:
    lines = (getattr(declaration, "install", None) for declaration in (who, parent))
    return next((str(line) for line in lines if line), None)


def _subject(who: Declaration | None, parent: Declaration | None, code: str) -> str:
    for declaration in (who, parent):
        for attribute, kind in (("type", "the type"), ("name", "")):
            named = getattr(declaration, attribute, None)
            if named:
                kind = kind or type(declaration).__name__.removesuffix("Spec")
                return f"{kind} {named!r}"
    return code
