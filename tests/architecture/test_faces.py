"""The public faces: `__all__` is the truth, and every public name says what it is."""

from __future__ import annotations

import ast
import importlib
import inspect
import types
from typing import Any

import pytest


@pytest.fixture(scope="session")
def packages(sources) -> list[Any]:
    """The source of every package face that is not empty."""
    return [source for source in sources if source.is_package and has_code(source.tree)]


def has_code(tree: ast.Module) -> bool:
    """Whether a face holds anything but a docstring."""
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in tree.body)


def public_names(source) -> set[str]:
    """The public names that a face brings in itself: definitions, imports from its own distribution, lazy exports."""
    own = source.module.split(".")[0]
    found: set[str] = set()
    for node in top_level(source.tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ImportFrom(names=names) if node.level or (node.module or "").split(".")[0] == own:
                found |= {alias.asname or alias.name for alias in names}
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=value)
            ):
                found |= {name} | lazy_names(value)
            case _:
                pass
    return {name for name in found if not name.startswith("_")}


def top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of a module, those under `if TYPE_CHECKING:` and `try:` included."""
    found: list[ast.stmt] = []
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            found += top_level(node.body)
        else:
            found.append(node)
    return found


def lazy_names(value: ast.expr | None) -> set[str]:
    """The keys of a table of lazily exported names, whatever it is called: its values are modules of ours."""
    if not isinstance(value, ast.Dict) or not value.values:
        return set()
    homes = [home.value if isinstance(home, ast.Constant) else None for home in value.values]
    if not all(isinstance(home, str) and home.startswith("dovetail") for home in homes):
        return set()
    return {key.value for key in value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_every_face_has_all(packages) -> None:
    missing = [source.shown for source in packages if not hasattr(importlib.import_module(source.module), "__all__")]
    assert not missing, missing


def test_every_name_in_all_is_there_once(packages) -> None:
    wrong = []
    for source in packages:
        module = importlib.import_module(source.module)
        exported = list(getattr(module, "__all__", ()))
        wrong += [f"{source.module}.{name} twice" for name in set(exported) if exported.count(name) > 1]
        for name in exported:
            try:
                getattr(module, name)
            except AttributeError as error:
                wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


def test_nothing_public_is_missing_from_all(packages) -> None:
    wrong = []
    for source in packages:
        exported = set(getattr(importlib.import_module(source.module), "__all__", ()))
        wrong += [f"{source.module}: {name}" for name in sorted(public_names(source) - exported)]
    assert not wrong, "public but not in __all__:\n" + "\n".join(wrong)


def test_a_misspelt_name_is_an_attribute_error(packages) -> None:
    """A lazy face must not answer for names that it does not have."""
    for source in packages:
        with pytest.raises(AttributeError):
            getattr(importlib.import_module(source.module), "no_such_name_anywhere")  # noqa: B009


def test_every_public_name_says_what_it_is(packages) -> None:
    wrong = []
    for source in packages:
        module = importlib.import_module(source.module)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            wrong += [f"{source.module}.{where}" for where in undocumented(name, value)]
    assert not wrong, "no docstring:\n" + "\n".join(sorted(set(wrong)))


def undocumented(name: str, value: object) -> list[str]:
    """Where a docstring is missing: on the function or class itself, or on a public method that is defined by it."""
    if isinstance(value, types.FunctionType):
        return [] if inspect.getdoc(value) else [name]
    if not isinstance(value, type) or not (value.__module__ or "").startswith("dovetail"):
        return []
    missing = [] if written(value) else [name]
    for member, attribute in vars(value).items():
        function = attribute.fget if isinstance(attribute, property) else getattr(attribute, "__func__", attribute)
        if member.startswith("_") or not isinstance(function, types.FunctionType):
            continue
        if function.__module__ == value.__module__ and not inspect.getdoc(getattr(value, member)):
            missing.append(f"{name}.{member}")
    return missing


def written(value: type) -> bool:
    """Whether a class has a docstring that a person wrote: a dataclass makes one up from its signature."""
    text = vars(value).get("__doc__") or ""
    return bool(text.strip()) and not text.startswith(f"{value.__name__}(")


def test_a_missing_docstring_would_be_seen() -> None:
    class Bare:
        def method(self) -> None: ...

    Bare.__module__ = Bare.method.__module__ = "dovetail.example"
    assert undocumented("Bare", Bare) == ["Bare", "Bare.method"]


def test_every_module_says_what_it_is_for(sources) -> None:
    written = [source for source in sources if has_code(source.tree)]
    silent = [source.shown for source in written if not (ast.get_docstring(source.tree) or "").strip()]
    assert not silent, silent
