"""The suite of pairs sees what a frame loses in silence, a panic, and a file that says something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from dovetail.errors import ValueMismatch
from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, hookimpl
from dovetail.testing import HubHarness
from dovetail.testing._pair_reference import pair_parts
from dovetail.testing._pair_suite import WRITE, check_law, check_recorded
from dovetail.testing._pairs import ARROW, PairTable
from dovetail.types.arrow import IpcCodec, TableTransformer

NAME = f"{__name__}.Box"


class Box:
    """A frame that holds an Arrow table."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table


class BoxTransformer(TableTransformer):
    type_name = NAME

    def to_arrow(self, value: Box) -> pa.Table:
        return value.table

    def from_arrow(self, table: pa.Table) -> Box:
        return Box(table)


class BoxIpc(IpcCodec):
    transformer = BoxTransformer


make: Callable[[pa.Table], Box] = Box


def from_arrow(table: pa.Table) -> Box:
    return make(table)


def to_arrow(box: Box) -> pa.Table:
    return box.table


class Plugin:
    DOVETAIL_API = 1

    def __init__(self, lossy: str | None = None) -> None:
        self.lossy = lossy

    @hookimpl
    def dovetail_type_transformers(self) -> list[TransformerSpec]:
        return [
            TransformerSpec(
                NAME,
                f"{__name__}:BoxTransformer",
                converters=(
                    ConverterSpec(NAME, ARROW, f"{__name__}:to_arrow", "copy"),
                    ConverterSpec(ARROW, NAME, f"{__name__}:from_arrow", "copy", lossy=self.lossy),
                ),
                codecs=(CodecSpec("box", f"{__name__}:BoxIpc", ".arrow"),),
            )
        ]


@contextmanager
def pairs(lossy: str | None = None) -> Iterator[PairTable]:
    with HubHarness() as hub:
        hub.hub.register(Plugin(lossy))
        yield PairTable(hub.types)


def refuse_text(table: pa.Table) -> Box:
    if any(pa.types.is_string(kind) for kind in table.schema.types):
        raise ValueMismatch("a Box takes no text", why="it has no room for it", fix="drop the column")
    return Box(table)


def first_rows(table: pa.Table) -> Box:
    return Box(table.slice(0, 5))


def nulls_as_zero(table: pa.Table) -> Box:
    import pyarrow.compute as pc

    columns = [pc.fill_null(c, 0) if pa.types.is_int64(c.type) else c for c in table.columns]
    return Box(pa.Table.from_arrays(columns, names=table.column_names))


def without_sign_of_zero(table: pa.Table) -> Box:
    import pyarrow.compute as pc

    columns = [pc.add(c, 0.0) if pa.types.is_float64(c.type) else c for c in table.columns]
    return Box(pa.Table.from_arrays(columns, names=table.column_names))


def float_where_there_are_nulls(table: pa.Table) -> Box:
    columns = [c.cast("double", safe=False) if pa.types.is_int8(c.type) and c.null_count else c for c in table.columns]
    return Box(pa.Table.from_arrays(columns, names=table.column_names))


def panics(table: pa.Table) -> Box:
    if any(pa.types.is_duration(kind) for kind in table.schema.types):
        raise BaseExceptionGroup("panic", [SystemError("out of order")])
    return Box(table)


def silent(table: pa.Table) -> Box:
    if table.num_columns > 1:
        raise ValueMismatch("no")
    return Box(table)


@pytest.mark.parametrize("carry", [Box, refuse_text], ids=["all", "all but text"])
def test_a_frame_that_carries_or_refuses_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, carry: Any) -> None:
    monkeypatch.setattr(f"{__name__}.make", carry)
    monkeypatch.setenv(WRITE, "write")
    file = tmp_path / "frame_pairs.json"
    with pairs() as table:
        assert table.names[0] == ARROW and NAME in table.names
        check_law(table, ARROW, [NAME], 60)
        check_law(table, NAME, [ARROW], 60)
        check_recorded([table.measure(ARROW, NAME), table.measure(NAME, ARROW)], file)
        monkeypatch.delenv(WRITE)
        check_recorded([table.measure(ARROW, NAME), table.measure(NAME, ARROW)], file)
    kinds = pair_parts([file])["kinds"]
    assert f"| text | {'●' if carry is Box else '✗'} |" in kinds and "| int64 | ● |" in kinds


@pytest.mark.parametrize(
    "mutant",
    [first_rows, nulls_as_zero, without_sign_of_zero, float_where_there_are_nulls, panics, silent],
    ids=lambda each: each.__name__,
)
def test_a_frame_that_changes_something_is_seen(monkeypatch: pytest.MonkeyPatch, mutant: Any) -> None:
    monkeypatch.setattr(f"{__name__}.make", mutant)
    with pairs() as table, pytest.raises(AssertionError, match=r"changed|crashed|sometimes"):
        check_law(table, ARROW, [NAME], 1000)  # it ends at the first that is changed; -0.0 is not in every 200 tables


def test_a_lossy_road_is_recorded_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.make", nulls_as_zero)
    with pairs("nulls of integers") as table:
        pair = table.measure(ARROW, NAME)
    assert pair.lossy == ("nulls of integers",)
    assert pair.findings["int64"] == "carried; with nulls: lost" and pair.findings["text"] == "carried"


def test_a_file_that_says_something_else_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "frame_pairs.json"
    monkeypatch.setenv(WRITE, "write")
    with pairs() as table:
        check_recorded([table.measure(ARROW, NAME)], file)
        monkeypatch.delenv(WRITE)
        monkeypatch.setattr(f"{__name__}.make", refuse_text)
        with pytest.raises(AssertionError, match="text: carried became refused"):
            check_recorded([table.measure(ARROW, NAME)], file)
