"""The page about environments is played: wheels come from a folder, and nothing from a network."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dovetail.env.build import WORKER_REQUIRES
from packaging.requirements import Requirement

VERSIONS = {"pandas": "2.2.3", "pydantic": "2.11.0"}


def wheel(folder: Path, name: str) -> None:
    """A package that knows its version and nothing else."""
    version = VERSIONS.get(name, "9999.0")
    info = f"{name}-{version}.dist-info"
    content = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)


@pytest.mark.slow
def test_the_commands_of_the_page_do_what_it_shows(
    page: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, project = tmp_path / "wheels", tmp_path / "project"
    wheels.mkdir()
    project.mkdir()
    for name in ("pandas", *(Requirement(each).name for each in WORKER_REQUIRES)):
        wheel(wheels, name)
    for name in [each for each in os.environ if each.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    config = tmp_path / "config" / "uv"
    config.mkdir(parents=True)
    (config / "uv.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n', encoding="utf-8")
    terminal = {
        "XDG_CONFIG_HOME": str(config.parent),
        "PIP_CONFIG_FILE": os.devnull,
        "DOVETAIL_ENV_DIR": str(tmp_path / "envs"),
    }
    played = page("docs/how-to/environments.md")
    assert played.play(project, terminal) > 5


def test_every_block_of_code_is_a_file_that_is_run(page: Callable[[str], Any]) -> None:
    for block in page("docs/how-to/environments.md").blocks("python", "toml"):
        assert block.file, f"line {block.line}: begin the block with a line such as '# hello.py'"
