"""The marker that publishes a value under a name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from dovetail.errors import DefinitionError, shorten

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.\-]*"
_NAME = re.compile(rf"(?=.{{1,128}}\Z){_SEGMENT}(/{_SEGMENT})*")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Publish a value as a named, versioned dataset: ``Annotated[pl.DataFrame, dt.Dataset("clean_flights")]``.

    A version is published when the node is committed, after every gate of the same annotation has passed; a run that is
    called like a function publishes nothing.

    Args:
        name: Letters, digits, ``_``, ``-`` and ``.``, parts joined by ``/``; at most 128.
        path: Also write the stored file to this path (relative to the project), replacing it in one step. The suffix
            chooses the format where the type has several, e.g. ``"out/flights.parquet"``.

    Raises:
        DefinitionError: The name is not of that form.
    """

    name: str
    path: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        checked_dataset(self.name)


def checked_dataset(name: object) -> str:
    """A name that a dataset can have.

    Raises:
        DefinitionError: It is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DefinitionError(
            f"{shorten(name)} cannot name a dataset",
            fix="use letters, digits, '_', '-' and '.', parts joined by '/', as in flights/clean; at most 128",
        )
    return name
