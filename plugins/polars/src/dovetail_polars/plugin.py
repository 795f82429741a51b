"""The hook implementations of dovetail-polars. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CheckEngineSpec, CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_INSTALL = "pip install 'dovetail-polars[engine]'"
_CODE = "dovetail_polars.transformers"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``polars.DataFrame`` and ``polars.LazyFrame``."""
    return [
        TransformerSpec(
            "polars.DataFrame",
            f"{_CODE}:DataFrameTransformer",
            converters=(
                ConverterSpec("polars.DataFrame", "pyarrow.Table", f"{_CODE}:to_arrow", "copy"),
                ConverterSpec("pyarrow.Table", "polars.DataFrame", f"{_CODE}:from_arrow", "copy"),
                ConverterSpec("polars.DataFrame", "polars.LazyFrame", f"{_CODE}:to_lazy", "view"),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:DataFrameParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:DataFrameIpc", ".arrow"),
            ),
            aliases=("polars.dataframe.frame.DataFrame",),
            install=_INSTALL,
            summary="polars, eager",
        ),
        TransformerSpec(
            "polars.LazyFrame",
            f"{_CODE}:LazyFrameTransformer",
            converters=(
                ConverterSpec("polars.LazyFrame", "polars.DataFrame", f"{_CODE}:collect", "collect"),
                ConverterSpec("polars.LazyFrame", "pyarrow.Table", f"{_CODE}:lazy_to_arrow", "collect"),
                ConverterSpec("polars.LazyFrame", "pyarrow.RecordBatchReader", f"{_CODE}:to_reader", "view", lazy=True),
                ConverterSpec(
                    "pyarrow.dataset.Dataset", "polars.LazyFrame", f"{_CODE}:from_dataset", "copy", lazy=True
                ),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:LazyFrameParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:LazyFrameIpc", ".arrow"),
            ),
            aliases=("polars.lazyframe.frame.LazyFrame",),
            install=_INSTALL,
            summary="polars, lazy: a plan that is run when rows are needed",
        ),
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``polars``."""
    return [EnvironmentSpec("polars", engine="polars")]


@hookimpl
def dovetail_check_engines() -> Iterable[CheckEngineSpec]:
    """Native checks, on frames as they are."""
    return [
        CheckEngineSpec(
            "polars",
            "dovetail_polars.checks:PolarsChecks",
            suites=(),
            engine="polars",
            install=_INSTALL,
            summary="native checks on polars and Arrow, in one pass",
            native=("polars.DataFrame", "pyarrow.Table"),
        )
    ]
