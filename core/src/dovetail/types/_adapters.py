"""Plain annotations through pydantic: one strict TypeAdapter each, built once."""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from dovetail.types._exact import Acceptor
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import is_union

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class Adapters:
    """Builds adapters and keeps them."""

    def __init__(self) -> None:
        self._built: dict[Any, TypeAdapter[Any] | None] = {}

    def get(self, annotation: Any) -> TypeAdapter[Any] | None:
        """The pydantic adapter for a plain annotation; None if pydantic cannot describe it."""
        try:
            return self._built[annotation]
        except KeyError:
            pass
        from pydantic import ConfigDict, PydanticUserError, TypeAdapter

        found: TypeAdapter[Any] | None
        try:
            found = TypeAdapter(_exact_floats(annotation), config=ConfigDict(arbitrary_types_allowed=True, strict=True))
        except PydanticUserError:
            try:  # a dataclass, model or TypedDict brings its own config
                found = TypeAdapter(annotation)
            except PydanticUserError:
                found = None
        except Exception:  # pydantic raises NameError and TypeError for annotations that it cannot resolve
            found = None
        self._built[annotation] = found
        return found

    def acceptor(self, annotation: Any) -> Acceptor | None:
        """A function that checks a value strictly; None if pydantic cannot describe the annotation."""
        adapter = self.get(annotation)
        if adapter is None:
            return None
        from pydantic import ValidationError

        validate = adapter.validator.validate_python

        def accept(value: Any) -> Any:
            try:
                return validate(value, strict=True)
            except ValidationError as error:
                raise _from_pydantic(value, error) from None

        return accept


def _exact_floats(annotation: Any) -> Any:
    """The annotation with floats that refuse an int that would be rounded; pydantic rounds it without a word."""
    from pydantic import BeforeValidator

    if annotation is float:
        return Annotated[float, BeforeValidator(_exact_float)]
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (list, set, frozenset, dict, tuple) and args:
        return GenericAlias(origin, tuple(_exact_floats(arg) for arg in args))
    if is_union(annotation):
        return Union[tuple(_exact_floats(arg) for arg in args)]  # noqa: UP007 - the members are known only now
    return annotation


def _exact_float(value: Any) -> Any:
    if type(value) is int:
        try:
            if float(value) == value:
                return value
        except OverflowError:
            pass
        raise ValueError("this int has no exact float")
    return value


def _from_pydantic(value: Any, error: Any) -> Mismatch:
    """The first complaint, with the place: pydantic's location also names union members, which lead nowhere."""
    first = error.errors(include_url=False, include_context=False)[0]
    path: list[Any] = []
    place = value
    for key in first["loc"]:
        try:
            place = getattr(place, key) if isinstance(key, str) and not isinstance(place, dict) else place[key]
        except (AttributeError, LookupError, TypeError):
            break
        path.append(key)
    message = first["msg"]
    expected = message.removeprefix("Input should be ")
    mismatch = Mismatch(
        place, expected if expected != message else "a valid value", None if expected != message else message
    )
    mismatch.path = path
    return mismatch
