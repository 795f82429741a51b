"""dovetail-sklearn keeps what the conformance kit asks of every plugin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from dovetail.testing import PluginSuite, TransformerSuite
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

X = np.random.RandomState(0).rand(30, 3)
Y = (X[:, 0] > 0.5).astype(int)


class TestPlugin(PluginSuite):
    plugin = "dovetail_sklearn.plugin"
    engine_modules = ("sklearn", "skops")


class TestEstimator(TransformerSuite):
    plugin = "dovetail_sklearn.plugin"
    type = "sklearn.base.BaseEstimator"

    def values(self) -> Sequence[BaseEstimator]:
        scaled = ColumnTransformer([("scaled", StandardScaler(), [0, 1])], remainder="passthrough")
        return [
            LogisticRegression(class_weight={0: 1.0, 1: 2.0}).fit(X, Y),
            make_pipeline(scaled, FunctionTransformer(np.log1p), SGDClassifier(random_state=0)),
            make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y),
            LogisticRegression(),
            LogisticRegression(C=2.0),
            LogisticRegression().fit(X, Y),
            LogisticRegression().fit(X[:20], Y[:20]),
            scaled.fit(X),
            BaggingClassifier(LogisticRegression(), 2, random_state=np.random.RandomState(1)).fit(X, Y),
            KMeans(2, random_state=0, n_init=1).fit(X),
            OneHotEncoder().fit([["a", 1], ["ä", 2]]),
            PCA(2).fit(X),
            GaussianNB().fit(X, Y),
            SVC().fit(X, Y),
        ]

    def large_values(self) -> Sequence[BaseEstimator]:
        steps = [StandardScaler() for _ in range(100)]
        return [
            make_pipeline(*steps),
            LogisticRegression(class_weight=dict.fromkeys(range(5000), 1.0)).set_params(C="x" * 9999),
        ]

    def equal(self, left: Any, right: Any) -> bool:
        return same(left, right)


def same(left: Any, right: Any) -> bool:
    """Whether two models have the same classes, parameters and fitted attributes, bit by bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        alike = left.dtype == right.dtype and left.shape == right.shape
        return alike and (
            same(left.tolist(), right.tolist()) if left.dtype == object else left.tobytes() == right.tobytes()
        )
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, np.random.RandomState):
        return same(left.get_state(legacy=False), right.get_state(legacy=False))
    if sparse.issparse(left) or (hasattr(left, "__dict__") and not isinstance(left, type) and not callable(left)):
        return same(vars(left), vars(right))
    return repr(left) == repr(right)
