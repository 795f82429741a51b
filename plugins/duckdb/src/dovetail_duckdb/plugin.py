"""The hook implementations of dovetail-duckdb. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CheckEngineSpec, CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_duckdb.transformers"
_RELATION = "duckdb.DuckDBPyRelation"
_INSTALL = "pip install 'dovetail-duckdb[engine]'"


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
            install=_INSTALL,
            summary="DuckDB, lazy: a query that is run when rows are needed",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``duckdb``."""
    return [EnvironmentSpec("duckdb", engine="duckdb")]


@hookimpl
def dovetail_check_engines() -> Iterable[CheckEngineSpec]:
    """Native checks, in DuckDB."""
    return [
        CheckEngineSpec(
            "duckdb",
            "dovetail_duckdb.checks:DuckChecks",
            suites=(),
            engine="duckdb",
            install=_INSTALL,
            summary="native checks on DuckDB relations, as SQL",
            native=(_RELATION,),
        )
    ]
