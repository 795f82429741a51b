"""Readings: a type of our own, how it is hashed, stored and converted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dovetail.spec import FieldInfo, Preview, Schema, TypeTransformer

if TYPE_CHECKING:
    import pyarrow as pa


class Readings:
    """Temperatures of one station, one for each hour.

    Args:
        city: Where the station stands.
        celsius: Degrees Celsius, the first hour first.
    """

    __slots__ = ("celsius", "city")

    def __init__(self, city: str, celsius: Sequence[float]) -> None:
        self.city = city
        self.celsius = tuple(float(value) for value in celsius)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Readings) and (self.city, self.celsius) == (other.city, other.celsius)

    def __hash__(self) -> int:
        return hash((self.city, self.celsius))

    def __repr__(self) -> str:
        return f"Readings({self.city!r}, {list(self.celsius)})"

    def to_json(self) -> str:
        """As text; floats keep every digit."""
        return json.dumps({"city": self.city, "celsius": self.celsius})

    @classmethod
    def from_json(cls, text: str) -> Readings:
        """What :meth:`to_json` wrote."""
        data = json.loads(text)
        return cls(data["city"], data["celsius"])


class ReadingsTransformer(TypeTransformer):
    """How readings are told apart and shown."""

    type_name: ClassVar[str] = "acme_weather.readings.Readings"

    def content_hash(self, value: Readings) -> str:
        """Of the text."""
        return hashlib.sha256(value.to_json().encode()).hexdigest()

    def schema(self, value: Readings) -> Schema:
        """The three columns."""
        columns = (("city", "string"), ("hour", "int64"), ("celsius", "double"))
        return Schema(tuple(FieldInfo(name, type, nullable=False) for name, type in columns))

    def preview(self, value: Readings, limit: int = 10) -> Preview:
        """The first hours."""
        rows = tuple((value.city[:80], str(hour), str(degrees)) for hour, degrees in enumerate(value.celsius[:limit]))
        return Preview(columns=("city", "hour", "celsius"), rows=rows, total_rows=len(value.celsius))


class ReadingsCodec:
    """JSON, one file."""

    def write(self, value: Readings, path: Path) -> None:
        """Write the text."""
        path.write_text(value.to_json(), encoding="utf-8")

    def read(self, path: Path) -> Readings:
        """Read it back."""
        return Readings.from_json(path.read_text(encoding="utf-8"))


def to_arrow(value: Readings) -> pa.Table:
    """The columns ``city``, ``hour`` and ``celsius``."""
    import pyarrow as pa

    hours = range(len(value.celsius))
    columns: dict[str, Any] = {
        "city": pa.array([value.city for _ in hours], pa.string()),
        "hour": pa.array(list(hours), pa.int64()),
        "celsius": pa.array(value.celsius, pa.float64()),
    }
    return pa.table(columns)


def from_arrow(table: pa.Table) -> Readings:
    """The column ``celsius``, in order; the first ``city``."""
    cities = table["city"].to_pylist()
    return Readings(cities[0] if cities else "", table["celsius"].to_pylist())
