"""The core's own types, declared through the same hooks as everybody else's."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, TransformerSpec, hookimpl
from dovetail.types._registry import PLAIN

DOVETAIL_API = 1

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
    """Scalars and containers, files, and Arrow tables."""
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
        TransformerSpec(
            "pyarrow.Table",
            "dovetail.types.arrow:ArrowTransformer",
            codecs=(
                CodecSpec("parquet", "dovetail.types.arrow:ParquetCodec", ".parquet"),
                CodecSpec("arrow", "dovetail.types.arrow:IpcCodec", ".arrow"),
            ),
            aliases=("pyarrow.lib.Table",),
            install="pip install 'dovetail[arrow]'",
            summary="Arrow table, the hub of the conversion graph",
        ),
    ]
