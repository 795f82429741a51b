"""What the documentation shows does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from dovetail.config import load_settings
from dovetail.plugins import build_catalogue, use_catalogue

pytest.importorskip("polars")
pytest.importorskip("pandas")

HERE = Path(__file__).resolve()
README = HERE.parents[2] / "README.md"
HOW_TO = HERE.parents[4] / "docs" / "how-to" / "sql.md"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_example_of_the_readme_runs_as_printed(tmp_path: Path) -> None:
    (tmp_path / "dovetail.toml").write_text(blocks(README, "toml")[0])
    (tmp_path / "pipeline.py").write_text(blocks(README, "python")[0])
    done = subprocess.run([sys.executable, "pipeline.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "2 carriers written\n", done.stderr


def test_the_connections_and_tasks_of_the_guide_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "dovetail.toml").write_text("\n".join(blocks(HOW_TO, "toml")))
    settings = load_settings(tmp_path, environ={})
    assert set(settings.connections) == {"warehouse", "reference", "production"}
    with use_catalogue(build_catalogue(settings)):
        for code in blocks(HOW_TO, "python"):
            exec(compile(code, str(HOW_TO), "exec"), {})
