"""A plugin's frames get declared columns and formats by size without doing anything for it."""

from __future__ import annotations

import sys
import types as module_types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.config import Settings
from dovetail.errors import ValueMismatch
from dovetail.graph import type_text
from dovetail.plugins import build_catalogue
from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, TypeTransformer, hookimpl
from dovetail.types import TypeEngine, columns
from dovetail.types.arrow import IpcCodec, ParquetCodec, TableTransformer

NAME = "ledgers_of_the_column_tests"


@dataclass
class Ledger:
    table: pa.Table


class Plain(TypeTransformer):
    """Knows how to become Arrow, and nothing of columns."""

    is_table = True

    def to_arrow(self, value: Ledger) -> pa.Table:
        return value.table


class Table(TableTransformer):
    def to_arrow(self, value: Ledger) -> pa.Table:
        return value.table

    def from_arrow(self, table: pa.Table) -> Ledger:
        return Ledger(table)

    def size(self, value: Ledger) -> int | None:
        return None if value.table.schema.metadata else int(value.table.nbytes)


class Small(IpcCodec):
    transformer = Table


class Large(ParquetCodec):
    transformer = Table


class Ledgers:
    DOVETAIL_API = 1

    def __init__(self, transformer: str) -> None:
        self.transformer = transformer

    @hookimpl
    def dovetail_type_transformers(self) -> Iterable[TransformerSpec]:
        ledger = f"{NAME}.Ledger"
        return [
            TransformerSpec(
                ledger,
                f"{NAME}:{self.transformer}",
                converters=(
                    ConverterSpec(ledger, "pyarrow.Table", f"{NAME}:to_arrow"),
                    ConverterSpec("pyarrow.Table", ledger, f"{NAME}:Ledger"),
                ),
                codecs=(
                    CodecSpec("small", f"{NAME}:Small", ".arrow", max_bytes=1000),
                    CodecSpec("large", f"{NAME}:Large", ".parquet"),
                ),
            )
        ]


@pytest.fixture(autouse=True, scope="module")
def _module() -> Iterator[None]:
    module = module_types.ModuleType(NAME)
    vars(module).update({"Ledger": Ledger, "Plain": Plain, "Table": Table, "Small": Small, "Large": Large})
    module.to_arrow = lambda value: value.table  # type: ignore[attr-defined]
    sys.modules[NAME] = module
    yield
    del sys.modules[NAME]


@pytest.fixture(scope="module", params=["Plain", "Table"])
def ledgers(request: pytest.FixtureRequest, bare_settings: Settings) -> TypeEngine:
    return TypeEngine(build_catalogue(bare_settings, [Ledgers(request.param)]))


@pytest.fixture(scope="module")
def tables(bare_settings: Settings) -> TypeEngine:
    return TypeEngine(build_catalogue(bare_settings, [Ledgers("Table")]))


TABLE = pa.table({"x": [1.5], "b": ["q"], "a": pa.array([1], pa.int32())})


def test_a_frame_is_projected_by_way_of_arrow(ledgers: TypeEngine) -> None:
    out = ledgers.accept(Ledger(TABLE), Annotated[Ledger, columns(a=int, b=str)])
    assert out == Ledger(pa.table({"a": [1], "b": ["q"]}))
    assert ledgers.accept(TABLE, Annotated[Ledger, columns(a=int)]) == Ledger(pa.table({"a": [1]}))
    assert ledgers.accept(Ledger(TABLE), Annotated[pa.Table, columns(a=int)]) == pa.table({"a": [1]})
    with pytest.raises(ValueMismatch, match="column 'c'"):
        ledgers.accept(Ledger(TABLE), Annotated[Ledger, columns(c=int)])


@pytest.mark.parametrize(
    ("table", "format"),
    [
        (pa.table({"n": [1]}), "small"),
        (pa.table({"n": list(range(1000))}), "large"),
        (pa.table({"n": [1]}).replace_schema_metadata({"size": "unknown"}), "large"),
    ],
)
def test_the_format_is_the_first_that_is_made_for_values_of_the_size(
    tables: TypeEngine, store: Any, table: pa.Table, format: str
) -> None:
    artifact = tables.dump(Ledger(table), Ledger, store)
    assert artifact.format == format
    assert tables.load(artifact, store).table.equals(table)
    other = "small" if format == "large" else "large"
    assert tables.dump(Ledger(table), Annotated[Ledger, dt.Stored(other)], store).format == other


def test_what_stands_behind_a_type_counts_in_its_text_and_is_the_same_everywhere() -> None:
    plain = type_text(pa.Table)
    assert type_text(Annotated[pa.Table, columns(a=int | None), "help"]) == f"{plain}[a: int | None]"
    assert type_text(Annotated[pa.Table, dt.Stored("arrow")]) == f"{plain}[stored as arrow]"
    assert type_text(Annotated[pa.Table, dt.Collect("1GB")]) == plain
    assert "a: int" in type_text(list[Annotated[pa.Table, columns(a=int)]])
    assert type_text(list[Annotated[pa.Table, object()]]) == type_text(list[pa.Table])


def test_sizes_and_formats_are_declared_without_arrow(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys, dovetail as dt; dt.Collect('1GB'); dt.Stored('arrow'); dt.columns; print('pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "False"
