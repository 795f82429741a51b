"""From what a user hands to a gate to a Pandera schema that this version evaluates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail.errors import DefinitionError

FRAMES = {"polars": "polars.DataFrame", "pandas": "pandas.DataFrame"}


@dataclass(frozen=True, slots=True)
class Suite:
    """A schema, its name, and the type name of the frames that it is written for."""

    schema: Any
    name: str
    frame: str


def load_suite(suite: Any) -> Suite:
    """Read a ``DataFrameSchema`` object or a ``DataFrameModel`` class.

    Raises:
        DefinitionError: It is of another kind, cannot be built, or changes data rather than checking them.
    """
    cls = suite if isinstance(suite, type) else type(suite)
    name = cls.__name__ if isinstance(suite, type) else getattr(suite, "name", None) or cls.__name__
    library = _library(cls)
    if library not in FRAMES or cls.__name__ in ("SeriesSchema", "Column", "Index", "MultiIndex"):
        raise DefinitionError(
            f"the Pandera suite {name!r} is of a kind that is not in this version: {cls.__module__}.{cls.__qualname__}",
            why="dovetail-pandera evaluates schemas and models of pandera.polars and pandera.pandas",
            fix="write the schema with pandera.polars or pandera.pandas; the gate converts the data to it",
        )
    schema = _build(suite, name)
    _refuse_what_changes_data(schema, name)
    return Suite(schema, str(name), FRAMES[library])


def _library(cls: type) -> str:
    """``"polars"`` for what derives from ``pandera.api.polars``; ``""`` for what is none of Pandera's frame schemas."""
    for base in cls.__mro__:
        package, _, rest = base.__module__.partition("pandera.api.")
        if not package and rest:
            return rest.partition(".")[0]
    return ""


def _build(suite: Any, name: str) -> Any:
    if not isinstance(suite, type):
        return suite
    try:
        return suite.to_schema()  # type: ignore[attr-defined]
    except Exception as error:  # Pandera raises many kinds for a model that is wrong
        raise DefinitionError(
            f"the Pandera model {name!r} cannot be built", why=f"{type(error).__name__}: {error}", fix="mend the model"
        ) from error


def _refuse_what_changes_data(schema: Any, name: str) -> None:
    parts = [schema, *schema.columns.values()]
    if any(getattr(part, "parsers", None) for part in parts):
        raise DefinitionError(
            f"the Pandera schema {name!r} has parsers, and a gate never changes data",
            why="what would be checked is not what would be published",
            fix="run the parsers in the task before the gate, and give the gate a schema without them",
        )
    if type(getattr(schema, "dtype", None)).__name__ == "PydanticModel":
        raise DefinitionError(
            f"the Pandera schema {name!r} checks rows by a pydantic model, which is not in this version",
            fix="name the columns and their checks in the schema",
        )
