"""Building environments, for real: what is in them, who shares them, and what makes one be built again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dovetail.env.build import Environment
from dovetail.errors import ConfigError

from .conftest import Project, make_wheel


def inside(environment: Environment, code: str) -> str:
    """What a program prints in an environment."""
    command = [str(environment.python), "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()


def test_an_environment_holds_what_is_asked_for_and_what_a_worker_needs(project: Project) -> None:
    told: list[str] = []
    made = project.configure('[envs.one]\nrequires = ["demo<2"]')
    built = made.sync(made.request("one"), progress=told.append)
    assert built.packages["demo"] == "1.0"
    assert {"pyarrow", "pydantic", "pluggy", "cloudpickle", "fsspec"} < set(built.packages)
    assert "dovetail" not in built.packages
    assert inside(built, "import demo, sys; print(demo.version, sys.prefix)") == f"1.0 {built.path}"
    assert built.python_version == sys.version_info[:3]
    assert built.size > 0 and built.path.parent == project.env_dir
    assert any("resolving environment one" in line for line in told)
    assert any("building environment one" in line for line in told)


def test_one_that_is_there_is_found_without_a_process(project: Project, no_process: Callable[[], None]) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    assert made.find(made.request("one")) is None
    built = made.sync(made.request("one"))
    no_process()
    told: list[str] = []
    again = project.configure('[envs.one]\nrequires = ["demo"]')
    assert again.find(again.request("one")) == built
    assert again.sync(again.request("one"), progress=told.append) == built
    assert not told


def test_what_holds_the_same_is_shared_whatever_it_is_called(project: Project, tmp_path: Path) -> None:
    made = project.configure(
        '[envs.one]\nrequires = ["demo<2"]\n[envs.two]\nrequires = ["demo==1.*"]\n[envs.new]\nrequires = ["demo"]'
    )
    one, two, new = (made.sync(made.request(name)) for name in ("one", "two", "new"))
    assert (one.path, one.name, two.name) == (two.path, "one", "two")
    assert new.path != one.path
    other = Project(tmp_path / "other", project.wheels, project.env_dir)
    theirs = other.configure("")
    assert theirs.sync(theirs.anonymous(["demo==1.0"], None, "task score")).path == one.path


def test_nothing_of_the_users_shell_leaks_into_a_build(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "sitecustomize.py").write_text("raise SystemExit('trapped')", encoding="utf-8")
    (trap / "constraints.txt").write_text("demo<2\n", encoding="utf-8")
    monkeypatch.chdir(trap)
    (trap / "pyproject.toml").write_text('[tool.uv]\nconstraint-dependencies = ["demo<2"]\n', encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(trap))
    monkeypatch.setenv("VIRTUAL_ENV", str(trap))
    monkeypatch.setenv("CONDA_PREFIX", str(trap))
    monkeypatch.setenv("UV_CONSTRAINT", str(trap / "constraints.txt"))
    monkeypatch.setenv("UV_SYSTEM_PYTHON", "1")
    monkeypatch.setenv("UV_PYTHON", "3.7")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    built = made.sync(made.request("one"))
    assert built.packages["demo"] == "2.0"
    assert list(built.path.rglob("__pycache__/demo.*.pyc")), "workers would compile it at each start"


def test_the_projects_own_index_settings_are_heard(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worker_wheels: Path
) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", str(worker_wheels))
    make_wheel(project.root / "local", "inner", "3.1")
    made = project.configure('[envs.one]\nrequires = ["inner"]')
    (project.root / "uv.toml").write_text('find-links = ["local"]\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert made.sync(made.request("one")).packages["inner"] == "3.1"


def test_pips_settings_are_heard_where_uv_has_none(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worker_wheels: Path
) -> None:
    monkeypatch.delenv("UV_FIND_LINKS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config = tmp_path / "pip.conf"
    config.write_text(
        f"[global]\nno-index = true\nfind-links =\n  {worker_wheels}\n  {project.wheels}\n", encoding="utf-8"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    assert made.sync(made.request("one")).packages["demo"] == "2.0"


def _lose_interpreter(environment: Environment) -> None:
    environment.python.unlink()


def _install_something(environment: Environment) -> None:
    (environment.path / "lib").glob("*")
    site = next((environment.path / "lib").glob("python3*/site-packages"))
    (site / "intruder-1.0.dist-info").mkdir()


def _spoil_marker(environment: Environment) -> None:
    (environment.path / "dovetail.json").write_text('{"format": 1, "digest": 7}', encoding="utf-8")


def _point_marker_elsewhere(environment: Environment) -> None:
    told = json.loads((environment.path / "dovetail.json").read_text(encoding="utf-8"))
    (environment.path / "dovetail.json").write_text(json.dumps(told | {"python": "bin/nothing"}), encoding="utf-8")


@pytest.mark.parametrize("spoil", [_lose_interpreter, _install_something, _spoil_marker, _point_marker_elsewhere])
def test_one_that_somebody_has_changed_is_not_used_and_built_again(
    project: Project, spoil: Callable[[Environment], None]
) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    built = made.sync(made.request("one"))
    spoil(built)
    assert made.find(made.request("one")) is None
    again = made.sync(made.request("one"))
    assert again.path == built.path
    assert inside(again, "import demo; print(demo.version)") == "2.0"


def test_what_was_resolved_stays_until_somebody_asks_for_newer(project: Project) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    first = made.sync(made.request("one"))
    project.wheel("demo", "3.0")
    (first.path / "dovetail.json").unlink()
    assert made.sync(made.request("one")).packages["demo"] == "2.0"
    assert made.sync(made.request("one"), upgrade=True).packages["demo"] == "3.0"
    found = made.find(made.request("one"))
    assert found is not None and found.packages["demo"] == "3.0"


def test_another_python_is_found_where_there_is_one(project: Project) -> None:
    from dovetail.env.build._places import Places
    from dovetail.env.build._pythons import choose_python
    from dovetail.errors import EngineUnavailable

    minor = "3.12" if sys.version_info[:2] != (3, 12) else "3.11"
    made = project.configure(f'[envs.one]\nrequires = ["demo"]\npython = "{minor}"')
    request = made.request("one")
    try:
        choose_python(request, Places(project.settings()))
    except EngineUnavailable:
        pytest.skip(f"there is no Python {minor} here")
    built = made.sync(request)
    assert ".".join(map(str, built.python_version[:2])) == minor
    assert inside(built, "import sys; print('%d.%d' % sys.version_info[:2])") == minor


def test_dovetail_itself_stays_out_and_a_plugin_of_the_hub_is_its_requirements(project: Project) -> None:
    """``dovetail-polars[engine]``, which is installed here from this tree and is on no index."""
    project.wheel("polars", "2.99")
    project.wheel("needs-core", "1.0", requires=["dovetail>=0.1", "demo"])
    made = project.configure('[envs.one]\nrequires = ["needs-core"]')
    assert {"needs-core", "demo"} < set(made.sync(made.request("one")).packages)
    plugin = made.named("polars", ["dovetail-polars[engine]"], None, "plugin dovetail-polars")
    packages = made.sync(plugin).packages
    assert packages["polars"] == "2.99"
    assert not [name for name in packages if name.startswith("dovetail")]


def test_an_extra_that_a_plugin_of_the_hub_does_not_have_is_no_environment_without_it(project: Project) -> None:
    made = project.configure('[envs.one]\nrequires = ["dovetail-polars[engin]"]')
    with pytest.raises(ConfigError, match=r"did you mean dovetail-polars\[engine\]"):
        made.sync(made.request("one"))


def test_relative_to_nothing(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    built = made.sync(made.request("one"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert made.find(made.request("one")) == built
    assert os.path.isabs(built.python)
