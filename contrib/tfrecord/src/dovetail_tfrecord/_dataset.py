"""A dataset of examples in TFRecord files, or in memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dovetail_tfrecord._example import BYTES, FLOAT, INT, Feature, decode, encode
from dovetail_tfrecord._frames import read_frames, write_frames

if TYPE_CHECKING:
    import pyarrow as pa


class TFRecordDataset:
    """Examples in TFRecord files, read one after the other. Compressed files are not read.

    Args:
        paths: The files, in order.
        schema: Arrow types of the features, where they are more than bytes, floats and integers: text, dates, small integers.
            Features that are missing in an example are null. Without one, the types are those of the examples.
    """

    def __init__(self, *paths: str | Path, schema: pa.Schema | None = None) -> None:
        self._parts: tuple[Path | bytes, ...] = tuple(Path(path) for path in paths)
        self.schema = schema

    @classmethod
    def from_examples(
        cls, examples: Iterable[Mapping[str, Feature | list[Any]]], schema: pa.Schema | None = None
    ) -> TFRecordDataset:
        """A dataset in memory.

        Args:
            examples: For each example its features by name: lists of bytes, floats or ints. An empty list has no kind: give a
                ``Feature`` where that matters.
            schema: As for the class.

        Raises:
            TypeError: A value is neither bytes, nor a float, nor an int.
        """
        buffer = io.BytesIO()
        write_frames(buffer, (encode({name: _feature(name, f) for name, f in one.items()}) for one in examples))
        return cls.from_bytes(buffer.getvalue(), schema)

    @classmethod
    def from_bytes(cls, data: bytes, schema: pa.Schema | None = None) -> TFRecordDataset:
        """A dataset in memory, from the bytes of a TFRecord file; they are checked when they are read."""
        made = cls(schema=schema)
        made._parts = (data,)
        return made

    def records(self) -> Iterator[bytes]:
        """The records as they are, with their checksums checked.

        Raises:
            DataError: A record is broken.
        """
        for part in self._parts:
            if isinstance(part, bytes):
                yield from read_frames(io.BytesIO(part), "the dataset")
            else:
                with part.open("rb") as file:
                    yield from read_frames(file, part.name)

    def features(self) -> Iterator[dict[str, Feature]]:
        """The examples, with the kind of each feature; raises DataError for a record that is no example."""
        return map(decode, self.records())

    def __iter__(self) -> Iterator[dict[str, list[Any]]]:
        """The examples: lists of bytes, floats or ints by name."""
        for example in self.features():
            yield {name: feature.values for name, feature in example.items()}

    def __len__(self) -> int:
        """How many examples there are; reads the files."""
        return sum(1 for _ in self.records())

    def write(self, file: BinaryIO) -> int:
        """Write all records to one file; gives their number."""
        return write_frames(file, self.records())

    def size(self) -> int:
        """Bytes of the files."""
        return sum(len(part) if isinstance(part, bytes) else part.stat().st_size for part in self._parts)

    def __repr__(self) -> str:
        names = [part.name if isinstance(part, Path) else "memory" for part in self._parts]
        return f"TFRecordDataset({', '.join(names)})"


def _feature(name: str, given: Feature | list[Any]) -> Feature:
    if isinstance(given, Feature):
        return given
    if not given:
        return Feature(0, [])
    kinds = {type(value) for value in given}
    for kind, allowed in ((BYTES, {bytes}), (INT, {int}), (FLOAT, {float, int})):
        if kinds <= allowed:
            return Feature(kind, list(given))
    raise TypeError(
        f"the feature {name!r} holds {', '.join(sorted(k.__name__ for k in kinds))}; give bytes, floats or ints"
    )
