"""TFRecord files of examples for dovetail, without TensorFlow."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail_tfrecord._dataset import TFRecordDataset

__all__ = ["TFRecordDataset"]


def __getattr__(name: str) -> Any:
    if name == "TFRecordDataset":
        return importlib.import_module("dovetail_tfrecord._dataset").TFRecordDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
