"""The marker that publishes a value under a name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from dovetail.errors import DefinitionError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Publish a value as a named, versioned dataset: ``Annotated[pl.DataFrame, dt.Dataset("clean_flights")]``.

    A version is published when the node is committed, after every gate of the same annotation has passed; a run that is
    called like a function publishes nothing.

    Args:
        name: Letters, digits, ``_``, ``-`` and ``.``; at most 128.
        path: Also write the stored file to this path (relative to the project), replacing it in one step. The suffix
            chooses the format where the type has several, e.g. ``"out/flights.parquet"``.

    Raises:
        DefinitionError: The name is not of that form.
    """

    name: str
    path: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name) or set(self.name) == {"."}:
            raise DefinitionError(
                f"{self.name!r} cannot name a dataset", fix="use letters, digits, '_', '-' and '.', at most 128"
            )
