"""From a function's signature to a typed interface."""

from __future__ import annotations

import builtins
import functools
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from dovetail.errors import DefinitionError
from dovetail.graph._suite_types import gated
from dovetail.spec import Interface, TypeRef
from dovetail.types import Refinement, is_refined, refine

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
    function = written(function)
    raw = getattr(function, "__annotations__", {})
    names = _Namespace(local_names or {}, getattr(function, "__globals__", {}))
    try:
        hints = typing.get_type_hints(function, localns=names, include_extras=True)
    except Exception as error:
        raise DefinitionError(
            f"an annotation of {function_name(function)}() cannot be read",
            who=describe_function(function),
            why=f"{type(error).__name__}: {error} (annotations: {raw})",
            fix="use types, or strings such as 'pyspark.sql.DataFrame'",
        ) from error
    for name, hint in hints.items():
        _check_names(f"{function_name(function)}()", f"{name} of {describe_function(function)}", hint)
    return {name: type(None) if hint is None else gated(hint) for name, hint in hints.items()}


_ABBREVIATIONS = {"pl": "polars", "pd": "pandas", "np": "numpy", "pa": "pyarrow"}


def _check_names(owner: str, place: str, hint: Any) -> None:
    """Refuse names that cannot be those of a type somewhere: ``Undefined``, or ``pl.DataFrame`` where ``pl`` is unknown."""
    if isinstance(hint, TypeRef):
        head, dot, rest = hint.name.partition(".")
        if dot and head not in _ABBREVIATIONS:
            return
        full = f"{_ABBREVIATIONS[head]}.{rest}" if dot else None
        raise DefinitionError(
            f"the annotation {hint.name!r} of {owner} names nothing",
            who=place,
            why=f"{head!r} is not defined in that module; a name under TYPE_CHECKING is not there at run time",
            fix=f"import it, or write {full!r}" if full else f"define or import {head!r} before it",
        )
    for inner in get_args(hint):
        _check_names(owner, place, inner)


def written(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that somebody wrote: what a partial wraps, or the ``__call__`` of an object."""
    while isinstance(function, functools.partial):
        function = function.func
    if hasattr(function, "__name__") or isinstance(function, type):
        return function
    call: Callable[..., Any] = type(function).__call__
    return call


def function_name(function: Callable[..., Any]) -> str:
    """Qualified name; of an object that can be called, that of its class."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__qualname__", type(function).__qualname__))


def describe_function(function: Callable[..., Any]) -> str:
    """``name (file.py:12)``, for messages."""
    name = function_name(function)
    code = getattr(written(function), "__code__", None)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code is not None else name


