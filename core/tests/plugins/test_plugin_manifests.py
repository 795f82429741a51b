"""Manifests: what plugins declare, written down, read back, and used where the plugins are not installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dovetail.errors import ApiMismatch, ConfigError, DefinitionError, EngineUnavailable, PluginError
from dovetail.plugins import build_catalogue, read_manifest, write_manifest
from dovetail.spec import (
    ArtifactStoreSpec,
    CheckEngineSpec,
    CodecSpec,
    CommandSpec,
    ConverterSpec,
    ExecutorSpec,
    Manifest,
    SecretProviderSpec,
    TaskTypeSpec,
    TransformerSpec,
)
from hypothesis import given, settings
from hypothesis import strategies as st

names = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Zs", "Cc", "Zl", "Zp")), min_size=1, max_size=9)
codes = st.sampled_from(["a:b", "a.b:c.d"])
maybe = st.none() | names
converters = st.builds(
    ConverterSpec, source=names, target=names, code=codes, cost=st.sampled_from(["copy", "collect"]), lossy=maybe
)
codecs = st.builds(CodecSpec, format=names, code=codes, suffix=names, is_directory=st.booleans())
declarations = st.one_of(
    st.builds(TaskTypeSpec, name=names, code=codes, config=st.none() | codes, engine=maybe, install=maybe),
    st.builds(
        TransformerSpec,
        type=names,
        code=codes,
        converters=st.lists(converters, max_size=2).map(tuple),
        codecs=st.lists(codecs, max_size=2).map(tuple),
        aliases=st.lists(names, max_size=2).map(tuple),
    ),
    st.builds(CheckEngineSpec, name=names, code=codes, suites=st.lists(names, max_size=2).map(tuple)),
    st.builds(ExecutorSpec, name=names, code=codes),
    st.builds(ArtifactStoreSpec, name=names, schemes=st.lists(names, max_size=2).map(tuple), code=codes),
    st.builds(SecretProviderSpec, name=names, code=codes),
    st.builds(CommandSpec, name=names, code=codes, summary=names),
)
manifests = st.builds(
    Manifest,
    name=names,
    distribution=names,
    version=names,
    module=names,
    declarations=st.lists(declarations).map(tuple),
)


@settings(max_examples=50, deadline=None)
@given(written=st.lists(manifests, max_size=3))
def test_what_was_written_is_read_back(written: list[Manifest], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("m") / "manifest.json"
    write_manifest(path, written)
    assert read_manifest(path) == written
    assert [p.name for p in path.parent.iterdir()] == ["manifest.json"]


def test_a_plugin_of_another_environment_is_in_the_catalogue(shelf: Any, tmp_path: Path) -> None:
    shelf.plugin(
        "far",
        """
        @hookimpl
        def dovetail_task_types():
            return [TaskTypeSpec("far", "dovetail_far_away.task:Far", engine="dovetail_far_away", install="pip install far")]
        """,
    )
    path = tmp_path / "far.json"
    write_manifest(path, shelf.catalogue().manifests)
    for folder in shelf.root.glob("*.dist-info"):
        (folder / "entry_points.txt").unlink()  # as good as not installed
    catalogue = build_catalogue(shelf.settings(), manifests=read_manifest(path), builtins=())
    spec = catalogue.task_type("far")
    assert catalogue.owner_of(spec).distribution == "dovetail-far"
    assert catalogue.foreign == catalogue.manifests
    with pytest.raises((EngineUnavailable, PluginError)) as caught:
        catalogue.load(spec.code, spec)
    assert "dovetail-far 1.0" in str(caught.value)


def test_what_is_installed_here_counts_more_than_its_manifest(shelf: Any) -> None:
    shelf.task_type("one", "one")
    away = Manifest("one", "dovetail-one", "0.1", "dovetail_one", declarations=(TaskTypeSpec("old", "a:b"),))
    catalogue = build_catalogue(shelf.settings(), manifests=[away], builtins=())
    assert set(catalogue.task_types()) == {"one"}
    assert catalogue.foreign == ()


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (Manifest("m", "dovetail-m", "1", "m", api=9), "DOVETAIL_API is 9"),
        (Manifest("m", "dovetail-m", "1", "m", declarations=(TaskTypeSpec("x", "no code"),)), "'module:attribute'"),
        (Manifest("m", "dovetail-m", "1", "m", declarations=(TaskTypeSpec(["x"], "a:b"),)), "name must be str"),  # type: ignore[arg-type]
        (Manifest("m", "dovetail-m", "1", "m", declarations=(CodecSpec("f", "a:b"),)), "of its kind"),
        (Manifest("m", "dovetail-m", "1", "m", declarations=(ExecutorSpec("x", "a:b"),) * 2), "executor.x twice"),
    ],
)
def test_a_manifest_is_checked_like_a_plugin(shelf: Any, manifest: Manifest, reason: str) -> None:
    catalogue = build_catalogue(shelf.settings(allow=("dovetail-m",)), manifests=[manifest], builtins=())
    (skipped,) = (s for s in catalogue.skipped if not s.by_policy)
    assert reason in skipped.reason
    assert catalogue.manifests == ()
    if manifest.api != 1:
        with pytest.raises(ApiMismatch):
            raise catalogue.missing("task_type", "m")


GOOD = {"format": 1, "api": 1, "plugins": []}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{}",
        json.dumps(GOOD | {"format": 2}),
        json.dumps(GOOD | {"plugins": 7}),
        json.dumps(GOOD | {"plugins": [{"name": "x"}]}),
        json.dumps(GOOD | {"plugins": ["x"]}),
        json.dumps(GOOD)[:-2],
        "\x00\x01",
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match="the manifest cannot be read") as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "Nonsense"},
        {"kind": "TaskTypeSpec", "name": "x"},
        {"kind": "TaskTypeSpec", "name": "x", "code": "a:b", "colour": "red"},
        {"kind": "TransformerSpec", "type": "x", "code": "a:b", "codecs": [3]},
        {"kind": "TransformerSpec", "type": "x", "code": "a:b", "converters": "copy"},
        {"kind": "TransformerSpec", "type": "x", "code": "a:b", "converters": {"source": "x"}},
        7,
        "TaskTypeSpec",
        None,
        [["kind", "TaskTypeSpec"]],
    ],
)
def test_a_declaration_that_is_malformed_is_refused(tmp_path: Path, entry: Any) -> None:
    plugin = {"name": "n", "distribution": "d", "version": "1", "module": "m", "api": 1, "declarations": [entry]}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(GOOD | {"plugins": [plugin]}))
    with pytest.raises(DefinitionError):
        Manifest.from_dict(plugin)
    with pytest.raises(ConfigError):
        read_manifest(path)


def test_a_missing_manifest_is_one_clear_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifest(tmp_path / "none.json")
