"""Importing what declarations name, to tell what of it can be used. Runs in the process of a probe."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.errors import DovetailError, EngineUnavailable, shorten
from dovetail.plugins._failures import load_error
from dovetail.plugins._loading import load_code
from dovetail.plugins._records import Identity
from dovetail.spec import Declaration, Manifest


@dataclass(frozen=True, slots=True)
class Named:
    """Code that a declaration names.

    Attributes:
        code: ``"module:attribute"``.
        declaration: Who names it: a declaration, or a converter or codec inside one.
        parent: The transformer around a converter or codec.
    """

    code: str
    declaration: Declaration
    parent: Declaration | None

    @property
    def module(self) -> str:
        """The module of the code."""
        return self.code.partition(":")[0]


def named_code(declaration: Declaration) -> Iterator[Named]:
    """All code that a declaration names: its own, its config class, its converters and codecs."""
    for attribute in ("code", "config"):
        code = getattr(declaration, attribute, None)
        if code:
            yield Named(code, declaration, None)
    for inner in (*getattr(declaration, "converters", ()), *getattr(declaration, "codecs", ())):
        yield Named(inner.code, inner, declaration)


def verdicts(manifest: Manifest, module: str, root: Path) -> dict[str, dict[str, Any]]:
    """Import one module that declarations name, and everything that they name in it.

    Args:
        manifest: The plugin.
        module: Import name of the module.
        root: Where the modules of a plugin that is not packaged may lie.

    Returns:
        By ``"module:attribute"``: ``state`` (``"ok"``, ``"engine missing"``, ``"bad"``), ``reason`` and ``fix``.
    """
    found: dict[str, dict[str, Any]] = {}
    for declaration in manifest.declarations:
        for named in named_code(declaration):
            if named.module == module and named.code not in found:
                found[named.code] = _verdict(named, manifest, root)
    return found


def config_fields(manifest: Manifest, code: str, root: Path) -> list[dict[str, str]]:
    """The fields of the config class that a task type names: ``name``, ``type``, ``default`` and ``text`` of each.

    Args:
        manifest: The plugin.
        code: ``"module:attribute"`` of the class.
        root: Where the modules of a plugin that is not packaged may lie.

    Raises:
        DovetailError: It cannot be imported.
    """
    cls = load_code(code, None, None, manifest, root)
    if not dataclasses.is_dataclass(cls) or not isinstance(cls, type):
        return []
    told = _told_fields(inspect.getdoc(cls) or "")
    return [
        {
            "name": field.name,
            "type": field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type)),
            "default": _default(field),
            "text": str(field.metadata.get("help") or told.get(field.name, "")).replace("``", ""),
        }
        for field in dataclasses.fields(cls)
        if field.init
    ]


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return shorten(field.default)
    return "" if field.default_factory is dataclasses.MISSING else "made anew"


def _told_fields(docstring: str) -> dict[str, str]:
    """What the section ``Attributes:`` of a docstring says about each."""
    section = docstring.partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _verdict(named: Named, manifest: Manifest, root: Path) -> dict[str, Any]:
    try:
        load_code(named.code, named.declaration, named.parent, manifest, root)
    except DovetailError as error:
        return _told(error)
    except KeyboardInterrupt as error:  # nobody pressed it here: this process has no terminal
        return _told(load_error(error, f"{named.code} cannot be imported", Identity.of(manifest), named.module))
    return {"state": "ok", "reason": "", "fix": ""}


def _told(error: DovetailError) -> dict[str, Any]:
    state = "engine missing" if isinstance(error, EngineUnavailable) else "bad"
    return {"state": state, "reason": error.what if state != "bad" else error.why or error.what, "fix": error.fix or ""}
