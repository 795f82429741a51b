"""A project with wheels of its own: environments are really built, by uv, and nothing comes from a network."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from dovetail.config import Settings, load_settings
from dovetail.env.build import WORKER_REQUIRES, Environments
from packaging.requirements import Requirement

STAND_INS = {"pyarrow": "26.0.0", "pydantic": "2.11.0", "cloudpickle": "3.1.0", "fsspec": "2025.1.0"}
"""What a worker needs, as empty packages: these tests start no worker. pluggy is the real one."""


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    entry_points: str = "",
    python: str = ">=3.8",
) -> Path:
    """Write a pure wheel; ``files`` by path inside, by default one module."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    headers = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {python}"]
    headers += [f"Requires-Dist: {each}" for each in requires]
    content = dict(files if files is not None else {f"{stem}.py": f"version = {version!r}\n"})
    content[f"{info}/METADATA"] = "\n".join(headers) + "\n"
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if entry_points:
        content[f"{info}/entry_points.txt"] = entry_points
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in content.items()
    }
    record = [f"{path},sha256={digests[path]},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return wheel


def installed_as_wheel(folder: Path, name: str) -> Path:
    """A wheel of a pure package that is installed beside the tests."""
    found = metadata.distribution(name)
    kept = [each for each in found.files or () if each.suffix == ".py"]
    files = {str(each): Path(str(found.locate_file(each))).read_text(encoding="utf-8") for each in kept}
    return make_wheel(folder, name, found.version, files=files)


@dataclass
class Project:
    """A project in a directory of its own, with a folder of wheels and a directory of environments."""

    root: Path
    wheels: Path
    env_dir: Path

    def configure(self, text: str) -> Environments:
        """Write the config file; the environments of the project."""
        self.root.mkdir(exist_ok=True)
        (self.root / "dovetail.toml").write_text(f'env_dir = "{self.env_dir}"\n{text}', encoding="utf-8")
        return Environments(self.settings())

    def settings(self) -> Settings:
        """The settings as they are configured now."""
        return load_settings(self.root)

    def wheel(self, name: str, version: str, **options: object) -> Path:
        """Put a wheel into the folder of wheels."""
        return make_wheel(self.wheels, name, version, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def worker_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels with what every environment holds."""
    folder = tmp_path_factory.mktemp("worker-wheels")
    for name, version in STAND_INS.items():
        make_wheel(folder, name, version)
    installed_as_wheel(folder, "pluggy")
    assert {Requirement(each).name for each in WORKER_REQUIRES} == {*STAND_INS, "pluggy"}
    return folder


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of uv that these tests share."""
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def no_index(worker_wheels: Path, uv_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """uv gets wheels from two folders and from nowhere else; returns the one that the test may fill."""
    for name in [each for each in os.environ if each.startswith(("UV_", "PIP_", "DOVETAIL_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "temporary").mkdir()  # what others left in that of the system is not looked at
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    config = tmp_path / "config" / "uv"
    config.mkdir(parents=True)
    (config / "uv.toml").write_text("no-index = true\n", encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config.parent))
    monkeypatch.setenv("UV_FIND_LINKS", f"{worker_wheels},{wheels}")
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return wheels


@pytest.fixture
def project(no_index: Path, tmp_path: Path) -> Project:
    """A project that asks for nothing yet; ``demo`` 1.0 and 2.0 are there to be asked for."""
    made = Project(tmp_path / "project", no_index, tmp_path / "envs")
    made.wheel("demo", "1.0")
    made.wheel("demo", "2.0")
    return made


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, a process that is started is an error."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a process was started: {arguments}")

    def apply() -> None:
        monkeypatch.setattr("subprocess.Popen.__init__", refuse)
        monkeypatch.setattr("os.posix_spawn", refuse)
        monkeypatch.setattr("os.fork", refuse)

    return apply


@pytest.fixture(scope="session")
def real_uv() -> str:
    """The uv that is on PATH."""
    found = shutil.which("uv")
    if found is None:
        pytest.skip("uv is not on PATH")
    return found
