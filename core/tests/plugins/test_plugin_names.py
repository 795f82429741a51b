"""Who owns a name, and what happens when two plugins claim it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import Settings, load_settings
from dovetail.errors import PluginConflict, UnknownType, UsageError
from dovetail.plugins import Catalogue, build_catalogue, diagnose
from dovetail.spec import Manifest, TaskTypeSpec
from hypothesis import given, settings
from hypothesis import strategies as st

FRAMES = """
@hookimpl
def dovetail_type_transformers():
    return [
        TransformerSpec("pandas.DataFrame", code="json:loads", aliases=("pandas.core.frame.DataFrame",),
                        converters=(ConverterSpec("pandas.DataFrame", "pyarrow.Table", "json:dumps"),)),
        TransformerSpec("only.{name}", code="json:loads"),
    ]
"""

ALPHA = """
from dovetail.spec import TaskTypeSpec, hookimpl
DOVETAIL_API = 1
@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("alpha", "json:loads")]
"""


def test_two_owners_stay_loaded_and_only_the_contested_name_fails(shelf: Any) -> None:
    shelf.task_type("one", "spark", "mine")
    shelf.task_type("two", "spark", "yours")
    catalogue = shelf.catalogue()
    assert {m.name for m in catalogue.manifests} == {"one", "two"}
    assert set(catalogue.task_types()) == {"mine", "yours"}
    assert catalogue.task_type("mine").name == "mine"
    with pytest.raises(PluginConflict) as caught:
        catalogue.task_type("spark")
    text = str(caught.value)
    assert "dovetail-one 1.0" in text
    assert "dovetail-two 1.0" in text
    assert '"task_type.spark" = "dovetail-one"' in (caught.value.fix or "")


@pytest.mark.parametrize("file", ["pyproject.toml", "dovetail.toml"])
def test_the_line_that_the_conflict_prints_settles_it(shelf: Any, tmp_path: Path, file: str) -> None:
    shelf.task_type("one", "spark")
    shelf.task_type("two", "spark")
    config = tmp_path / file
    config.write_text("[tool.dovetail]\n" if file == "pyproject.toml" else "strict = false\n")
    only = {"allow": shelf.names}
    with pytest.raises(PluginConflict) as caught:
        build_catalogue(load_settings(tmp_path, only, {}), builtins=()).task_type("spark")
    fix = caught.value.fix or ""
    assert str(config) in fix
    table, _, line = fix.partition("under ")[2].partition(": ")
    config.write_text(f"{table}\n{line}\n")
    assert tomllib.loads(config.read_text())
    catalogue = build_catalogue(load_settings(tmp_path, only, {}), builtins=())
    assert catalogue.owner_of(catalogue.task_type("spark")).distribution == "dovetail-one"


def test_two_plugins_of_one_distribution_are_told_apart_by_their_entry_points(shelf: Any) -> None:
    modules = [shelf.module(ALPHA), shelf.module(ALPHA)]
    shelf.distribution("dovetail-d", "[dovetail.plugins]\none = {}\ntwo = {}\n".format(*modules))
    with pytest.raises(PluginConflict) as caught:
        shelf.catalogue().task_type("alpha")
    assert '"task_type.alpha" = "dovetail-d:one"   # or dovetail-d:two' in (caught.value.fix or "")
    catalogue = shelf.catalogue(owners={"task_type.alpha": "dovetail-d:two"})
    assert catalogue.owner_of(catalogue.task_type("alpha")).name == "two"


def test_a_contested_type_takes_its_converters_with_it_and_leaves_the_others(shelf: Any) -> None:
    shelf.plugin("one", FRAMES.format(name="One"))
    shelf.plugin("two", FRAMES.format(name="Two"))
    catalogue = shelf.catalogue()
    assert set(catalogue.transformers()) == {"only.One", "only.Two"}
    assert catalogue.converters() == ()
    for name in ("pandas.DataFrame", "pandas.core.frame.DataFrame"):
        with pytest.raises(PluginConflict) as caught:
            catalogue.transformer(name)
        assert '"type.pandas.DataFrame" = "dovetail-one"' in (caught.value.fix or "")
    assert len(diagnose(catalogue)) == 1 + len([f for f in diagnose(catalogue) if f.problem == "engine missing"])
    settled = shelf.catalogue(owners={"type.pandas.DataFrame": "Dovetail_Two"})
    assert settled.owner_of(settled.transformer("pandas.DataFrame")).name == "two"
    assert settled.owner_of(settled.converters()[0]).name == "two"
    assert settled.transformer("pandas.core.frame.DataFrame") is settled.transformer("pandas.DataFrame")


def test_equal_declarations_of_two_plugins_keep_their_owners(shelf: Any) -> None:
    shelf.task_type("one", "spark")
    shelf.task_type("two", "spark")
    first, second = shelf.catalogue().manifests
    catalogue = shelf.catalogue(owners={"task_type.spark": "dovetail-two"})
    assert first.declarations == second.declarations
    assert catalogue.owner_of(catalogue.task_type("spark")).name == "two"


def test_the_core_keeps_its_names_unless_config_gives_them_away(shelf: Any) -> None:
    module = shelf.module(
        "from dovetail.spec import *\nfrom dovetail.spec import hookimpl\nDOVETAIL_API = 1\n"
        "@hookimpl\ndef dovetail_task_types(): return [TaskTypeSpec('python', 'json:loads')]\n",
        name="shelf_core_hooks",
    )
    (shelf.root / "shelf_pkg").mkdir()
    (shelf.root / "shelf_pkg" / "hooks.py").write_text((shelf.root / f"{module}.py").read_text())
    shelf.task_type("impostor", "python", "own")
    built = build_catalogue(shelf.settings(), builtins=("shelf_pkg.hooks",))
    assert built.owner_of(built.task_type("python")).distribution == "dovetail"
    assert built.task_type("own")
    (finding,) = (f for f in diagnose(built) if f.problem == "clash with core")
    assert "dovetail-impostor" in finding.plugin
    given = build_catalogue(
        shelf.settings(owners={"task_type.python": "dovetail-impostor"}), builtins=("shelf_pkg.hooks",)
    )
    assert given.owner_of(given.task_type("python")).distribution == "dovetail-impostor"


def test_strict_refuses_a_contested_name_at_build(shelf: Any) -> None:
    shelf.task_type("one", "spark")
    shelf.task_type("two", "spark")
    with pytest.raises(PluginConflict):
        shelf.catalogue(strict=True)
    assert shelf.catalogue(strict=True, owners={"task_type.spark": "dovetail-two"}).task_type("spark")


def test_owners_that_name_nobody_are_found_by_the_doctor(shelf: Any) -> None:
    shelf.task_type("one", "spark")
    catalogue = shelf.catalogue(owners={"task_type.spark": "dovetail-gone", "task_type.ray": "dovetail-one"})
    assert catalogue.task_type("spark")  # a stale line does not take the name from its only owner
    reasons = [f.reason for f in diagnose(catalogue) if f.problem == "configuration"]
    assert len(reasons) == 2
    assert any("task_type.spark to dovetail-gone" in reason for reason in reasons)


def test_schemes_of_artifact_stores_are_names(shelf: Any) -> None:
    shelf.plugin(
        "s3",
        "@hookimpl\ndef dovetail_artifact_stores():\n"
        "    return [ArtifactStoreSpec('s3', schemes=('s3', 's3a'), code='json:loads')]",
    )
    catalogue = shelf.catalogue()
    assert catalogue.artifact_store("s3a").name == "s3"
    assert set(catalogue.artifact_stores()) == {"s3", "s3a"}


LATER = "{} will bring it; it is not released yet. Until then: bring the {} yourself, docs/how-to/{}.md"


@pytest.mark.parametrize(
    ("kind", "name", "fix"),
    [
        ("task_type", "spark", LATER.format("dovetail-spark", "task type", "write-a-task-type")),
        (
            "task_type",
            "sprak",
            "did you mean 'spark'? " + LATER.format("dovetail-spark", "task type", "write-a-task-type"),
        ),
        ("task_type", "alpah", "did you mean 'alpha'?"),
        ("type", "polars.DataFrame", "pip install 'dovetail-polars[engine]'"),
        ("type", "polars.lazyframe.frame.LazyFrame", "pip install 'dovetail-polars[engine]'"),
        ("type", "pyspark.sql.DataFrame", LATER.format("dovetail-spark", "type", "write-a-plugin")),
        ("type", "vaex.dataframe.DataFrame", "pip install 'dovetail-vaex[engine]'"),
        ("type", "duckdb.DuckDBPyRelation", "pip install 'dovetail-duckdb[engine]'"),
        ("type", "pyarrow.Table", "pip install 'dovetail[arrow]'"),
        ("check_engine", "pandera", "pip install 'dovetail-pandera[engine]'"),
        ("check_engine", "great_expectations.ExpectationSuite", "pip install 'dovetail-great-expectations[engine]'"),
        ("check_engine", "pyspark.Suite", LATER.format("dovetail-spark", "check engine", "write-a-plugin")),
        ("executor", "ray", LATER.format("dovetail-ray", "executor", "write-a-plugin")),
        ("task_type", "sql", "pip install 'dovetail-sql[engine]'"),
    ],
)
def test_an_unknown_name_says_what_to_type(shelf: Any, kind: str, name: str, fix: str) -> None:
    catalogue = Catalogue(shelf.settings())  # empty, whatever is installed where this runs
    catalogue.register(shelf.module(ALPHA))
    error = catalogue.missing(kind, name)
    assert error.fix == fix
    assert isinstance(error, UnknownType if kind == "type" else UsageError)
    assert error.kind == "user"


def test_what_is_installed_already_is_not_recommended(shelf: Any) -> None:
    shelf.plugin("polars", FRAMES.format(name="Polars"))
    error = shelf.catalogue().missing("type", "polars.Series")
    assert "dovetail-polars" not in (error.fix or "")


def test_nothing_near_at_all_points_to_the_listing(shelf: Any) -> None:
    error = shelf.catalogue().missing("task_type", "xyzzy")
    assert "dovetail plugins list" in (error.fix or "")


def test_plugins_of_another_environment_claim_names_like_others(shelf: Any) -> None:
    shelf.task_type("one", "spark")
    away = Manifest("two", "dovetail-two", "2.0", "dovetail_two", declarations=(TaskTypeSpec("spark", "a:b"),))
    catalogue = build_catalogue(shelf.settings(allow=(*shelf.names, "dovetail-two")), manifests=[away], builtins=())
    with pytest.raises(PluginConflict, match=r"dovetail-two 2\.0"):
        catalogue.task_type("spark")


@settings(max_examples=60, deadline=None)
@given(
    claimed=st.dictionaries(
        st.sampled_from(["dovetail", "dovetail-a", "dovetail-b", "dovetail-c"]),
        st.frozensets(st.sampled_from("xyz"), max_size=3),
    ),
    stated=st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["dovetail-a", "dovetail-b", "dovetail-gone"])),
    data=st.data(),
)
def test_ownership_does_not_depend_on_the_order_of_plugins(
    claimed: dict[str, frozenset[str]], stated: dict[str, str], data: st.DataObject
) -> None:
    plugins = [
        Manifest(owner, owner, "1", "m", declarations=tuple(TaskTypeSpec(name, "a:b") for name in sorted(names)))
        for owner, names in claimed.items()
    ]
    owners = {f"task_type.{name}": owner for name, owner in stated.items()}

    def owned_by(order: list[Manifest]) -> dict[str, str]:
        catalogue = Catalogue(Settings(Path(), owners=owners), foreign=order)
        table = catalogue.names
        everything = {f"task_type.{name}" for names in claimed.values() for name in names}
        assert set(table.owned) | set(table.contested) == everything
        assert not set(table.owned) & set(table.contested)
        return {name: claim.owner for name, claim in table.owned.items()}

    owned = owned_by(plugins)
    assert owned == owned_by(data.draw(st.permutations(plugins)))
    for name, owner in owned.items():
        claimants = {o for o, names in claimed.items() if name.partition(".")[2] in names}
        assert owner in claimants
        if owners.get(name) in claimants:
            assert owner == owners[name]
        assert owner == owners.get(name) or len(claimants) == 1 or owner == "dovetail"
