"""The hook implementations of dovetail-tfrecord. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, ConverterSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_tfrecord.transformers"
_DATASET = "dovetail_tfrecord.TFRecordDataset"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``dovetail_tfrecord.TFRecordDataset``."""
    return [
        TransformerSpec(
            _DATASET,
            f"{_CODE}:DatasetTransformer",
            converters=(
                ConverterSpec(_DATASET, "pyarrow.Table", f"{_CODE}:to_arrow", "copy"),
                ConverterSpec("pyarrow.Table", _DATASET, f"{_CODE}:from_arrow", "copy"),
            ),
            codecs=(CodecSpec("tfrecord", f"{_CODE}:DatasetCodec", is_directory=True),),
            aliases=("dovetail_tfrecord._dataset.TFRecordDataset",),
            install="pip install 'dovetail-tfrecord[engine]'",
            summary="TFRecord files of examples, without TensorFlow",
        )
    ]
