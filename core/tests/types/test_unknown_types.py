"""A type that nobody knows: the error says which plugin brings it, in which form it may travel, or how it is taught."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from dovetail.errors import DovetailError, UnknownType
from dovetail.plugins import _known, _safe_forms, safe_form
from dovetail.spec import TypeRef
from dovetail.testing import HubHarness
from dovetail.types import TypeEngine


@pytest.fixture
def types() -> TypeEngine:
    with HubHarness() as hub:
        return hub.types


def unknown(types: TypeEngine, name: str) -> UnknownType:
    with pytest.raises(UnknownType) as told:
        types.check_storable(TypeRef(name))
    assert name in told.value.what
    return told.value


@pytest.mark.parametrize("library", sorted(name for known in _known._KNOWN for name in known.libraries))
def test_a_plugin_that_brings_it_is_named(types: TypeEngine, library: str) -> None:
    with pytest.raises(DovetailError) as told:
        types.check_storable(TypeRef(f"{library}.Thing"))
    if not isinstance(told.value, UnknownType):
        pytest.skip("its plugin is installed here, and kept out of this hub")
    requirement = _known._LIBRARIES[library]
    assert requirement in str(told.value.fix)
    assert ("pip install" in str(told.value.fix)) == (not _known.is_unreleased(requirement))


def is_brought(name: str) -> bool:
    """Whether a plugin that can be installed brings types of the library."""
    requirement = _known._LIBRARIES.get(name.partition(".")[0])
    return requirement is not None and not _known.is_unreleased(requirement)


def test_every_form_can_be_reached() -> None:
    """Where a plugin brings the whole of a library, a form for it would be shown to nobody."""
    for name in _safe_forms.libraries_with_safe_forms():
        assert "." in name or not is_brought(name)
        assert safe_form(f"{name}.Thing") is not None


@pytest.mark.parametrize(
    "library",
    sorted(n for n in _safe_forms.libraries_with_safe_forms() if n.partition(".")[0] not in _known._LIBRARIES),
)
def test_no_plugin_is_made_up_for_what_none_brings(types: TypeEngine, library: str) -> None:
    error = unknown(types, f"{library}.Thing")
    assert "dovetail-" not in str(error) and "pip install" not in str(error)
    assert error.fix == safe_form(f"{library}.Thing")


@pytest.mark.parametrize("library", sorted(_safe_forms._MODELS))
def test_models_are_told_that_pickle_is_never_used(types: TypeEngine, library: str) -> None:
    assert "pickle is never used" in str(unknown(types, f"{library}.Model").fix)


MODELS = {
    "catboost.core.CatBoostClassifier": "model.save_model(path)",
    "keras.src.models.sequential.Sequential": 'model.save("model.keras")',
    "lightgbm.basic.Booster": "booster.save_model(path)",
    "tensorflow.Module": "tensorflow.saved_model.save(module, path)",
    "torch.nn.modules.module.Module": "model.state_dict()",
    "torch.optim.adam.Adam": "optimizer.param_groups",
    "xgboost.core.Booster": 'model.save_model("model.ubj")',
}


@pytest.mark.parametrize("name", MODELS)
def test_models_are_told_the_form_that_their_library_has(types: TypeEngine, name: str) -> None:
    assert MODELS[name] in str(unknown(types, name).fix)


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("torch.nn.modules.module.Module", r"return its state, model\.state_dict\(\)"),
        ("lightgbm.sklearn.LGBMModel", r"booster\.save_model\(path\)"),
        ("sklearn.base.BaseEstimator", r"dovetail-sklearn|disable_plugins|plugin"),
    ],
)
def test_a_users_own_kind_of_a_model_is_told_as_much(types: TypeEngine, base: str, told: str) -> None:
    module, _, name = base.rpartition(".")
    mine = type("Mine", (type(name, (), {"__module__": module}),), {"__module__": "shop"})
    with pytest.raises(DovetailError) as error:
        types.check_storable(mine)
    assert re.search(told, str(error.value.fix)) and "shop.Mine" in error.value.what


def test_what_is_not_released_comes_with_what_to_do_meanwhile(types: TypeEngine) -> None:
    fix = str(unknown(types, "pyspark.sql.DataFrame").fix)
    assert "not released yet" in fix and "toArrow()" in fix and "pip install" not in fix


def test_the_lines_that_teach_a_type_work_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        textwrap.dedent(
            """
            class Order:
                def __init__(self, number, total, notes=()):
                    self.number, self.total, self.notes = number, total, list(notes)

                class Line:
                    def __init__(self, text):
                        self.text = text
            """
        )
    )
    (tmp_path / "flow.py").write_text(
        textwrap.dedent(
            """
            import dovetail as dt
            from shop import Order

            @dt.task
            def order() -> Order:
                return Order(7, 2.5, ["ä"])

            @dt.task
            def line() -> Order.Line:
                return Order.Line("text")

            @dt.task(timeout="1m")
            def told(order: Order, lines: list[Order.Line]) -> str:
                return f"{order.number} {order.total} {order.notes} {lines[0].text}"

            @dt.workflow
            def shop() -> str:
                return told(order(), [line()])
            """
        )
    )

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dovetail", "run", "flow.py", "shop"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    modules = []
    for _ in range(2):
        failed = run()
        assert failed.returncode == 2, failed.stderr
        lines = failed.stderr.partition("such as\n")[2].splitlines()
        kept = textwrap.dedent("\n".join(line for line in lines if line.startswith("       ")))
        assert 15 <= len(kept.splitlines()) <= 18
        module = kept.partition(".py;")[0].removeprefix("# ")
        (tmp_path / f"{module}.py").write_text(kept)
        modules.append(module)
        (tmp_path / "pyproject.toml").write_text(f"[tool.dovetail]\nplugins = {modules!r}\n".replace("'", '"'))
    assert modules == ["dovetail_order", "dovetail_order_line"]
    done = run()
    assert done.returncode == 0, done.stderr
    assert "7 2.5 ['ä'] text" in done.stdout


def test_a_class_that_cannot_be_imported_is_not_taught(types: TypeEngine) -> None:
    class Local:
        pass

    with pytest.raises(UnknownType) as told:
        types.check_storable(Local)
    assert "such as" not in str(told.value.fix) and "dataclass" in str(told.value.fix)
