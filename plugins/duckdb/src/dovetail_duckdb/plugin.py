"""The hook implementations of dovetail-duckdb. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_duckdb.transformers"
_RELATION = "duckdb.DuckDBPyRelation"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``duckdb.DuckDBPyRelation``."""
    return [
        TransformerSpec(
            _RELATION,
            f"{_CODE}:RelationTransformer",
            converters=(
                ConverterSpec(_RELATION, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _RELATION, f"{_CODE}:from_arrow", "view", lazy=True),
                ConverterSpec(_RELATION, "pyarrow.RecordBatchReader", f"{_CODE}:to_reader", "view", lazy=True),
                ConverterSpec("pyarrow.dataset.Dataset", _RELATION, f"{_CODE}:from_dataset", "view", lazy=True),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:RelationParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:RelationIpc", ".arrow"),
            ),
            aliases=("duckdb._relation.DuckDBPyRelation",),
            install="pip install 'dovetail-duckdb[engine]'",
            summary="DuckDB, lazy: a query that is run when rows are needed",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``duckdb``."""
    return [EnvironmentSpec("duckdb", engine="duckdb")]
