"""Where a task is to be run: who says so, the strongest first, and what cannot be. Engines are looked for, never imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dovetail as dt
import pytest
from dovetail.config import Settings
from dovetail.engine._choosing import Chooser
from dovetail.errors import DefinitionError, EngineUnavailable, UsageError
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail.spec import Place

PLUGIN = """
from dovetail.spec import ConverterSpec, EnvironmentSpec, TaskTypeSpec, TransformerSpec, hookimpl
DOVETAIL_API = 1

@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("{name}", "dovetail_{name}_code:Work", engine="{name}")]

@hookimpl
def dovetail_type_transformers():
    roads = (ConverterSpec("pyarrow.Table", "{name}.Frame", "dovetail_{name}_code:make", "copy"),)
    return [TransformerSpec("{name}.Frame", "dovetail_{name}_code:Frames", roads)]

@hookimpl
def dovetail_environments():
    return [EnvironmentSpec("{name}", engine="{name}"{more})]
"""
CODE = """
from dovetail.spec import TaskType, TypeTransformer

class Work(TaskType):
    name = "{name}"
    def execute(self, call): ...

class Frames(TypeTransformer):
    type_name = "{name}.Frame"
    is_table = True

def make(table): ...
"""


@dataclass
class Market:
    """Plugins and their engines, installed one by one on a path of their own."""

    root: Path

    def _distribution(self, name: str, version: str, *requires: str, entry_points: str = "") -> None:
        folder = self.root / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {each}" for each in requires]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        (folder / "entry_points.txt").write_text(entry_points)

    def plugin(self, name: str, requires: str, *more_requires: str, more: str = "") -> None:
        module = f"dovetail_{name}"
        (self.root / f"{module}.py").write_text(PLUGIN.format(name=name, more=more))
        (self.root / f"{module}_code.py").write_text(CODE.format(name=name))
        needs = (f"{requires} ; extra == 'engine'", *more_requires)
        entry = f"[dovetail.plugins]\n{name} = {module}\n"
        self._distribution(f"dovetail-{name}", "1.0", *needs, entry_points=entry)

    def engine(self, name: str, version: str, distribution: str | None = None) -> None:
        (self.root / name).mkdir()
        (self.root / name / "__init__.py").write_text("raise RuntimeError('nobody may import it')\n")
        if distribution is not None:
            self._distribution(distribution, version)

    def place(
        self,
        task: dt.Task[..., Any],
        choice: Any = None,
        configured: tuple[str, ...] = (),
        options: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Place:
        told = Settings(self.root, allow=("dovetail-alpha", "dovetail-beta"), cache_dir=self.root / "cache", **settings)
        catalogue = build_catalogue(told)
        with use_catalogue(catalogue):
            chooser = Chooser(told, catalogue, configured, choice)
            return chooser.decide(task, task.defaults.updated(options or {})).place


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Market]:
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.syspath_prepend(root)
    made = Market(root)
    made.plugin("alpha", "alpha-core>=4.19,<5")
    before = set(sys.modules)
    with use_catalogue(build_catalogue(Settings(root, allow=("dovetail-alpha",), cache_dir=root / "cache"))):
        yield made
    for name in set(sys.modules) - before:
        if name.startswith("dovetail_"):
            del sys.modules[name]


def plain(x: int) -> int:
    return x


def takes_alpha(frame: alpha.Frame) -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


def of_records(frames: dict[str, list[alpha.Frame]] | None) -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


# -- what a task needs -----------------------------------------------------------------------------


def test_a_task_without_an_engine_runs_here(market: Market) -> None:
    assert market.place(dt.task(plain)) == Place("here", None, "it needs no engine")


def test_not_even_a_run_that_isolates_engines_moves_it(market: Market) -> None:
    assert market.place(dt.task(plain), "isolated").where == "here"


@pytest.mark.parametrize("function", [takes_alpha, of_records])
def test_the_types_in_its_annotations_say_what_it_needs(market: Market, function: Callable[..., Any]) -> None:
    place = market.place(dt.task(function))
    assert place == Place("isolated", "alpha", "alpha is not installed here")


def test_so_does_its_task_type(market: Market) -> None:
    assert market.place(dt.task("alpha")(plain)) == Place("isolated", "alpha", "alpha is not installed here")


# -- auto ------------------------------------------------------------------------------------------


def test_an_engine_that_is_here_is_used_here(market: Market) -> None:
    market.engine("alpha", "4.19.0", "alpha-core")
    assert market.place(dt.task(takes_alpha)) == Place("here", None, "alpha-core 4.19.0 is here")


def test_one_that_is_too_old_is_not(market: Market) -> None:
    market.engine("alpha", "4.10", "alpha-core")
    reason = "alpha-core 4.10 is here; dovetail-alpha needs >=4.19,<5"
    assert market.place(dt.task(takes_alpha)) == Place("isolated", "alpha", reason)


def test_one_that_lies_on_the_path_without_metadata_is_taken_at_its_word(market: Market) -> None:
    market.engine("alpha", "")
    assert market.place(dt.task(takes_alpha)) == Place("here", None, "alpha is here")


def test_one_whose_companion_is_missing_is_not_used_here(market: Market) -> None:
    market.plugin("beta", "beta-core>=1", "helper>=2 ; extra == 'engine'")
    market.engine("beta", "1.0", "beta-core")

    def f(frame: beta.Frame) -> int:  # type: ignore[name-defined]  # noqa: F821
        return 1

    assert market.place(dt.task(f)).reason == "helper, which dovetail-beta needs, is not installed here"


def test_nor_one_that_does_not_run_on_this_python(market: Market) -> None:
    market.plugin("beta", "beta-core>=1", more=', python="<3.9"')
    market.engine("beta", "1.0", "beta-core")

    def f(frame: beta.Frame) -> int:  # type: ignore[name-defined]  # noqa: F821
        return 1

    place = market.place(dt.task(f))
    assert place.isolated
    assert place.reason.startswith("beta runs on Python <3.9, and this is 3.")


def test_a_plugin_may_prefer_its_environment(market: Market) -> None:
    market.plugin("beta", "beta-core>=1", more=', prefer="isolated"')
    market.engine("beta", "1.0", "beta-core")

    def f(frame: beta.Frame) -> int:  # type: ignore[name-defined]  # noqa: F821
        return 1

    assert market.place(dt.task(f)) == Place("isolated", "beta", "dovetail-beta prefers its environment")
    assert market.place(dt.task(f), engine="here").where == "here"


# -- who is stronger -------------------------------------------------------------------------------


def test_each_that_says_something_is_stronger_than_the_next(market: Market) -> None:
    market.engine("alpha", "4.19.0", "alpha-core")
    task = dt.task(takes_alpha)

    def place(choice: Any = None, option: Any = None, engines: Any = None, engine: Any = "auto") -> tuple[str, str]:
        found = market.place(task, choice, options={"engine": option}, engine=engine, engines=engines or {})
        return found.where, found.reason

    assert place() == ("here", "alpha-core 4.19.0 is here")
    assert place(engine="isolated") == ("isolated", "config says engine = 'isolated'")
    here = "alpha-core 4.19.0 is here"
    assert place(engines={"alpha": "here"}, engine="isolated") == (
        "here",
        f"config says engines.alpha = 'here'; {here}",
    )
    assert place(option="isolated", engines={"alpha": "here"}) == ("isolated", "the task says engine='isolated'")
    assert place("here", option="isolated") == ("here", f"the run says engine = 'here'; {here}")
    assert place("auto", option="isolated") == ("here", here)


@pytest.mark.parametrize("name", ["alpha", "dovetail-alpha"])
def test_config_may_speak_of_the_engine_or_of_its_plugin(market: Market, name: str) -> None:
    market.engine("alpha", "4.19.0", "alpha-core")
    assert market.place(dt.task(takes_alpha), engines={name: "isolated"}).isolated


def test_an_environment_that_the_task_names_is_stronger_than_all(market: Market) -> None:
    market.engine("alpha", "4.19.0", "alpha-core")
    for task in (dt.task(takes_alpha), dt.task(plain)):
        place = market.place(task, "here", ("old",), {"env": "old"}, engine="here")
        assert place == Place("isolated", "old", "the task asks for env='old'")


def test_the_environment_of_a_plugin_can_be_named(market: Market) -> None:
    assert market.place(dt.task(plain), options={"env": "alpha"}).environment == "alpha"


def test_requirements_are_an_environment_too(market: Market) -> None:
    place = market.place(dt.task(plain), options={"requires": ["tabulate", "scikit-learn == 1.5.*"]})
    assert place == Place("isolated", "", "the task asks for scikit-learn==1.5.*, tabulate")


def test_what_the_annotations_need_is_added_to_them_unless_they_say_it(market: Market) -> None:
    settings = Settings(market.root, allow=("dovetail-alpha",), cache_dir=market.root / "cache")
    catalogue = build_catalogue(settings)

    def requires(*given: str) -> tuple[str, ...]:
        with use_catalogue(catalogue):
            task = dt.task(requires=list(given))(takes_alpha)
            return Chooser(settings, catalogue, ()).decide(task, task.defaults).requires

    assert requires("tabulate") == ("tabulate", "dovetail-alpha[engine]")
    assert requires("alpha-core==4.20") == ("alpha-core==4.20",)


# -- what cannot be --------------------------------------------------------------------------------


def test_a_misspelt_environment_names_the_nearest(market: Market) -> None:
    with pytest.raises(UsageError) as caught:
        market.place(dt.task(plain), configured=("old-pandas",), options={"env": "old-pandsa"})
    assert caught.value.details["nearest"] == "old-pandas"
    assert "did you mean 'old-pandas'?" in (caught.value.fix or "")
    assert "[envs.old-pandsa]" in (caught.value.fix or "")
    assert caught.value.why == "the environments are alpha, old-pandas"


def test_here_where_the_engine_is_missing_says_both_ways_out(market: Market) -> None:
    with pytest.raises(EngineUnavailable) as caught:
        market.place(dt.task(takes_alpha), engine="here")
    assert caught.value.what == "alpha is needed for input 'frame' (alpha.Frame), and cannot be used here"
    assert caught.value.why == "config says engine = 'here', and alpha is not installed here"
    fix = caught.value.fix or ""
    assert "pip install 'dovetail-alpha[engine]'" in fix
    assert "--engine auto" in fix


def test_here_is_a_command_where_the_version_alone_speaks_against_it(market: Market) -> None:
    market.engine("alpha", "4.10", "alpha-core")
    place = market.place(dt.task(takes_alpha), engine="here")
    assert place.where == "here"
    assert place.reason == "config says engine = 'here'; alpha-core 4.10 is here; dovetail-alpha needs >=4.19,<5"


def two(frame: alpha.Frame) -> beta.Frame:  # type: ignore[name-defined]  # noqa: F821
    return frame


def test_two_engines_in_two_environments_name_both_and_the_way_out(market: Market) -> None:
    market.plugin("beta", "beta-core>=1")
    with pytest.raises(DefinitionError) as caught:
        market.place(dt.task(two))
    assert "task 'two' needs engines that live in different environments" in caught.value.what
    why, fix = caught.value.why or "", caught.value.fix or ""
    assert "input 'frame' (alpha.Frame) needs environment alpha (alpha is not installed here)" in why
    assert "its result (beta.Frame) needs environment beta (beta is not installed here)" in why
    assert "[envs.both] requires = ['dovetail-alpha[engine]', 'dovetail-beta[engine]']" in fix
    assert "pyarrow.Table" in fix


def test_a_plugin_that_builds_on_another_has_its_engine_too(market: Market) -> None:
    market.plugin("beta", "beta-core>=1", "dovetail-alpha==1.*")
    assert market.place(dt.task(two)).environment == "beta"


def test_one_of_two_that_is_here_does_not_matter(market: Market) -> None:
    market.plugin("beta", "beta-core>=1")
    market.engine("alpha", "4.19.0", "alpha-core")
    assert market.place(dt.task(two)) == Place("isolated", "beta", "beta is not installed here")


def test_a_task_that_has_no_engine_cannot_isolate_it(market: Market) -> None:
    with pytest.raises(DefinitionError, match="has no engine of its own") as caught:
        market.place(dt.task(engine="isolated")(plain))
    assert 'env="..."' in (caught.value.fix or "")


def test_requirements_are_for_python_tasks(market: Market) -> None:
    with pytest.raises(DefinitionError, match="requires is for python tasks"):
        market.place(dt.task("alpha", requires=["tabulate"])(plain))


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"env": "a", "requires": ["b"]}, "both say where the task is run"),
        ({"env": "a", "engine": "here"}, "contradict each other"),
        ({"requires": ["a"], "engine": "here"}, "contradict each other"),
        ({"requires": "a b c"}, "is no requirement"),
        ({"requires": 3}, "requires is a list of requirements"),
        ({"env": ""}, "env is the name of an environment"),
        ({"engine": "isolate"}, "engine is one of"),
        ({"memory": "2 XB"}, "is no size"),
        ({"memory": 1000}, "memory is at least 64 MB"),
        ({"memory": True}, "memory is a number of bytes"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        dt.task(**options)(plain)


def test_options_are_brought_to_one_form() -> None:
    options = dt.task(memory="2GB", requires=("Tabulate == 0.9", "tabulate==0.9"))(plain).defaults
    assert options.memory == 2_000_000_000
    assert options.requires == ("tabulate==0.9",)


def test_the_newer_of_env_and_requires_stands_for_both() -> None:
    task = dt.task(env="old")(plain)
    assert (task.options(requires=["a"]).defaults.env, task.options(requires=["a"]).defaults.requires) == (None, ("a",))
    assert task.options(requires=["a"]).options(env="b").defaults.requires == ()


def test_places_are_read_back_as_they_were_written() -> None:
    place = Place("isolated", "alpha", "why", "abc")
    assert Place.from_dict(place.to_dict()) == place
    assert Place.from_dict({**place.to_dict(), "later": 1}) == place
    assert Place.from_dict({}) == Place("here")
