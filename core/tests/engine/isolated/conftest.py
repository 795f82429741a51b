"""A project with two environments: ``plain``, of the hub's version of Python, and ``other``, of another one."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from dovetail.config import Settings
from dovetail.env import isolated_pools
from dovetail.errors import EngineUnavailable
from dovetail.hub import Hub
from dovetail.hub._load import load_module
from dovetail.plugins import build_catalogue, use_catalogue

OTHER_PYTHON = "3.12" if sys.version_info[:2] == (3, 11) else "3.11"


@pytest.fixture(scope="session")
def env_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the environments of all these tests lie: built once, with nothing in them but what workers need."""
    yield tmp_path_factory.mktemp("envs")
    isolated_pools().close()


@pytest.fixture
def settings(tmp_path: Path, env_dir: Path) -> Settings:
    return Settings(
        tmp_path,
        env_dir=env_dir,
        envs={"plain": {"requires": []}, "other": {"requires": [], "python": OTHER_PYTHON}},
        max_workers=2,
    )


@pytest.fixture
def hub(settings: Settings) -> Iterator[Hub]:
    """The project's hub, whose catalogue is the current one."""
    with use_catalogue(build_catalogue(settings)), Hub(settings) as hub:
        yield hub


@pytest.fixture
def other_python(settings: Settings) -> str:
    """The version of Python of ``other``; without such an interpreter on this machine there is nothing to test."""
    from dovetail.env.build import Environments

    environments = Environments(replace(settings))
    try:
        environments.sync(environments.request("other"))
    except EngineUnavailable as error:
        pytest.skip(f"no Python {OTHER_PYTHON} here: {error.what}")
    return OTHER_PYTHON


@pytest.fixture
def pipeline(tmp_path: Path, hub: Hub) -> Callable[..., ModuleType]:
    """Writes a pipeline file, and modules beside it, and loads it as the command line does."""
    before = list(sys.path)
    loaded = set(sys.modules)

    def load(text: str, **beside: str) -> ModuleType:
        for name, content in beside.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(content))
        (tmp_path / "pipeline.py").write_text("import dovetail as dt\n" + textwrap.dedent(text))
        return load_module(tmp_path / "pipeline.py")

    yield load
    sys.path[:] = before
    for name in set(sys.modules) - loaded:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
