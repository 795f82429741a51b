"""Tables in files, for commands: read whatever the format, written the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.cli._text import clean
from dovetail.cli._written import in_one_step
from dovetail.config import mask_url, url_scheme
from dovetail.errors import ArtifactCorrupt, DataError, EngineUnavailable, UsageError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

    from dovetail.types import TypeEngine

_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_LARGE = 30_000_000
"""Cells of a file from which on it is checked piece by piece."""
_PACKED = (".gz", ".bz2", ".zst")


def read_table(data: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The table in a file, in the files of a directory or pattern, or behind a URL.

    Args:
        data: Path, pattern or URL. Several files are one table, in the order of their names.
        columns: Only these, where the format can tell them apart before they are read.

    Raises:
        UsageError: There is no such file, or its format is not known by its name.
        DataError: It cannot be read as what its name says, or its files do not go together.
        EngineUnavailable: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise EngineUnavailable("checking data needs pyarrow", fix="pip install 'dovetail[arrow]'") from None
    tables = []
    for path, form in _files(data):
        with _blamed(path):
            tables.append(_READERS[form](path, columns))
            tables[-1].column_names  # noqa: B018 - pyarrow decodes names of columns when they are asked for
    if len(tables) == 1:
        return tables[0]
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        raise DataError(f"the {len(tables)} files of {clean(data)} are not one table", why=str(error)) from error


@contextmanager
def large_table(data: str, types: TypeEngine) -> Iterator[Any]:
    """A stream of the rows of a large Parquet file, which is not read yet; None for any other data.

    Raises:
        UsageError: There is no such file, or its format is not known by its name.
        DataError: It cannot be read, or was changed within the context.
    """
    found = _files(data)
    path, form = found[0]
    if form != "parquet" or len(found) > 1:
        yield None
        return
    from dovetail.types.table_files import table_in, value_in

    with _blamed(path):
        before = _signature(path)
        file = table_in(path, form)
        names = file.schema.names
    if file.num_rows * len(names) < _LARGE or len(set(names)) < len(names):
        yield None
        return
    with _blamed(path):
        yield value_in(types, file, "pyarrow.RecordBatchReader", ours=False)
    if _signature(path) != before:
        raise DataError(f"{clean(str(path))} was changed while it was checked", fix="check it again")


def _signature(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_columns(data: str) -> list[str] | None:
    """The names of the columns where that is cheap to know; None otherwise."""
    from dovetail.types._arrow_files import ipc_schema, parquet_schema

    found = _files(data)
    path, form = found[0]
    read = {"parquet": parquet_schema, "arrow": ipc_schema}.get(form)
    if read is None or len(found) > 1:
        return None
    with _blamed(path):
        names: list[str] = read(path).names
    return names if len(set(names)) == len(names) else None


def check_targets(data: str, targets: dict[str, Path | None]) -> None:
    """Refuse, before anything is read, files that tables cannot or must not be written to.

    Args:
        data: What is read; its files are not written over.
        targets: Files by the name of the option that names them; None: not asked for.

    Raises:
        UsageError: The format of one is not known, it is a file of the data, or two are one.
    """
    taken = {} if _remote(data) else {path.resolve(): "the data" for path, _ in _files(data)}
    for option, path in targets.items():
        if path is None:
            continue
        _written_as(path)
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise UsageError(f"{option} names the file of {other}: {clean(str(path))}", fix="name another file")


def _written_as(path: Path) -> str:
    form = _FORMATS.get(path.suffix.lower(), "")
    if form not in _WRITERS:
        raise UsageError(f"{path.name!r} names no format", fix="write .parquet, .csv or .arrow")
    return form


def write_table(table: Any, path: Path) -> None:
    """Write a table, or a stream of its rows, in the format that the file's name says, in one step.

    Raises:
        UsageError: The format is not known, or the file cannot be written.
        PlatformError: There is no room for it.
    """
    form = _written_as(path)
    with in_one_step(path, "the table") as temporary:
        _WRITERS[form](table, temporary)


def _remote(data: str) -> bool:
    return bool(url_scheme(data)) and not data.startswith("file://")


def _files(data: str) -> list[tuple[Path, str]]:
    """The files that are meant, each with its format."""
    if _remote(data):
        from dovetail.types import File

        form = _format(data.partition("?")[0])
        if form is None:
            raise _unknown(mask_url(data))
        return [(File(data).download(), form)]
    path = Path(data.removeprefix("file://"))
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file() and _format(each.name) is not None)
    elif has_magic(data) and not path.exists():
        matches = map(Path, glob(data, recursive=True))  # noqa: PTH207 - which may begin with a slash
        found = sorted(each for each in matches if each.is_file())
    else:
        found = [path] if path.exists() else []
    if not found:
        raise _nothing(path, data)
    formats = {_format(each.name) for each in found}
    if None in formats:
        raise _unknown(data)
    if len(formats) > 1:
        kinds = ", ".join(sorted(map(str, formats)))
        raise UsageError(f"{clean(data)} holds files of several formats", why=kinds, fix="name one kind: DIR/*.parquet")
    return [(each, str(_format(each.name))) for each in found]


def _format(name: str) -> str | None:
    path = Path(name.lower())
    if path.suffix in _PACKED:
        packed = _FORMATS.get(Path(path.stem).suffix)
        return packed if packed in ("csv", "tsv", "jsonl") else None
    return _FORMATS.get(path.suffix)


def _unknown(data: str) -> UsageError:
    return UsageError(
        f"{clean(data)} does not say what it is",
        why="the format is told by the end of the name",
        fix=", ".join(_FORMATS),
    )


def _nothing(path: Path, data: str) -> UsageError:
    around = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, around)
    if path.is_dir():
        return UsageError(f"{clean(data)} holds no file of data", fix=f"files that end in {', '.join(_FORMATS)}")
    return UsageError(
        f"there is no file {clean(data)!r}",
        fix=f"did you mean {close!r}?" if close else "check the path; DATA comes first",
    )


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """What is wrong with a file of data is a matter of the data: nothing was checked, so nothing may pass."""
    import pyarrow as pa

    try:
        yield
    except ArtifactCorrupt as error:
        raise DataError(error.what, why=error.why, fix="write the file again") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{clean(str(path))} is not in UTF-8", why=str(error), fix="write it in UTF-8") from error
    except pa.ArrowException as error:
        comma = ".csv" in path.suffixes and "CSV parse error" in str(error)
        fix = "part its cells by commas, and quote texts that hold one" if comma else "write the file again"
        raise DataError(f"{clean(str(path))} cannot be read", why=str(error), fix=fix) from error
    except OSError as error:
        raise UsageError(f"{clean(str(path))} cannot be read", why=error.strerror or str(error)) from error


def _parquet(path: Path, columns: Sequence[str] | None) -> pa.Table:
    from dovetail.types.arrow import read_parquet

    return read_parquet(path, columns)


def _arrow(path: Path, columns: Sequence[str] | None) -> pa.Table:
    from dovetail.types.arrow import read_ipc

    return read_ipc(path, columns)


def _csv(path: Path, columns: Sequence[str] | None, delimiter: str = ",") -> pa.Table:
    from pyarrow import csv

    options = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter), convert_options=options)


def _tsv(path: Path, columns: Sequence[str] | None) -> pa.Table:
    return _csv(path, columns, "\t")


def _jsonl(path: Path, columns: Sequence[str] | None) -> pa.Table:
    from pyarrow import json

    return json.read_json(path)


def _to_csv(table: pa.Table, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv

    plain = [
        pa.chunked_array([[", ".join(row or ()) for row in column.to_pylist()]], pa.string())
        if pa.types.is_list(column.type)
        else column
        for column in table.columns
    ]
    csv.write_csv(pa.table(plain, names=table.column_names), path)


def _to_parquet(table: pa.Table, path: Path) -> None:
    from dovetail.types.arrow import write_parquet, write_parquet_batches

    if hasattr(table, "read_next_batch"):  # a stream
        write_parquet_batches(table.schema, table, path)
    else:
        write_parquet(table, path)


def _to_arrow(table: pa.Table, path: Path) -> None:
    from dovetail.types.arrow import write_ipc

    write_ipc(table, path)


_READERS: dict[str, Callable[[Path, Sequence[str] | None], Any]] = {
    "parquet": _parquet,
    "arrow": _arrow,
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _jsonl,
}
_WRITERS: dict[str, Callable[[Any, Path], None]] = {"parquet": _to_parquet, "arrow": _to_arrow, "csv": _to_csv}
