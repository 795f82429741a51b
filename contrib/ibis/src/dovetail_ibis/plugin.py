"""The hook implementations of dovetail-ibis. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_ibis.transformers"
_FRAME = "ibis.Table"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``ibis.Table``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:IbisTransformer",
            converters=(
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "view", lazy=True),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:TableParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:TableIpc", ".arrow"),
            ),
            aliases=(
                "ibis.expr.types.relations.Table",
                "ibis.expr.types.Table",
            ),
            install="pip install 'dovetail-ibis[engine]'",
            summary="Ibis, lazy: an expression that its backend runs when rows are needed",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``ibis``."""
    return [EnvironmentSpec("ibis", engine="ibis")]
