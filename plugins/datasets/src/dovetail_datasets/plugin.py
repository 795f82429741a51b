"""The hook implementations of dovetail-datasets. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_datasets.transformers"
_FRAME = "datasets.Dataset"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``datasets.Dataset``."""
    return [
        TransformerSpec(
            _FRAME,
            f"{_CODE}:DatasetTransformer",
            converters=(
                ConverterSpec(_FRAME, "pyarrow.Table", f"{_CODE}:to_arrow", "copy"),
                ConverterSpec("pyarrow.Table", _FRAME, f"{_CODE}:from_arrow", "zero-copy"),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:DatasetParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:DatasetIpc", ".arrow"),
            ),
            aliases=("datasets.arrow_dataset.Dataset",),
            install="pip install 'dovetail-datasets[engine]'",
            summary="Hugging Face datasets: Arrow tables with features",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``datasets``."""
    return [EnvironmentSpec("datasets", engine="datasets")]
