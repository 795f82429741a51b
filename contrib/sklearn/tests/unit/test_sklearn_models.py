"""Models: what comes back, what a hash sees, whom one trusts, and what cannot be stored."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dovetail as dt
import numpy as np
import pytest
from dovetail.errors import ConfigError, ValueMismatch
from dovetail.testing import HubHarness
from dovetail_sklearn.transformers import EstimatorTransformer, SkopsCodec
from sklearn.base import BaseEstimator
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

HASH = EstimatorTransformer().content_hash
CODEC = SkopsCodec()
X = np.random.RandomState(0).rand(40, 3)
Y = (X[:, 0] > 0.5).astype(int)
TREE = "sklearn.tree._tree.Tree"
TRUSTED = (
    TREE,
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.utils._metadata_requests.MetadataRequest",  # of scikit-learn 1.6
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
)


@pytest.fixture
def hub() -> Iterator[HubHarness]:
    with HubHarness("dovetail_sklearn.plugin") as found:
        yield found


def trusting(*names: str, **table: Any) -> HubHarness:
    return HubHarness("dovetail_sklearn.plugin", plugin={"sklearn": {"trusted": list(names), **table}})


@pytest.fixture
def users() -> Iterator[Any]:
    """A module of the user's, which is found by its name."""
    spec = importlib.util.spec_from_file_location("a_users_module", Path(__file__).parent / "a_users_module.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["a_users_module"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["a_users_module"]


def again(model: BaseEstimator, path: Path) -> Any:
    file = path / "model.skops"
    CODEC.write(model, file)
    return CODEC.read(file)


# -- what comes back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(5, random_state=0),
        GradientBoostingRegressor(n_estimators=3, random_state=0),
        HistGradientBoostingRegressor(max_iter=3, random_state=0),
        GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [1, 2]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_fitted_models_predict_the_same_when_they_come_back(model: Any, tmp_path: Path) -> None:
    model.fit(X, Y)
    with trusting(*TRUSTED):
        found = again(model, tmp_path)
    assert np.array_equal(found.predict(X), model.predict(X))
    assert repr(found) == repr(model) and HASH(found) == HASH(model)


def test_parts_that_are_one_object_stay_one_object(hub: HubHarness, tmp_path: Path) -> None:
    scaler = StandardScaler()
    found = again(Pipeline([("a", scaler), ("b", scaler)]), tmp_path)
    assert found.steps[0][1] is found.steps[1][1]


def test_skops_alone_reads_the_file(hub: HubHarness, tmp_path: Path) -> None:
    import skops.io

    model = LogisticRegression().fit(X, Y)
    CODEC.write(model, tmp_path / "m.skops")
    assert np.array_equal(skops.io.load(tmp_path / "m.skops").coef_, model.coef_)


def test_a_model_goes_through_a_run_and_is_found_in_the_cache(tmp_path: Path) -> None:
    fits = str(tmp_path / "fits")
    with trusting(TREE) as hub:

        @dt.task(cache=True, cache_version="1")
        def fit(trees: int) -> RandomForestClassifier:
            with open(fits, "a") as file:
                file.write("fitted ")
            return RandomForestClassifier(trees, random_state=0).fit(X, Y)

        @dt.task
        def score(model: RandomForestClassifier) -> float:
            return float(model.score(X, Y))

        @dt.workflow
        def train(trees: int) -> float:
            return score(fit(trees))

        first, second = hub.run(train, trees=3).value, hub.run(train, trees=3).value
    assert first == second and first > 0.9 and Path(fits).read_text() == "fitted "


# -- hashes ----------------------------------------------------------------------------------------

_IN_ANOTHER_PROCESS = """
import sys
{imports}
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from dovetail_sklearn.transformers import EstimatorTransformer
x = np.random.RandomState(0).rand(40, 3)
y = (x[:, 0] > 0.5).astype(int)
for model in (LogisticRegression(class_weight=dict([(1, 2.0), (0, 1.0)])), RandomForestClassifier(5, random_state=0),
              HistGradientBoostingRegressor(max_iter=3, random_state=0), FunctionTransformer(np.log1p)):
    print(EstimatorTransformer().content_hash(model.fit(x, y)))
"""


def test_the_same_fit_in_another_process_has_the_same_hash(tmp_path: Path) -> None:
    # A module that takes a ufunc, loaded before NumPy: it is where skops would find the ufunc first.
    (tmp_path / "early.py").write_text("from numpy import log1p\n")
    models = (
        LogisticRegression(class_weight={0: 1.0, 1: 2.0}),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingRegressor(max_iter=3, random_state=0),
        FunctionTransformer(np.log1p),
    )
    here = [HASH(model.fit(X, Y)) for model in models]
    code = _IN_ANOTHER_PROCESS.format(imports=f"sys.path.insert(0, {str(tmp_path)!r}); import early")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == here


def test_the_hash_sees_parameters_and_fits_and_nothing_else() -> None:
    fitted = LogisticRegression().fit(X, Y)
    assert HASH(fitted) == HASH(copy.deepcopy(fitted)) == HASH(LogisticRegression().fit(np.asfortranarray(X), Y))
    older = copy.deepcopy(fitted)
    state = older.__getstate__() | {"_sklearn_version": "0.1"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        older.__setstate__(state)
    assert HASH(older) == HASH(fitted)
    different = [
        fitted,
        LogisticRegression(),
        LogisticRegression(C=2),
        LogisticRegression(C=2.0),
        LogisticRegression().fit(X[1:], Y[1:]),
        LogisticRegression(class_weight={0: 1.0}),
        LogisticRegression(class_weight={"0": 1.0}),
        FunctionTransformer(np.log1p),
        FunctionTransformer(np.log),
        make_pipeline(LogisticRegression()),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(LogisticRegression(), StandardScaler()),
    ]
    assert len({HASH(model) for model in different}) == len(different)


def test_the_same_model_is_the_same_file(hub: HubHarness, tmp_path: Path) -> None:
    for name in "ab":
        CODEC.write(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# -- trust -----------------------------------------------------------------------------------------


def test_what_is_not_trusted_is_refused_with_what_to_write(tmp_path: Path) -> None:
    forest = RandomForestClassifier(2).fit(X, Y)
    with trusting("jobs.Scaler"), pytest.raises(ValueMismatch, match=f"holds what is not trusted: {TREE}") as caught:
        CODEC.write(forest, tmp_path / "m")
    text = str(caught.value)
    assert "[plugin.sklearn]" in text and '"jobs.Scaler",' in text and f'"{TREE}",' in text
    assert not (tmp_path / "m").exists()


def test_reading_asks_for_trust_again(tmp_path: Path, users: Any) -> None:
    with trusting("a_users_module.Halver"):
        CODEC.write(users.Halver(3.0).fit(X), tmp_path / "m")
        assert CODEC.read(tmp_path / "m").by == 3.0
    with (
        HubHarness("dovetail_sklearn.plugin"),
        pytest.raises(ValueMismatch, match=r"stored model.*a_users_module\.Halver"),
    ):
        CODEC.read(tmp_path / "m")


def test_functions_of_modules_are_stored_by_name(tmp_path: Path, users: Any) -> None:
    with trusting("a_users_module.halved"):
        assert again(FunctionTransformer(users.halved), tmp_path).func is users.halved
    with HubHarness("dovetail_sklearn.plugin"), pytest.raises(ValueMismatch, match=r"a_users_module\.halved"):
        CODEC.write(FunctionTransformer(users.halved), tmp_path / "m")


def test_functions_without_a_name_are_refused_with_a_fix(users: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def inner(x: Any) -> Any:
        return x

    def halved(x: Any) -> Any:
        return x * 99

    halved.__module__ = "a_users_module"  # a name that leads to another function
    of_a_workflow = types.ModuleType("_dovetail_train_0")  # as the file of a workflow is called in one process
    exec("def of_a_file(x): return x", vars(of_a_workflow))
    monkeypatch.setitem(sys.modules, of_a_workflow.__name__, of_a_workflow)
    for function in (lambda x: x, inner, halved, of_a_workflow.of_a_file):
        for model in (FunctionTransformer(function), make_pipeline(StandardScaler(), FunctionTransformer(function))):
            with pytest.raises(ValueMismatch, match=r"cannot be found by that name(?s:.*)top of a module"):
                HASH(model)


def test_a_class_that_cannot_be_found_is_refused() -> None:
    class Local(BaseEstimator):
        pass

    with pytest.raises(ValueMismatch, match="Local"):
        HASH(Local())


@pytest.mark.parametrize(
    ("table", "told"),
    [({"trust": []}, "did you mean 'trusted'"), ({"trusted": "a.B"}, "no list"), ({"trusted": ["Tree"]}, "no list")],
)
def test_a_wrong_table_is_told(table: dict[str, Any], told: str, tmp_path: Path) -> None:
    hub = HubHarness("dovetail_sklearn.plugin", plugin={"sklearn": table})
    with hub, pytest.raises(ConfigError, match=told):
        CODEC.write(LogisticRegression(), tmp_path / "m")


# -- what cannot be stored -------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [{False: 1.0, True: 2.0}, {1: 1.0, "1": 2.0}, {None: 1.0}, {(1, 2): 1.0}])
def test_what_would_not_come_back_is_refused(weights: Any, hub: HubHarness, tmp_path: Path) -> None:
    with pytest.raises(ValueMismatch):
        CODEC.write(LogisticRegression(class_weight=weights), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_model_that_holds_itself_is_refused() -> None:
    pipeline = make_pipeline(StandardScaler())
    pipeline.memory = pipeline
    with pytest.raises(ValueMismatch):
        HASH(pipeline)


# -- previews --------------------------------------------------------------------------------------


def test_previews_are_plain_text_of_class_and_parameters() -> None:
    text = EstimatorTransformer().preview(LogisticRegression().fit(X, Y), 3).text
    assert text.startswith("LogisticRegression(C=1.0, class_weight=None, ") and text.endswith("...), 3 features")
    text = EstimatorTransformer().preview(Pipeline([("<script>", StandardScaler())])).text
    assert "<script>" in text and "<style" not in text and "<div" not in text  # as it is: pages escape what they show
