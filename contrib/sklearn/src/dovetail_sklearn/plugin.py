"""The hook implementations of dovetail-sklearn. Imports no engine."""

from __future__ import annotations

from collections.abc import Iterable

from dovetail.spec import CodecSpec, EnvironmentSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1

_CODE = "dovetail_sklearn.transformers"


@hookimpl
def dovetail_type_transformers() -> Iterable[TransformerSpec]:
    """``sklearn.base.BaseEstimator``, and with it every class that is derived from it."""
    return [
        TransformerSpec(
            "sklearn.base.BaseEstimator",
            f"{_CODE}:EstimatorTransformer",
            codecs=(CodecSpec("skops", f"{_CODE}:SkopsCodec", suffix=".skops"),),
            install="pip install 'dovetail-sklearn[engine]'",
            summary="scikit-learn models, stored with skops and never pickled",
        )
    ]


@hookimpl
def dovetail_environments() -> Iterable[EnvironmentSpec]:
    """``sklearn``."""
    return [EnvironmentSpec("sklearn", engine="sklearn")]
