"""What a user installs: the wheels, one by one, in fresh environments outside of this repository."""

from __future__ import annotations

import email
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow

CORE_DISTRIBUTIONS = 20
CORE_MEGABYTES = 45

# Installed files by distribution, in bytes, without the bytecode that Python writes at first use.
MEASURE = """
import importlib.metadata as metadata, json, os
sizes = {}
for found in metadata.distributions():
    files = [file.locate() for file in found.files or () if not str(file).endswith(".pyc")]
    sizes[found.name.lower()] = sum(os.path.getsize(file) for file in files if os.path.exists(file))
print(json.dumps(sizes))
"""

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
    print(module.__file__)
"""


@pytest.fixture(scope="module")
def wheels(load, tooling: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of every distribution by name, built from this tree."""
    built = load("wheels").build(tmp_path_factory.mktemp("wheels"))
    by_name = {wheel.name.split("-")[0].replace("_", "-"): wheel for wheel in built}
    assert set(by_name) == {member.name for member in tooling.distributions()}
    return by_name


@pytest.fixture
def fresh(tooling: ModuleType, repository: Path, tmp_path: Path) -> Callable[..., Path]:
    """``fresh(*requirements)``: the interpreter of a new environment that holds these and what they need, nothing else."""

    def make(*requirements: str) -> Path:
        uv = tooling.ensure_uv()
        env = tooling.uv_environment(uv)
        venv = tmp_path / "venv"
        tooling.run([uv, "venv", "--quiet", "--no-project", "-p", sys.executable, venv], env=env, cwd=tmp_path)
        python: Path = tooling.python_of(venv)
        lock = repository / "requirements.lock"
        words = [uv, "pip", "install", "--quiet", "-p", python, "-c", lock, *requirements]
        tooling.run(words, env=env, cwd=tmp_path)
        return python

    return make


def ask(python: Path, *words: str, cwd: Path) -> str:
    """What a command prints, outside of the repository and with no variable of ours; fails with its errors."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DOVETAIL_", "PYTHON"))}
    done = subprocess.run([str(python), *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plugin_names() -> list[str]:
    """The folders of ``plugins/``, read when tests are collected: each becomes one test."""
    return sorted(path.parent.name for path in Path(__file__).resolve().parents[2].glob("plugins/*/pyproject.toml"))


def test_core_alone_is_small_and_its_command_works(wheels, fresh, tmp_path: Path) -> None:
    python = fresh(str(wheels["dovetail"]))
    sizes = json.loads(ask(python, "-c", MEASURE, cwd=tmp_path))
    assert "pyarrow" not in sizes
    assert len(sizes) <= CORE_DISTRIBUTIONS, sorted(sizes)
    assert sum(sizes.values()) <= CORE_MEGABYTES * 1_000_000, sizes
    where = ask(python, "-c", IMPORT_ALL, "dovetail", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path)
    command = python.with_name("dovetail")
    assert "0.1.0" in ask(command, "--version", cwd=tmp_path)
    ask(command, "plugins", "list", cwd=tmp_path)


@pytest.mark.parametrize("short", plugin_names())
def test_a_plugin_stands_by_itself(short: str, wheels, fresh, tooling: ModuleType, tmp_path: Path) -> None:
    name = f"dovetail-{short}"
    member = next(member for member in tooling.distributions() if member.name == name)
    python = fresh(str(wheels["dovetail"]), f"{name}[engine] @ {wheels[name].as_uri()}")
    installed = json.loads(ask(python, "-c", MEASURE, cwd=tmp_path))
    assert {other for other in installed if other.startswith("dovetail-")} == {name}
    where = ask(python, "-c", IMPORT_ALL, *member.packages, cwd=tmp_path)
    assert all(Path(line).is_relative_to(tmp_path) for line in where.split())
    assert name in ask(python.with_name("dovetail"), "plugins", "list", cwd=tmp_path)


PARSERS = {"contracts": {"pyyaml"}}
"""What reads the files that a plugin is about is no engine; without it there is nothing that the plugin could do."""


@pytest.mark.parametrize("short", plugin_names())
def test_the_base_install_of_a_plugin_holds_no_engine(short: str, wheels) -> None:
    """The engine is the extra `engine`; without it, a plugin asks for core with Arrow, and for nothing that core does not."""
    core = {name_of(line) for line in asked_by(wheels["dovetail"])}
    asked = asked_by(wheels[f"dovetail-{short}"])
    always = {name_of(line): line for line in asked if "extra ==" not in line}
    assert always.pop("dovetail").startswith("dovetail[arrow]")
    assert set(always) <= core | PARSERS.get(short, set())
    assert any("extra == 'engine'" in line.replace('"', "'") for line in asked)


def asked_by(wheel: Path) -> list[str]:
    """The requirements that a wheel states."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])


def name_of(requirement: str) -> str:
    """The distribution that a requirement names."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def test_wheels_carry_their_types_and_no_tests(wheels) -> None:
    for wheel in wheels.values():
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        assert any(name.endswith("/py.typed") for name in names), wheel.name
        own = [name for name in names if not name.startswith("dovetail/scaffold/templates/")]  # a new plugin has tests
        assert not [name for name in own if "/tests/" in name or name.startswith("tests/")], wheel.name


def test_wheels_carry_their_source_whole(wheels, tooling: ModuleType) -> None:
    """Templates and every package too: a pattern of .gitignore, which the build heeds, would leave out a folder of that name."""
    for member in tooling.distributions():
        source = member.path / "src"
        files = [path for name in member.packages for path in (source / name).rglob("*") if path.is_file()]
        with zipfile.ZipFile(wheels[member.name]) as archive:
            names = {name for name in archive.namelist() if ".dist-info/" not in name}
        written = {path.relative_to(source).as_posix() for path in files if "__pycache__" not in path.parts}
        assert names == written, member.name
