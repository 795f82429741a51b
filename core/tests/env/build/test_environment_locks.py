"""``dovetail.lock``: what is pinned is what is built, and what no longer fits is told."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from dovetail.env.build import Environments
from dovetail.errors import ConfigError, EngineUnavailable

from .conftest import Project

ONE = '[envs.one]\nrequires = ["demo"]'


def locked(project: Project, text: str = ONE) -> tuple[Environments, Path]:
    """The project with its environments locked, and the lock file."""
    made = project.configure(text)
    return made, made.lock(made.configured().values())


def test_what_is_locked_is_built_whatever_is_newer(project: Project) -> None:
    made, path = locked(project)
    assert path == project.root / "dovetail.lock"
    project.wheel("demo", "3.0")
    assert made.sync(made.request("one")).packages["demo"] == "2.0"
    made.lock(made.configured().values())
    assert made.sync(made.request("one")).packages["demo"] == "2.0"
    made.lock(made.configured().values(), upgrade=True)
    assert made.find(made.request("one")) is None
    assert made.sync(made.request("one")).packages["demo"] == "3.0"


def test_the_file_pins_by_hash_and_names_no_place(project: Project) -> None:
    _, path = locked(project)
    text = path.read_text(encoding="utf-8")
    packages = {each["name"]: each for each in tomllib.loads(text)["environment"][0]["packages"]}
    assert packages["demo"]["version"] == "2.0"
    assert all(each["hashes"][0].startswith("sha256:") for each in packages.values())
    assert "://" not in text and str(project.wheels) not in text


def test_locking_twice_writes_the_same(project: Project) -> None:
    made, path = locked(project, ONE + '\n[envs.two]\nrequires = ["demo<2"]\npython = ">=3.11"')
    text = path.read_text(encoding="utf-8")
    made.lock([made.request("two")])
    assert path.read_text(encoding="utf-8") == text


def test_another_wheel_of_the_same_version_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, _ = locked(project)
    project.wheel("demo", "2.0", files={"demo.py": "version = 'forged'\n"})
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))  # where the wheel that was locked still is
    with pytest.raises(EngineUnavailable, match="cannot be built") as error:
        made.sync(made.request("one"))
    assert "hash" in str(error.value).lower()
    assert not list(project.env_dir.glob("[0-9a-f]*"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[envs.one]\nrequires = ["demo<2"]', "asked for now: demo<2; locked and no longer asked for: demo"),
        ('[envs.one]\nrequires = ["demo"]\npython = ">=3.11"', "is locked, >=3.11 is asked for"),
        (ONE + '\n[envs.two]\nrequires = ["demo"]', "it holds no environment two"),
    ],
)
def test_a_lock_file_that_no_longer_fits_is_told(project: Project, text: str, why: str) -> None:
    locked(project)
    made = project.configure(text)
    name = "two" if "two" in text else "one"
    with pytest.raises(ConfigError, match="no longer fits") as error:
        made.sync(made.request(name))
    assert why in str(error.value.why)
    assert error.value.fix == f"dovetail env lock {name}"
    made.lock(made.configured().values())
    assert made.sync(made.request(name)).name == name


def test_another_platform_has_to_be_locked_there(project: Project) -> None:
    made, path = locked(project)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('platform = "', 'platform = "other-'), encoding="utf-8")
    with pytest.raises(ConfigError, match="no longer fits") as error:
        made.sync(made.request("one"))
    assert "on other-" in str(error.value.why)
    made.lock(made.configured().values())
    told = tomllib.loads(path.read_text(encoding="utf-8"))["environment"]
    assert len(told) == 2, "what other platforms have locked stays"


def test_environments_without_a_name_need_no_lock(project: Project) -> None:
    made, _ = locked(project)
    assert made.sync(made.anonymous(["demo<2"], None, "task score")).packages["demo"] == "1.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", "format = 2"),
        ("format = 1", "format = [[["),
        ('name = "demo"', 'name = "demo" \nextra = 1'),
        ('name = "demo"', 'name = "de mo"'),
        ('version = "2.0"', 'version = "2.0 --index-url=http://evil"'),
        ('version = "2.0"', "version = 2"),
        ("sha256:", "sha256:nonsense"),
        ('requires = ["demo"]', 'requires = "demo"'),
        ("python = ", "snake = "),
        ("[[environment]]", "[environment]"),
    ],
)
def test_a_lock_file_that_was_edited_into_nonsense_is_told(project: Project, old: str, new: str) -> None:
    made, path = locked(project)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"lock file of the environments cannot be read|no longer fits") as error:
        made.sync(made.request("one"))
    assert "dovetail env lock" in str(error.value.fix)
    assert not list(project.env_dir.glob("[0-9a-f]*"))
