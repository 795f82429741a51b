"""The fields of records: dataclasses, NamedTuples, TypedDicts and pydantic models."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Annotated, Any, get_type_hints

from dovetail.types._names import is_model, is_named_tuple, is_typed_dict
from dovetail.types._refine import Refinement


def record_fields(cls: Any) -> dict[str, Any] | None:
    """Name -> annotation of a dataclass, NamedTuple, TypedDict or pydantic model; None for any other class."""
    if is_model(cls):
        return {name: _with_metadata(field.annotation, field.metadata) for name, field in cls.model_fields.items()}
    if not isinstance(cls, type) or not (dataclasses.is_dataclass(cls) or is_named_tuple(cls) or is_typed_dict(cls)):
        return None
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, TypeError, AttributeError):
        # Names that exist only for type checkers: keep their text; dotted ones still name a type.
        hints = {}
        for base in reversed(cls.__mro__):
            hints.update(inspect.get_annotations(base))
    if dataclasses.is_dataclass(cls):
        return {field.name: hints.get(field.name, Any) for field in dataclasses.fields(cls)}
    if is_named_tuple(cls):
        return {name: hints.get(name, Any) for name in cls._fields}  # type: ignore[attr-defined]
    return hints


def _with_metadata(annotation: Any, metadata: list[Any]) -> Any:
    """What pydantic took apart: what the type engine reads goes back behind the type."""
    kept = [each for each in metadata if isinstance(each, Refinement)]
    return Annotated[(annotation, *kept)] if kept else annotation
