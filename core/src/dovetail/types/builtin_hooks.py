"""The core's own types, declared through the same hooks as everybody else's."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, hookimpl
from dovetail.types._registry import PLAIN

DOVETAIL_API = 1

_TABLE = "pyarrow.Table"
_STREAMS = "dovetail.types.arrow_streams"
_INSTALL = "pip install 'dovetail[arrow]'"

_SCALARS = (
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "list",
    "tuple",
    "dict",
    "set",
    "frozenset",
    "datetime.datetime",
    "datetime.date",
    "datetime.time",
    "datetime.timedelta",
    "decimal.Decimal",
    "uuid.UUID",
    "pathlib.PurePath",
    "enum.Enum",
)


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """Scalars and containers, files, and Arrow tables, batches, readers and datasets."""
    plain = [
        TransformerSpec(
            name, PLAIN, aliases=() if "." in name else (f"builtins.{name}",), summary="plain data, as JSON"
        )
        for name in _SCALARS
    ]
    return [
        *plain,
        TransformerSpec(
            "dovetail.File",
            "dovetail.types._file_transformers:FileTransformer",
            codecs=(
                CodecSpec("reference", "dovetail.types._file_codecs:FileReferenceCodec"),  # declines what is local
                CodecSpec("file", "dovetail.types._file_codecs:FileCodec"),
            ),
            aliases=("dovetail.types.File",),
            summary="a file; its bytes are the value",
        ),
        TransformerSpec(
            "dovetail.Directory",
            "dovetail.types._file_transformers:DirectoryTransformer",
            codecs=(
                CodecSpec("reference", "dovetail.types._file_codecs:DirectoryReferenceCodec"),
                CodecSpec("directory", "dovetail.types._file_codecs:DirectoryCodec", is_directory=True),
            ),
            aliases=("dovetail.types.Directory",),
            summary="a directory; its files are the value",
        ),
        *_arrow(),
    ]


def _arrow() -> Iterable[TransformerSpec]:
    """``pyarrow.Table``, and what comes and goes by way of it."""
    yield TransformerSpec(
        _TABLE,
        "dovetail.types.arrow:ArrowTransformer",
        codecs=(
            CodecSpec("parquet", "dovetail.types.arrow:ParquetCodec", ".parquet"),
            CodecSpec("arrow", "dovetail.types.arrow:IpcCodec", ".arrow"),
        ),
        aliases=("pyarrow.lib.Table",),
        install=_INSTALL,
        summary="Arrow table, the hub of the conversion graph",
    )
    name = "pyarrow.RecordBatch"
    yield TransformerSpec(
        name,
        f"{_STREAMS}:RecordBatchTransformer",
        converters=(
            ConverterSpec(name, _TABLE, f"{_STREAMS}:batch_to_table", "zero-copy"),
            ConverterSpec(_TABLE, name, f"{_STREAMS}:table_to_batch", "copy"),
        ),
        codecs=_codecs(f"{_STREAMS}:RecordBatch"),
        aliases=("pyarrow.lib.RecordBatch",),
        install=_INSTALL,
        summary="Arrow table in one piece",
    )
    name = "pyarrow.RecordBatchReader"
    yield TransformerSpec(
        name,
        f"{_STREAMS}:ReaderTransformer",
        converters=(
            ConverterSpec(name, _TABLE, f"{_STREAMS}:reader_to_table", "collect"),
            ConverterSpec(_TABLE, name, f"{_STREAMS}:table_to_reader", "view", lazy=True),
        ),
        codecs=_codecs(f"{_STREAMS}:Reader"),
        aliases=("pyarrow.lib.RecordBatchReader",),
        install=_INSTALL,
        summary="Arrow rows that come bit by bit, and once",
    )
    name = "pyarrow.dataset.Dataset"
    yield TransformerSpec(
        name,
        f"{_STREAMS}:DatasetTransformer",
        converters=(
            ConverterSpec(name, _TABLE, f"{_STREAMS}:dataset_to_table", "collect"),
            ConverterSpec(_TABLE, name, f"{_STREAMS}:table_to_dataset", "view", lazy=True),
            ConverterSpec(name, "pyarrow.RecordBatchReader", f"{_STREAMS}:dataset_to_reader", "view", lazy=True),
        ),
        codecs=_codecs(f"{_STREAMS}:Dataset"),
        aliases=("pyarrow._dataset.Dataset",),
        install=_INSTALL,
        summary="Arrow rows in files or in memory, read when they are needed",
    )


def _codecs(prefix: str) -> tuple[CodecSpec, ...]:
    return (
        CodecSpec("parquet", f"{prefix}Parquet", ".parquet"),
        CodecSpec("arrow", f"{prefix}Ipc", ".arrow"),
    )
