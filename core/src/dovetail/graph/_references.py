"""Objects and types by name: writing names down, and finding again, without evaluating anything, what they name."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from dovetail.errors import DefinitionError, DovetailError, nearest, shorten
from dovetail.plugins import current_catalogue
from dovetail.spec import TypeRef
from dovetail.types import current_types, parse_name

REFERENCE = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$"
_REFERENCE = re.compile(REFERENCE)

_TYPE_MODULES = frozenset(
    {
        "array",
        "builtins",
        "collections",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "ipaddress",
        "numbers",
        "pathlib",
        "re",
        "typing",
        "uuid",
        "zoneinfo",
    }
)
"""Modules of the standard library that types come from; the others are not imported for a document."""

_STANDARD = sys.stdlib_module_names | {"test"}


def reference_to(found: object, module: str | None, qualname: str | None) -> str | None:
    """``"module:qualname"`` if that is where ``found`` is, and another process can import it from there; else None."""
    if not module or not qualname or is_session_module(module) or _is_standard(module):
        return None
    holder: Any = sys.modules.get(module)
    text = f"{module}:{qualname}"
    if holder is None or not _REFERENCE.fullmatch(text) or _hidden(text):
        return None
    for part in qualname.split("."):
        holder = getattr(holder, part, None)
    return text if holder is found else None


def reference_in(found: object, modules: Iterable[str]) -> str | None:
    """A reference to ``found`` by whatever name one of the modules gives it, or None."""
    for name in modules:
        module = sys.modules.get(name)
        for attribute, value in list(vars(module).items()) if module is not None else ():
            if value is found and (text := reference_to(found, name, attribute)) is not None:
                return text
    return None


def is_session_module(module: str) -> bool:
    """True for a module that no other process can import by that name: a script, a session, or a file that was run."""
    return module == "__main__" or module.startswith("_dovetail_")


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in _STANDARD


def _hidden(text: str) -> bool:
    return any(part.startswith("__") for part in re.split(r"[.:]", text))


class Importer:
    """Imports what a document names, and nothing else.

    Args:
        allowed: Modules and packages that may be imported; None allows every module outside the standard library.

    Attributes:
        found: What was loaded, by its ``id``: its reference.
    """

    def __init__(self, allowed: Iterable[str] | None = None) -> None:
        self.allowed = None if allowed is None else tuple(allowed)
        self.found: dict[int, str] = {}

    def load(self, reference: str, path: str) -> Any:
        """The object of a reference.

        Args:
            reference: ``"module:qualname"``.
            path: Where the reference stands in the document.

        Raises:
            DefinitionError: It is malformed or not allowed, its module cannot be imported, or holds no such name.
        """
        if not _REFERENCE.fullmatch(reference) or _hidden(reference):
            raise DefinitionError(
                f"{path}: {shorten(reference)} is no reference", fix='write "package.module:name", without "__"'
            )
        module, _, qualname = reference.partition(":")
        found = self._module(module, path)
        for part in qualname.split("."):
            holder, found = found, _member(found, part, path)
            if found is None:
                close = nearest(part, vars(holder)) if hasattr(holder, "__dict__") else None
                raise DefinitionError(
                    f"{path}: there is no {qualname!r} in module {module!r}",
                    fix=f"did you mean {close!r}?" if close else "export the graph again",
                )
        self.found[id(found)] = reference
        return found

    def load_class(self, reference: str, path: str) -> type:
        """The class of a reference, which may stand for one of another module only if that may be imported, too.

        Raises:
            DefinitionError: As for :meth:`load`.
        """
        found = self.load(reference, path)
        if not isinstance(found, type):
            raise DefinitionError(f"{path}: {reference} is no class", fix="export the graph again")
        self._check(found.__module__, path)
        return found

    def _module(self, name: str, path: str) -> Any:
        self._check(name, path)
        try:
            return importlib.import_module(name)
        except DovetailError:
            raise
        except (Exception, SystemExit) as error:
            raise _failed_import(name, error, path) from error

    def _check(self, module: str, path: str) -> None:
        top = module.partition(".")[0]
        if _is_standard(module) or is_session_module(module):
            raise DefinitionError(
                f"{path}: {module!r} is not imported for a document",
                why="functions of the standard library are nobody's tasks",
                fix="write a function of your own that calls it, in a module of your own",
            )
        if self.allowed is not None and not any(module == a or module.startswith(f"{a}.") for a in self.allowed):
            raise DefinitionError(
                f"{path}: module {module!r} is not among those that may be imported",
                why=f"allowed: {', '.join(self.allowed) or 'none'}",
                fix=f"allow {top!r}, if you trust it",
            )

    def type(self, text: str, path: str) -> Any:
        """The annotation that a text names; modules of classes are imported, those of types that plugins declare are not.

        Raises:
            DefinitionError: The text is no type, or names one that may not be imported.
        """
        for name in _names_in(text, path):
            self._import_type(name, path)
        found = parse_name(text)
        if found is None or (isinstance(found, TypeRef) and "." not in found.name):
            raise _no_type(text, path)
        return found

    def _import_type(self, name: str, path: str) -> None:
        if _hidden(name):
            raise _no_type(name, path)
        head, dot, _ = name.partition(".")
        if not dot or f"type.{name}" in current_catalogue().names.owned or head in _TYPE_MODULES:
            return
        self._check(name, path)
        parts = name.split(".")
        for cut in range(1, len(parts)):
            module = ".".join(parts[:cut])
            try:
                importlib.import_module(module)
            except ModuleNotFoundError as error:
                if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
                    return  # not here, or the rest of the name is a class: the name stands for itself
                raise _failed_import(module, error, path) from error
            except (Exception, SystemExit) as error:
                raise _failed_import(module, error, path) from error


def _names_in(text: str, path: str) -> set[str]:
    try:
        return set(_dotted_names(ast.parse(text, mode="eval").body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no_type(text, path) from None


def _member(holder: Any, name: str, path: str) -> Any:
    try:
        return getattr(holder, name, None)
    except Exception as error:  # modules may compute what they hold
        raise DefinitionError(f"{path}: looking up {name!r} failed", why=f"{type(error).__name__}: {error}") from error


def _failed_import(module: str, error: BaseException, path: str) -> DefinitionError:
    return DefinitionError(
        f"{path}: module {module!r} cannot be imported",
        why=f"{type(error).__name__}: {error}",
        fix="install what brings it, or put its directory on PYTHONPATH",
    )


def _no_type(text: str, path: str) -> DefinitionError:
    return DefinitionError(
        f"{path}: {shorten(text)} is no type",
        fix='write the name of a type: "int", "list[str]", "polars.DataFrame", "shop.orders.Order | None"',
    )


def _dotted_names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Subscript):
        yield from _dotted_names(node.value)
        literal = isinstance(node.value, ast.Name) and node.value.id == "Literal"
        for item in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
            if not literal:
                yield from _dotted_names(item)
            elif isinstance(item, ast.Attribute):  # a member of an enum
                yield from _dotted_names(item.value)
    elif isinstance(node, ast.BinOp):
        yield from _dotted_names(node.left)
        yield from _dotted_names(node.right)
    elif isinstance(node, ast.Attribute):
        for head in _dotted_names(node.value):
            yield f"{head}.{node.attr}"
    elif isinstance(node, ast.Name):
        yield node.id


def type_text_of(annotation: Any, where: str) -> str:
    """The name of an annotation, from which :meth:`Importer.type` finds it again.

    Raises:
        DefinitionError: It has no such name.
    """
    text = current_types().type_name(annotation)
    again = parse_name(text)
    found = again is not None and current_types().type_name(again) == text
    if not found or "<locals>" in text or "_dovetail_" in text or any(map(_is_refused, _names_in(text, where))):
        raise DefinitionError(
            f"the type {text} of {where} cannot be exported",
            why="another process cannot find it by its name, or it is not imported for a document",
            fix="define it at the top of a module of your own that can be imported",
        )
    return text


def _is_refused(name: str) -> bool:
    """True for what :meth:`Importer.type` does not import whatever is allowed."""
    head, dot, _ = name.partition(".")
    return bool(dot) and _is_standard(head) and head not in _TYPE_MODULES
