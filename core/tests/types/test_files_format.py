"""The format that is declared of files: of values, of wiring, of records."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from dovetail.errors import ConversionError, DefinitionError, ValueMismatch
from dovetail.types import Directory, File, FileFormat, TypeEngine

Csv = Annotated[File, FileFormat("csv")]
Parquet = Annotated[File, FileFormat(".Parquet")]


@dataclass
class Pair:
    table: Csv
    page: Annotated[File, FileFormat("html")]


def made(folder: Path, name: str, data: bytes = b"x") -> File:
    (folder / name).write_bytes(data)
    return File(folder / name)


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.b.csv", "noending", ".csv"])
def test_a_file_fits_by_its_name(types: TypeEngine, tmp_path: Path, name: str) -> None:
    file = made(tmp_path, name)
    assert types.accept(file, Csv) is file
    assert types.accept(File(f"s3://bucket/{name}"), Csv).url


@pytest.mark.parametrize("name", ["a.tsv", "a.csv.gz", "a.csv2", "csv.txt"])
def test_a_name_that_ends_otherwise_does_not(types: TypeEngine, tmp_path: Path, name: str) -> None:
    for value in (made(tmp_path, name), File(f"s3://bucket/{name}"), str(tmp_path / name)):
        with pytest.raises(ValueMismatch, match="in the format csv") as caught:
            types.accept(value, Csv)
        assert name in (caught.value.why or "")


def test_spellings_and_endings_of_two_parts(types: TypeEngine, tmp_path: Path) -> None:
    assert FileFormat("yml") == FileFormat("YAML") and FileFormat(".JPEG") == FileFormat("jpg")
    types.accept(made(tmp_path, "a.yml"), Annotated[File, FileFormat("yaml")])
    packed = Annotated[File, FileFormat("csv.gz")]
    types.accept(made(tmp_path, "a.csv.gz", gzip.compress(b"1")), packed)
    types.accept(made(tmp_path, "b.csv.gz", gzip.compress(b"1")), Annotated[File, FileFormat("gz")])
    with pytest.raises(ValueMismatch, match="begins with"):
        types.accept(made(tmp_path, "c.csv.gz", b"a,b\n"), packed)


@pytest.mark.parametrize("data", [b"", b"PAR", b"a,b\n1,2\n", b"PK\x03\x04"])
def test_what_lies_here_is_looked_at(types: TypeEngine, tmp_path: Path, data: bytes) -> None:
    types.accept(made(tmp_path, "good.parquet", b"PAR1...PAR1"), Parquet)
    for name in ("bad.parquet", "bad"):
        with pytest.raises(ValueMismatch, match=r"begins with|ends with"):
            types.accept(made(tmp_path, name, data), Parquet)


def test_directories(types: TypeEngine, tmp_path: Path) -> None:
    tables = Annotated[Directory, FileFormat("csv")]
    made(tmp_path, "a.csv")
    (tmp_path / "deep").mkdir()
    made(tmp_path / "deep", "b.csv")
    made(tmp_path, "_SUCCESS.crc")
    types.accept(Directory(tmp_path), tables)
    made(tmp_path / "deep", "c.txt")
    with pytest.raises(ValueMismatch, match="in the format csv") as caught:
        types.accept(Directory(tmp_path), tables)
    assert "deep/c.txt" in (caught.value.why or "")


def test_wiring() -> None:
    from dovetail.plugins import current_catalogue

    types = TypeEngine(current_catalogue())
    assert not types.check_edge(Csv, Csv).note
    assert not types.check_edge(Csv, File).note
    assert "format" in types.check_edge(File, Csv).note
    assert "format" in types.check_edge(list[File], list[Csv]).note
    for source, target in ((Parquet, Csv), (list[Parquet], list[Csv]), (Parquet, Csv | None)):
        with pytest.raises(ConversionError):
            types.check_edge(source, target)
    with pytest.raises(ConversionError, match="does not fit") as caught:
        types.check_edge(Parquet, Csv)
    assert caught.value.why == "it is declared as parquet, and csv is wanted"


def test_inside_a_record_the_place_is_told(types: TypeEngine, store: Any, tmp_path: Path) -> None:
    good = Pair(made(tmp_path, "a.csv"), made(tmp_path, "b.htm"))
    loaded = types.load(types.dump(good, Pair, store), store, Pair)
    assert loaded.table.name == "a.csv"
    with pytest.raises(ValueMismatch) as caught:
        types.accept(Pair(good.page, good.table), Pair)
    assert caught.value.details["path"] == "table"


@pytest.mark.parametrize("name", ["", ".", "a/b", "*", "a b", 3, None])
def test_what_is_no_format(name: Any) -> None:
    with pytest.raises(DefinitionError, match="expected an ending"):
        FileFormat(name)


def test_it_says_something_of_files_only(types: TypeEngine, tmp_path: Path) -> None:
    for annotation in (Annotated[int, FileFormat("csv")], Annotated[Path, FileFormat("csv")]):
        with pytest.raises(DefinitionError, match="cannot be declared"):
            types.accept(1, annotation)
