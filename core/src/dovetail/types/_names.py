"""Annotations: bringing them to one form, naming them, and reading a name back without evaluating anything."""

from __future__ import annotations

import ast
import builtins
import enum
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from dovetail.spec import TypeRef

NoneType = type(None)
UNIONS = (Union, types.UnionType)
_CONTAINERS: dict[str, Any] = {"list": list, "tuple": tuple, "dict": dict, "set": set, "frozenset": frozenset}


def normalise(annotation: Any) -> Any:
    """One form for an annotation: no ``Annotated`` around it, ``None`` as NoneType, names as loaded types or TypeRef."""
    while True:
        if annotation is None:
            return NoneType
        if annotation is object:
            return Any
        if isinstance(annotation, (str, ForwardRef)):
            text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
            return _from_text(text)
        if isinstance(annotation, TypeRef):
            found = resolve_loaded(annotation.name)
            return found if isinstance(found, type) else annotation
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__ or Any
        elif is_alias(annotation):
            annotation = annotation.__value__
        else:
            return _bare(annotation)


def _bare(annotation: Any) -> Any:
    """A generic whose arguments carry no metadata either, which might not even be hashable."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal or not args:
        return annotation
    plain = tuple(normalise(arg) if get_origin(arg) is Annotated else _bare(arg) for arg in args)
    if all(new is old for new, old in zip(plain, args, strict=True)):
        return annotation
    if origin in UNIONS:
        return Union[plain]  # noqa: UP007 - the members are known only now
    if isinstance(annotation, types.GenericAlias):
        return types.GenericAlias(origin, plain)
    return annotation.copy_with(plain) if hasattr(annotation, "copy_with") else annotation


def _from_text(text: str) -> Any:
    parsed = parse_name(text)
    return TypeRef(text) if parsed is None else parsed


def resolve_loaded(name: str) -> Any:
    """What a dotted name means among the modules that are loaded already; None if it means nothing there."""
    head, _, rest = name.partition(".")
    if not rest and hasattr(builtins, head):
        return getattr(builtins, head)
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:cut]))
        if found is None:
            continue
        for part in parts[cut:]:
            found = getattr(found, part, None)
            if found is None:
                break
        return found
    return None


def is_alias(annotation: Any) -> bool:
    """True for what ``type X = ...`` makes (Python 3.12, or typing_extensions)."""
    return type(annotation).__name__ == "TypeAliasType"


def is_union(annotation: Any) -> bool:
    """True for ``Union[...]``, ``Optional[...]`` and ``A | B``."""
    return get_origin(annotation) in UNIONS


def type_name(annotation: Any, declared: Callable[[Any], str | None] | None = None) -> str:
    """The name of an annotation: ``"int"``, ``"list[polars.DataFrame]"``, ``"int | None"``, ``"shop.Order"``.

    ``declared`` gives the declared name of a type that has one.
    """
    if is_alias(annotation):
        return f"{annotation.__module__}.{annotation.__name__}"  # by name: what it stands for may hold itself
    annotation = normalise(annotation)
    if annotation is Any:
        return "Any"
    if annotation is NoneType:
        return "None"
    if annotation is Ellipsis:
        return "..."
    known = declared(annotation) if declared is not None else None
    if known is not None:
        return known
    if isinstance(annotation, TypeRef):
        return annotation.name
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in UNIONS:
        return " | ".join(type_name(arg, declared) for arg in args)
    if origin is Literal:
        return f"Literal[{', '.join(_literal_text(arg) for arg in args)}]"
    if origin is not None:
        base = class_name(origin) if isinstance(origin, type) else str(origin)
        if origin is tuple and not args:
            return "tuple[()]"
        return f"{base}[{', '.join(type_name(arg, declared) for arg in args)}]" if args else base
    if isinstance(annotation, type):
        return class_name(annotation)
    return str(annotation)


def _literal_text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f"{class_name(type(value))}.{value.name}"
    return repr(value)


def class_name(cls: type) -> str:
    """``module.Qualname``; built-ins without their module."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    module = "pathlib" if cls.__module__ == "pathlib._local" else cls.__module__  # Python 3.13 moved them
    return f"{module}.{cls.__qualname__}"


def shown_class(cls: type) -> str:
    """The name under which a library offers a class, for messages: ``polars.DataFrame``, not where it is defined.

    Nothing is imported. Never stored: what is stored says where the class is.
    """
    top, dot, _ = cls.__module__.partition(".")
    offered = vars(sys.modules.get(top, builtins)).get(cls.__name__)
    return f"{top}.{cls.__name__}" if dot and offered is cls else class_name(cls)


def shown_name(annotation: Any) -> str:
    """Like :func:`type_name`, for messages."""
    return type_name(annotation, lambda part: shown_class(part) if isinstance(part, type) else None)


def parse_name(text: str) -> Any:
    """The annotation that :func:`type_name` wrote, among loaded modules; None if it cannot be found there.

    Nothing is imported and nothing is evaluated: the text is only parsed.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None
    try:
        return _read(tree)
    except LookupError:
        return None


def _read(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and (node.value is None or node.value is Ellipsis):
        return NoneType if node.value is None else Ellipsis
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Union[_read(node.left), _read(node.right)]  # noqa: UP007 - operands are not always classes
    if isinstance(node, (ast.Name, ast.Attribute)):
        return _read_dotted(_dotted(node))
    if isinstance(node, ast.Subscript):
        items = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        base = _dotted(node.value)
        if base == "Literal":
            return Literal[tuple(_read_literal(item) for item in items)]
        origin = _CONTAINERS.get(base) or resolve_loaded(base)
        if not isinstance(origin, type) or not hasattr(origin, "__class_getitem__"):
            raise LookupError(base)
        args = tuple(_read(item) for item in items)
        return origin[args if len(args) != 1 else args[0]]  # type: ignore[index]
    raise LookupError(ast.dump(node))


def _read_dotted(name: str) -> Any:
    if name in ("Any", "typing.Any"):
        return Any
    found = resolve_loaded(name)
    if isinstance(found, type):
        return found
    if "." in name and found is None:
        return TypeRef(name)
    raise LookupError(name)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise LookupError(ast.dump(node))


def _read_literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute):
        owner = resolve_loaded(_dotted(node.value))
        if isinstance(owner, type) and issubclass(owner, enum.Enum) and node.attr in owner.__members__:
            return owner[node.attr]
        raise LookupError(ast.dump(node))
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise LookupError(ast.dump(node)) from error


def is_typed_dict(annotation: Any) -> bool:
    """True for a TypedDict class (of typing or typing_extensions)."""
    return isinstance(annotation, type) and issubclass(annotation, dict) and hasattr(annotation, "__required_keys__")


def is_named_tuple(annotation: Any) -> bool:
    """True for a NamedTuple class."""
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def is_model(annotation: Any) -> bool:
    """True for a pydantic model class; false without looking when pydantic was never imported."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)
