"""Settings: the nearest file, then the environment, then overrides; nothing unknown, nothing malformed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dovetail.config import OWNER_KINDS, Settings, canonical_name, load_settings, setting_docs
from dovetail.errors import ConfigError
from hypothesis import given
from hypothesis import strategies as st


def load(start: Path, flags: Mapping[str, Any] | None = None, /, **environ: str) -> Settings:
    """Settings in an environment that holds nothing else."""
    return load_settings(start, flags, environ)


def write(directory: Path, text: str, name: str = "dovetail.toml") -> Path:
    """A config file."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(text)
    return file


# -- where they come from --------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold_and_the_start_is_the_root(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings(tmp_path)
    assert (settings.source, settings.project_root, settings.home) == (None, tmp_path, tmp_path / ".dovetail")
    assert settings.allow is None
    assert settings.max_workers >= 4


@pytest.mark.parametrize(
    ("name", "text"),
    [("dovetail.toml", "strict = true"), ("pyproject.toml", "[project]\nname = 'x'\n[tool.dovetail]\nstrict = true")],
)
def test_the_nearest_file_upward_is_read(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, "strict = false\nmax_workers = 7")
    file = write(tmp_path / "a", text, name)
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    settings = load(deep)
    assert settings.strict is True
    assert settings.source == file
    assert settings.project_root == tmp_path / "a"
    assert settings.max_workers != 7  # files do not add up


def test_a_file_as_start_means_its_directory(tmp_path: Path) -> None:
    write(tmp_path, "strict = true")
    assert load(write(tmp_path, "", "pipeline.py")).strict is True


def test_the_current_directory_is_the_default_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "strict = true")
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}).strict is True


def test_in_one_directory_the_own_file_comes_before_the_shared_one(tmp_path: Path) -> None:
    write(tmp_path, "[tool.dovetail]\nmax_workers = 3", "pyproject.toml")
    assert load(tmp_path).max_workers == 3
    write(tmp_path, "max_workers = 5")
    assert load(tmp_path).max_workers == 5


def test_a_pyproject_of_somebody_else_is_passed_over_even_if_broken(tmp_path: Path) -> None:
    write(tmp_path, "max_workers = 5")
    write(tmp_path / "a", "[tool.other\n = = =", "pyproject.toml")
    write(tmp_path / "a" / "b", "[project]\ndependencies = ['dovetail']", "pyproject.toml")
    assert load(tmp_path / "a" / "b").max_workers == 5


def test_environment_wins_over_the_file_and_overrides_over_both(tmp_path: Path) -> None:
    write(tmp_path, "max_workers = 5\nlease_seconds = 5\nstrict = true")
    settings = load(
        tmp_path, {"max_workers": 9, "strict": None}, DOVETAIL_MAX_WORKERS="7", DOVETAIL_LEASE_SECONDS="2.5"
    )
    assert (settings.max_workers, settings.lease_seconds, settings.strict) == (9, 2.5, True)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    write(tmp_path, "deny = ['dovetail-spark']")
    assert load(tmp_path, DOVETAIL_DENY=" ").deny == ("dovetail-spark",)


def test_home_is_relative_to_what_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "project", "home = 'state'")
    here = tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)
    start = tmp_path / "project"
    assert load(start).home == tmp_path / "project" / "state"
    assert load(start, DOVETAIL_HOME="state").home == here / "state"
    assert load(start, {"home": "state"}).home == here / "state"
    assert load(start, {"home": tmp_path / "abs"}).home == tmp_path / "abs"
    assert load(start).cache_dir is None
    assert load(start, DOVETAIL_CACHE_DIR="kept").cache_dir == here / "kept"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(start, DOVETAIL_HOME="~/mine").home == tmp_path / "mine"


# -- reading every setting ---------------------------------------------------------------------------

READ = [
    # (key, as TOML, as text or None where that is not possible, the value)
    ("plugins", "['a.b', 'c']", "a.b, c", ("a.b", "c")),
    ("allow", "['Dovetail_Spark']", "Dovetail_Spark", ("dovetail-spark",)),
    ("deny", "['x.y', 'X-Y']", "x.y,X-Y", ("x-y",)),
    ("disable_plugins", "true", "1", True),
    ("strict", "false", "off", False),
    (
        "owners",
        "{ 'task_type.spark' = 'Dovetail.Spark' }",
        "task_type.spark=Dovetail.Spark",
        {"task_type.spark": "dovetail-spark"},
    ),
    ("owners", "{ type.pandas.DataFrame = 'x' }", "type.pandas.DataFrame = x", {"type.pandas.DataFrame": "x"}),
    (
        "connections",
        "{ pg = { url = 'u', password = { env = 'P' } } }",
        None,
        {"pg": {"url": "u", "password": {"env": "P"}}},
    ),
    ("plugin", "{ sklearn = { trusted = ['a.B'] } }", None, {"sklearn": {"trusted": ["a.B"]}}),
    ("lease_seconds", "30", "30", 30.0),
    ("max_workers", "1", "1", 1),
    ("staged_days", "0", "0", 0),
    ("engine", "'isolated'", "isolated", "isolated"),
    ("engines", "{ vaex = 'isolated' }", "vaex=isolated", {"vaex": "isolated"}),
    ("envs", "{ old = { requires = ['a<2'] } }", None, {"old": {"requires": ("a<2",), "python": None}}),
    ("env_dir", "'/x'", "/x", Path("/x")),
    ("durability", "'power'", "power", "power"),
    ("max_collect_bytes", "'1.5 GB'", "1.5GB", 1_500_000_000),
    ("home", "'/x'", "/x", Path("/x")),
    ("plugin_import_seconds", "2.5", "2.5", 2.5),
    ("cache_dir", "'/x'", "/x", Path("/x")),
    ("artifact_store", "'/x'", "file:///x", Path("/x")),
    ("artifact_store", "'s3://bucket/runs'", "s3://bucket/runs", "s3://bucket/runs"),
    ("storage", "{ s3 = { key = { env = 'K' } } }", None, {"s3": {"key": {"env": "K"}}}),
]


@pytest.mark.parametrize(("key", "toml", "text", "value"), READ)
def test_every_setting_is_read_from_every_place(
    tmp_path: Path, key: str, toml: str, text: str | None, value: object
) -> None:
    write(tmp_path, f"{key} = {toml}")
    assert getattr(load(tmp_path), key) == value
    if text is not None:
        write(tmp_path, "")
        assert getattr(load_settings(tmp_path, None, {f"DOVETAIL_{key.upper()}": text}), key) == value
        assert getattr(load(tmp_path, {key: text}), key) == value


def test_every_setting_has_an_example_above() -> None:
    assert {key for key, _, _, _ in setting_docs()} == {key for key, *_ in READ}


@pytest.mark.parametrize(
    ("key", "toml"),
    [
        ("plugins", "'a.b'"),
        ("plugins", "[1]"),
        ("plugins", "['']"),
        ("allow", "true"),
        ("deny", "{ a = 1 }"),
        ("disable_plugins", "1"),
        ("strict", "'yes'"),
        ("owners", "['task_type.spark']"),
        ("owners", "{ spark = 'x' }"),
        ("owners", "{ 'task_typ.spark' = 'x' }"),
        ("owners", "{ 'task_type.spark' = 3 }"),
        ("connections", "{ pg = 'postgresql://user:hunter2@host' }"),
        ("plugin", "['sklearn']"),
        ("plugin", "{ sklearn = 'trusted' }"),
        ("lease_seconds", "0"),
        ("lease_seconds", "inf"),
        ("lease_seconds", "nan"),
        ("lease_seconds", "true"),
        ("max_workers", "0"),
        ("max_workers", "2.0"),
        ("max_workers", "true"),
        ("durability", "'proces'"),
        ("engine", "'isolate'"),
        ("engines", "{ vaex = 'their' }"),
        ("engines", "'isolated'"),
        ("max_collect_bytes", "-1"),
        ("max_collect_bytes", "1.5"),
        ("max_collect_bytes", "true"),
        ("max_collect_bytes", "'2 GX'"),
        ("home", "3"),
        ("home", "''"),
        ("artifact_store", "''"),
        ("artifact_store", "'s3://user:hunter2@bucket/x'"),
        ("storage", "{ s3 = 'hunter2' }"),
    ],
)
def test_a_malformed_value_names_key_file_and_what_is_expected(tmp_path: Path, key: str, toml: str) -> None:
    file = write(tmp_path, f"{key} = {toml}")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert key in caught.value.what
    assert str(file) in (caught.value.who or "")
    assert caught.value.fix
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["maybe", "2"])
def test_a_malformed_variable_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="environment variable DOVETAIL_STRICT"):
        load(tmp_path, DOVETAIL_STRICT=text)


def test_a_misspelt_key_has_its_nearest_match(tmp_path: Path) -> None:
    write(tmp_path, "max_worker = 3")
    with pytest.raises(ConfigError, match="unknown setting 'max_worker'") as caught:
        load(tmp_path)
    assert caught.value.fix == "did you mean 'max_workers'?"
    with pytest.raises(ConfigError, match="max_workers"):
        load(tmp_path / "none", {"max-workers": 3})


@pytest.mark.parametrize(("variable", "meant"), [("DENNY", "DENY"), ("DISABLE_PLUGIN", "DISABLE_PLUGINS")])
def test_an_evident_slip_in_a_variable_is_an_error(tmp_path: Path, variable: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean DOVETAIL_{meant}"):
        load_settings(tmp_path, None, {f"DOVETAIL_{variable}": "x"})


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, DOVETAIL_DEMO="x", DOVETAIL_TEST_DATABASE="y", DOVE="z") == load(tmp_path)


@pytest.mark.parametrize("content", [b"strict = ", b"strict = true\nstrict = true", b"\xff\xfe", b"[a\n"])
def test_a_file_that_is_not_toml_is_one_clear_message(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "dovetail.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert caught.value.who == str(file)


def test_tool_dovetail_must_be_a_table(tmp_path: Path) -> None:
    write(tmp_path, "[tool]\ndovetail = 3", "pyproject.toml")
    with pytest.raises(ConfigError, match="not a table"):
        load(tmp_path)


# -- the dataclass -----------------------------------------------------------------------------------


def test_settings_are_frozen_hashable_and_hide_connections(tmp_path: Path) -> None:
    settings = load(tmp_path, {"connections": {"pg": {"password": "hunter2"}}})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.strict = True  # type: ignore[misc]
    assert hash(settings) == hash(dataclasses.replace(settings))
    assert "hunter2" not in repr(settings)


def test_replacing_a_setting_keeps_an_absolute_home(tmp_path: Path) -> None:
    settings = Settings(tmp_path, home=Path("state"))
    assert dataclasses.replace(settings, strict=True).home == tmp_path / "state"


def test_the_documentation_lists_every_setting() -> None:
    docs = {key: (variable, default, text) for key, variable, default, text in setting_docs()}
    fields = {f.name for f in dataclasses.fields(Settings)} - {"project_root", "source"}
    assert set(docs) == fields
    assert docs["deny"][:2] == ("DOVETAIL_DENY", "[]")
    assert docs["home"][1] == '".dovetail"'
    assert docs["connections"][0] is None
    assert all(text and default for _, default, text in docs.values())


def test_the_kinds_of_owners_are_those_that_plugins_declare() -> None:
    assert OWNER_KINDS == (
        "task_type",
        "type",
        "check_engine",
        "executor",
        "artifact_store",
        "secret",
        "command",
        "environment",
    )


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True))
def test_canonical_names_are_stable_and_know_no_spelling(name: str) -> None:
    canonical = canonical_name(name)
    assert canonical_name(canonical) == canonical
    assert canonical_name(name.upper().replace("-", "_")) == canonical