def interface_of(function: Callable[..., Any], local_names: Mapping[str, Any] | None = None) -> Interface:
    """The typed inputs and outputs of a function.

    A missing annotation means Any. A NamedTuple as return type means several outputs, one per field.

    Raises:
        DefinitionError: The function takes ``*args``, ``**kwargs`` or positional-only parameters, or is asynchronous.
    """
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(kind(written(function)) for kind in kinds):
        raise DefinitionError(
            f"{function_name(function)}() is asynchronous or a generator",
            who=describe_function(function),
            fix="write a plain function that returns its result; for async code call asyncio.run inside it",
        )
    hints = resolve_hints(function, local_names)
    inputs: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name, parameter in _signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DefinitionError(
                f"{function_name(function)}() takes {parameter}",
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
    """Outputs by name: none for ``None``, the fields of a NamedTuple, or one called ``"result"``.

    Raises:
        DefinitionError: A gate or dataset stands behind a NamedTuple as a whole, or a field's annotation cannot be read.
    """
    base = base_type(annotation)
    if base is None or base is type(None):
        return {}
    if not is_named_tuple(base):
        return {RESULT: annotation}
    if any(not isinstance(marker, str) for marker in markers(annotation)):
        raise DefinitionError(
            f"a marker stands behind {base.__name__} as a whole",
            why="the fields of a NamedTuple are several outputs; each is stored, gated and published by itself",
            fix="put it behind the type of a field, inside the NamedTuple: rows: Annotated[pl.DataFrame, gate]",
        )
    return field_hints(base)


def field_hints(named_tuple: Any) -> dict[str, Any]:
    """Annotations of the fields of a NamedTuple, in order; Any for a field without one.

    Raises:
        DefinitionError: One cannot be read, or names nothing.
    """
    module = sys.modules.get(named_tuple.__module__)
    names = _Namespace({}, vars(module) if module is not None else {})
    try:
        hints = typing.get_type_hints(named_tuple, localns=names, include_extras=True)
    except Exception as error:
        raise DefinitionError(
            f"the annotation of a field of {named_tuple.__qualname__} cannot be read",
            why=f"{type(error).__name__}: {error}",
            fix="define the NamedTuple, and the types of its fields, at the top of a module",
        ) from error
    owner = named_tuple.__qualname__
    for name, hint in hints.items():
        _check_names(owner, f"{owner}.{name}", hint)
    return {name: gated(hints.get(name, Any)) for name in named_tuple._fields}


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError as error:
        raise DefinitionError(
            f"the inputs of {function_name(function)}() are not known",
            why=str(error),
            fix="write a function around it whose inputs are named and typed",
        ) from error


def is_named_tuple(annotation: Any) -> bool:
    """True for a class made by NamedTuple or namedtuple."""
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def base_type(annotation: Any) -> Any:
    """The type without ``Annotated``, unless the type engine reads what stands there (declared columns)."""
    if get_origin(annotation) is Annotated:
        return refine(annotation) if is_refined(annotation) else base_type(get_args(annotation)[0])
    return annotation


def bare_type(annotation: Any) -> Any:
    """The type without anything behind it."""
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
    said = "".join(marker.text() for marker in markers(annotation) if isinstance(marker, Refinement))
    if said:
        return type_text(bare_type(annotation)) + said
    annotation = _without_markers(annotation)
    if isinstance(annotation, TypeRef):
        return annotation.name
    if isinstance(annotation, type) and not get_args(annotation):
        module = annotation.__module__.split(".")[0]
        return annotation.__qualname__ if module == "builtins" else f"{module}.{annotation.__qualname__}"
    return str(annotation).replace("typing.", "")


def _without_markers(annotation: Any) -> Any:
    """Without ``Annotated`` also further inside: the text of a marker may hold an address, which differs between processes."""
    kept = tuple(marker for marker in markers(annotation) if isinstance(marker, Refinement) and marker.text())
    if kept:
        return Annotated[(_without_markers(bare_type(annotation)), *kept)]
    annotation = bare_type(annotation)
    arguments = get_args(annotation)
    if not arguments or get_origin(annotation) is typing.Literal or "Annotated" not in repr(annotation):
        return annotation
    plain = tuple(
        [_without_markers(a) for a in argument] if isinstance(argument, list) else _without_markers(argument)
        for argument in arguments
    )
    if isinstance(annotation, types.UnionType):
        return typing.Union[plain]  # noqa: UP007  (built from a tuple)
    return annotation.copy_with(plain) if hasattr(annotation, "copy_with") else get_origin(annotation)[plain]


def field_type(annotation: Any, kind: str, key: Any) -> Any:
    """The type of ``value.key`` (kind ``"attr"``) or ``value[key]`` (kind ``"item"``), or None if that is not known."""
    base = bare_type(annotation)
    if base is Any:
        return Any
    origin, args = get_origin(base), get_args(base)
    if kind == "attr":
        if is_named_tuple(base):
            return field_hints(base).get(key)
        hints = typing.get_type_hints(base, include_extras=True) if isinstance(base, type) else {}
        return hints.get(key)
    if typing.is_typeddict(base):
        return typing.get_type_hints(base, include_extras=True).get(key)
    if origin is tuple and isinstance(key, int):
        if len(args) == 2 and args[1] is Ellipsis:
            return args[0]
        return args[key] if -len(args) <= key < len(args) else None
    if is_named_tuple(base) and isinstance(key, int):
        fields = list(field_hints(base).values())
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
