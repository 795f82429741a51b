"""What is asked for: one form, read early, and mistakes told with what to type."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from dovetail.config import load_settings
from dovetail.env.build import Environments, EnvRequest
from dovetail.env.build._request import SUPPORTED_PYTHON, make_request
from dovetail.errors import ConfigError, UsageError


def environments(folder: Path, text: str) -> Environments:
    (folder / "dovetail.toml").write_text(f'env_dir = "envs"\n{text}', encoding="utf-8")
    return Environments(load_settings(folder))


def test_what_means_the_same_is_the_same_request() -> None:
    one = make_request("x", ["Scikit_Learn == 1.5.*", "numpy >=1 , <2", "numpy>=1,<2"], None, "")
    other = make_request("x", ["numpy>=1,<2", "scikit-learn==1.5.*"], None, "")
    assert one == other == EnvRequest("x", ("numpy>=1,<2", "scikit-learn==1.5.*"))


def test_requirements_without_a_name_get_one_that_stays(tmp_path: Path) -> None:
    made = environments(tmp_path, "")
    one = made.anonymous(["b", "a==1"], None, "task score")
    assert one.name.startswith("auto-") and len(one.name) == 13
    assert one == made.anonymous(("a == 1", "b"), None, "task score")
    assert one.name != made.anonymous(["a==1", "b"], "3.12", "task score").name


def test_config_says_who_asks(tmp_path: Path) -> None:
    asked = environments(tmp_path, '[envs.old]\nrequires = ["pandas<2"]\npython = "3.12"').request("old")
    assert asked == EnvRequest("old", ("pandas<2",), "3.12", "[envs.old] of dovetail.toml")


def test_an_unknown_environment_is_answered_with_the_nearest(tmp_path: Path) -> None:
    made = environments(tmp_path, "[envs.old-pandas]\n[envs.other]")
    with pytest.raises(UsageError, match="there is no environment 'old-panda'") as error:
        made.request("old-panda")
    assert error.value.fix == "did you mean 'old-pandas'?"
    with pytest.raises(UsageError) as error:
        environments(tmp_path, "").request("vaex")
    assert "[envs.vaex]" in str(error.value.fix)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('requires = ["pandas <> 2"]', "is not a requirement"),
        ('requires = ["=1.0"]', "is not a requirement"),
        ('requires = ["x @ https://me:geheim@host/x-1.whl"]', "holds credentials"),
        ('requires = ["x @ file:///somewhere/x"]', "from a directory"),
        ('python = "snake"', "no version of Python"),
        ('python = "3.7"', "no Python that dovetail runs on"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_is_built(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        environments(tmp_path, f"[envs.bad]\n{line}").request("bad")
    assert error.value.who == "environment bad ([envs.bad] of dovetail.toml)"
    assert error.value.fix
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[envs.a]\nrequire = ["x"]', "did you mean 'requires'"),
        ('[envs.a]\nrequires = "x"', "a list of requirements"),
        ("[envs.a]\npython = 3.12", "python of 'a' is a text"),
        ('[envs."a/b"]', "is no name"),
        ("[envs.auto-1]", "is no name"),
        ("envs = 1", "one table for each name"),
    ],
)
def test_a_malformed_table_is_an_error_of_config(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "dovetail.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_settings(tmp_path)
    assert words in str(error.value)


def test_workers_run_on_the_pythons_that_dovetail_runs_on() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == SUPPORTED_PYTHON
