"""A third party's plugin, `tests/sample_plugin`: built into a wheel, installed from that wheel beside the core's, and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PIPELINE = """
from typing import Annotated

import acme_weather
import dovetail as dt
from acme_weather import Model, Plausible, Readings

gate = dt.Gate(Plausible(-60, 60), on_fail="block")


@dt.task(Model(hours=2))
def forecast(readings: Readings) -> Readings:
    return readings


@dt.task
def warmest(readings: Annotated["pyarrow.Table", gate]) -> float:
    return max(readings["celsius"].to_pylist())


@dt.workflow
def tomorrow(hours: int = 6) -> float:
    return warmest(forecast(acme_weather.measure("Porto")(hours=hours)))
"""

NOT_IMPORTED = """
import sys
from dovetail.cli import main
code = main(sys.argv[1:])
assert not [name for name in sys.modules if name.partition(".")[0] == "acme_weather"], "it was imported"
raise SystemExit(code)
"""

Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def venv(tooling: ModuleType, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheels of the core and of the sample, and what those ask for; no other plugin."""
    folder = tmp_path_factory.mktemp("sample")
    uv = tooling.ensure_uv()
    env = tooling.uv_environment(uv)
    for project in (repository / "core", repository / "tests" / "sample_plugin"):
        words = [
            "build",
            "--quiet",
            "--wheel",
            "--no-sources",
            "--build-constraint",
            tooling.LOCK,
            "-o",
            folder,
            project,
        ]
        tooling.run([uv, *words], env=env)
    core, sample = (next(folder.glob(f"{name}-*.whl")) for name in ("dovetail", "acme_weather"))
    python = tooling.python_of(folder / "venv")
    tooling.run([uv, "venv", "--quiet", "--no-project", "-p", sys.executable, folder / "venv"], env=env, cwd=folder)
    wanted = [f"dovetail[arrow,testing] @ {core.as_uri()}", f"acme-weather[test] @ {sample.as_uri()}"]
    words = ["pip", "install", "--quiet", "-p", python, "-c", tooling.LOCK, *wanted]
    tooling.run([uv, *words], env=env, cwd=folder)
    return Path(python)


@pytest.fixture
def ask(venv: Path, tmp_path: Path) -> Ask:
    """Runs the interpreter of that environment, in an empty folder outside of the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOVETAIL_", "PYTHON", "PYTEST"))}

    def ask(*words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(venv), *words],
            cwd=tmp_path,
            env={**kept, "COLUMNS": "200", "NO_COLOR": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done

    return ask


def test_it_is_installed_from_its_wheel(ask: Ask, venv: Path) -> None:
    where = ask("-c", "import acme_weather; print(acme_weather.__file__)").stdout
    assert Path(where.strip()).is_relative_to(venv.parent.parent)


def listed(ask: Ask) -> dict[str, Any]:
    found = json.loads(ask("-c", NOT_IMPORTED, "plugins", "list", "--json").stdout)["plugins"]
    return next(plugin for plugin in found if plugin["distribution"] == "acme-weather")


def test_it_is_listed_without_being_imported(ask: Ask) -> None:
    plugin = listed(ask)
    assert (plugin["plugin"], plugin["version"], plugin["module"]) == ("weather", "2.3.0", "acme_weather.plugin")
    assert plugin["reason"] == ""


def test_it_is_shown_without_being_imported_with_every_hook_that_it_implements(ask: Ask) -> None:
    shown = ask("-c", NOT_IMPORTED, "plugins", "show", "weather").stdout
    for name in (
        "weather-station",
        "weather-model",
        "acme_weather.readings.Readings",
        "acme-threads",
        "vault",
        "acme",
        "2.3.0",
    ):
        assert name in shown, name


def test_its_manifest_is_current(ask: Ask) -> None:
    ask("-m", "dovetail", "plugins", "manifest", "acme_weather.plugin", "--check")


def test_doctor_finds_nothing_wrong(ask: Ask) -> None:
    assert json.loads(ask("-m", "dovetail", "doctor", "--json").stdout)["healthy"]


def test_a_pipeline_runs_with_it_and_its_listener_hears_of_it(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    log = tmp_path / "events"
    words = ["-m", "dovetail", "run", "pipeline.py", "tomorrow", "--hours", "6", "--executor", "acme-threads", "--json"]
    run = json.loads(ask(*words, ACME_WEATHER_LOG=str(log)).stdout)
    assert run["status"] == "succeeded" and "11.4" in run["outputs"]["result"]["value"]
    assert [gate["decision"] for gate in run["gates"]] == ["publish"]
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert events[0]["type"] == "run.started" and events[-1]["type"] == "run.finished"
    assert {"type": "node.submitted", "node": "forecast"} in events


def test_its_readings_reach_arrow(ask: Ask) -> None:
    shown = ask("-m", "dovetail", "types", "path", "acme_weather.Readings", "pyarrow.Table").stdout
    assert "acme-weather" in shown


def test_its_command_appears_and_speaks_as_ours_do(ask: Ask) -> None:
    assert ask("-m", "dovetail", "weather", "Oslo", "--hours", "1").stdout == " 0   2.0\n"
    wrong = ask("-m", "dovetail", "weather", "Olso", code=2).stderr
    assert "did you mean 'Oslo'?" in wrong


def test_its_own_tests_pass_where_it_is_installed(ask: Ask, repository: Path, tmp_path: Path) -> None:
    sample = repository / "tests" / "sample_plugin"
    for name in ("tests", "pyproject.toml"):  # what an author's checkout has, but for the source: that is installed
        copy = shutil.copytree if (sample / name).is_dir() else shutil.copy
        copy(sample / name, tmp_path / name)
    done = ask("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout
