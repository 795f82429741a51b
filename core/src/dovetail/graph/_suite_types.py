"""Annotations that gate by themselves: frame types that name their suite, as ``pandera.typing.polars.DataFrame[Flights]``."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

from dovetail.plugins import current_catalogue
from dovetail.quality import Gate

_PLAIN = frozenset({"builtins", "collections", "typing", "types", "contextlib", "dovetail"})


def gated(annotation: Any) -> Any:
    """The annotation with every ``Frame[Suite]`` outside of containers as ``Annotated[Frame, Gate(Suite)]``.

    No plugin is looked at unless the annotation is a generic of a class from elsewhere.
    """
    if get_origin(annotation) is Annotated:
        base, *behind = get_args(annotation)
        inner = gated(base)
        return annotation if inner is base else Annotated[(inner, *behind)]
    frame, arguments = get_origin(annotation), get_args(annotation)
    if not isinstance(frame, type) or len(arguments) != 1 or frame.__module__.partition(".")[0] in _PLAIN:
        return annotation
    catalogue = current_catalogue()
    name = f"{frame.__module__}.{frame.__qualname__}"
    if not any(name in spec.annotations for spec in catalogue.check_engines().values()):
        return annotation
    return Annotated[_frame_below(frame, frozenset(catalogue.transformers())) or frame, Gate(arguments[0])]


def _frame_below(frame: type, known: frozenset[str]) -> Any:
    """The class that people know the frame by: the first of its bases that a plugin declares."""
    for base in frame.__mro__[1:]:
        package = base.__module__.partition(".")[0]
        if {f"{base.__module__}.{base.__qualname__}", f"{package}.{base.__qualname__}"} & known:
            return base
    return None
