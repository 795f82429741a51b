"""From a function's signature to a typed interface."""

from __future__ import annotations

import builtins
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from dovetail.errors import DefinitionError
from dovetail.spec import Interface, TypeRef

RESULT = "result"
"""Name of the one output of a task that does not name its outputs."""


class _Namespace(dict[str, Any]):
    """Names for evaluating string annotations; what nobody defined becomes a :class:`TypeRef`.

    So ``"pyspark.sql.DataFrame"`` is a valid annotation where pyspark is not imported.
    """

    def __init__(self, names: Mapping[str, Any], fallback: Mapping[str, Any]) -> None:
        super().__init__(names)
        self._fallback = fallback

    def __missing__(self, name: str) -> Any:
        if name in self._fallback or hasattr(builtins, name):
            raise KeyError(name)
        return TypeRef(name)


def resolve_hints(function: Callable[..., Any], local_names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The annotations of a function as objects, by parameter name and ``"return"``.

    Args:
        function: Any Python function.
        local_names: Names visible where it was defined, for functions defined inside functions.

    Raises:
        DefinitionError: An annotation is not a valid expression.
    """
    raw = getattr(function, "__annotations__", {})
    names = _Namespace(local_names or {}, getattr(function, "__globals__", {}))
    try:
        hints = typing.get_type_hints(function, localns=names, include_extras=True)
    except Exception as error:
        raise DefinitionError(
            f"an annotation of {function.__qualname__}() cannot be read",
            who=describe_function(function),
            why=f"{type(error).__name__}: {error} (annotations: {raw})",
            fix="use types, or strings such as 'pyspark.sql.DataFrame'",
        ) from error
    return {name: type(None) if hint is None else hint for name, hint in hints.items()}


def describe_function(function: Callable[..., Any]) -> str:
    """``name (file.py:12)``, for messages."""
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", repr(function))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code is not None else name


def interface_of(function: Callable[..., Any], local_names: Mapping[str, Any] | None = None) -> Interface:
    """The typed inputs and outputs of a function.

    A missing annotation means Any. A NamedTuple as return type means several outputs, one per field.

    Raises:
        DefinitionError: The function takes ``*args``, ``**kwargs`` or positional-only parameters, or is asynchronous.
    """
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise DefinitionError(
            f"{function.__qualname__}() is asynchronous or a generator",
            who=describe_function(function),
            fix="write a plain function that returns its result; for async code call asyncio.run inside it",
        )
    hints = resolve_hints(function, local_names)
    inputs: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DefinitionError(
                f"{function.__qualname__}() takes {parameter}",
                who=describe_function(function),
                why="the inputs of a task are named and typed, one by one",
                fix="name each input; a list or dict can hold a varying number of values",
            )
        inputs[name] = hints.get(name, Any)
        if parameter.default is not parameter.empty:
            defaults[name] = parameter.default
    return Interface(
        inputs=inputs, outputs=outputs_of(hints.get("return", Any)), defaults=defaults, help=_help_of(function, hints)
    )


def outputs_of(annotation: Any) -> dict[str, Any]:
    """Outputs by name: none for ``None``, the fields of a NamedTuple, or one called ``"result"``."""
    if annotation is None or annotation is type(None):
        return {}
    if is_named_tuple(annotation):
        return dict(typing.get_type_hints(annotation, include_extras=True))
    return {RESULT: annotation}


def is_named_tuple(annotation: Any) -> bool:
    """True for a class made by NamedTuple or namedtuple."""
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def base_type(annotation: Any) -> Any:
    """The type without ``Annotated``."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def markers(annotation: Any) -> Iterator[Any]:
    """What stands in ``Annotated`` behind the type, outermost last."""
    if get_origin(annotation) is Annotated:
        first, *rest = get_args(annotation)
        yield from markers(first)
        yield from rest


def type_text(annotation: Any) -> str:
    """The annotation for people: ``list[int]``, ``polars.DataFrame``."""
    annotation = base_type(annotation)
    if isinstance(annotation, TypeRef):
        return annotation.name
    if isinstance(annotation, type) and not get_args(annotation):
        module = annotation.__module__.split(".")[0]
        return annotation.__qualname__ if module == "builtins" else f"{module}.{annotation.__qualname__}"
    return str(annotation).replace("typing.", "")


def field_type(annotation: Any, kind: str, key: Any) -> Any:
    """The type of ``value.key`` (kind ``"attr"``) or ``value[key]`` (kind ``"item"``), or None if that is not known."""
    base = base_type(annotation)
    if base is Any:
        return Any
    origin, args = get_origin(base), get_args(base)
    if kind == "attr":
        hints = typing.get_type_hints(base, include_extras=True) if isinstance(base, type) else {}
        return hints.get(key)
    if typing.is_typeddict(base):
        return typing.get_type_hints(base, include_extras=True).get(key)
    if origin is tuple and isinstance(key, int):
        if len(args) == 2 and args[1] is Ellipsis:
            return args[0]
        return args[key] if -len(args) <= key < len(args) else None
    if is_named_tuple(base) and isinstance(key, int):
        fields = list(typing.get_type_hints(base, include_extras=True).values())
        return fields[key] if -len(fields) <= key < len(fields) else None
    if origin in (list, typing.Sequence) and isinstance(key, int):
        return args[0] if args else Any
    if origin is dict:
        return args[1] if args else Any
    return Any if base in (list, dict, tuple) else None


def element_type(annotation: Any) -> Any:
    """The type of the elements of ``list[T]``, ``tuple[T, ...]``, ``Sequence[T]``...; None if it is no such thing."""
    import collections.abc as abc

    base = base_type(annotation)
    if base is Any or base in (list, tuple, set, frozenset):
        return Any
    origin, args = get_origin(base), get_args(base)
    if origin in (list, set, frozenset, abc.Sequence, abc.Iterable, abc.Collection):
        return args[0]
    if origin is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return args[0]
        return args[0] if len(set(args)) == 1 else typing.Union[args]  # noqa: UP007  (built from a tuple)
    return None


def is_optional(annotation: Any) -> bool:
    """True if None is among the values."""
    base = base_type(annotation)
    if base is None or base is type(None) or base is Any:
        return True
    return get_origin(base) in (typing.Union, types.UnionType) and any(is_optional(a) for a in get_args(base))


_ARGUMENT = re.compile(r"^\s{2,}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


def _help_of(function: Callable[..., Any], hints: Mapping[str, Any]) -> dict[str, str]:
    """Help texts: a string in ``Annotated[int, "month, 1 to 12"]``, or the ``Args:`` section of the docstring."""
    found: dict[str, str] = {}
    section = False
    for line in inspect.cleandoc(function.__doc__ or "").splitlines():
        if re.fullmatch(r"\w[\w ]*:", line.strip()) and not line.startswith(" "):
            section = line.strip() in ("Args:", "Arguments:", "Parameters:")
        elif section and (match := _ARGUMENT.match(line)):
            found[match[1]] = match[2].strip()
    for name, hint in hints.items():
        for marker in markers(hint):
            if isinstance(marker, str):
                found[name] = marker
    return found
