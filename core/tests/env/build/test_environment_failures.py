"""What cannot be built is told with uv's own reason, who asked, and what to type next."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from dovetail.env.build import _uv
from dovetail.errors import ConfigError, DovetailError, EngineUnavailable, PlatformError, UsageError

from .conftest import Project


def test_a_contradiction_is_told_in_uvs_words(project: Project) -> None:
    project.wheel("old", "1.0", requires=["demo<2"])
    made = project.configure('[envs.one]\nrequires = ["demo>=2", "old"]')
    with pytest.raises(ConfigError, match="environment one cannot be resolved") as error:
        made.sync(made.request("one"))
    assert "demo<2" in str(error.value.why) and "demo>=2" in str(error.value.why)
    assert error.value.who == "environment one ([envs.one] of dovetail.toml)"
    assert "[envs.one] of dovetail.toml" in str(error.value.fix) and "'demo>=2'" in str(error.value.fix)


def test_what_a_plugin_asks_for_in_vain_is_no_fault_of_the_user(project: Project) -> None:
    made = project.configure("")
    with pytest.raises(EngineUnavailable) as error:
        made.sync(made.named("nothing", ["no-such-engine>=7"], None, "plugin dovetail-nothing"))
    assert "no-such-engine" in str(error.value.why)
    assert error.value.who == "environment nothing (plugin dovetail-nothing)"


def test_without_network_and_without_a_cache_it_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    made = project.configure('[envs.one]\nrequires = ["surely-not-cached"]')
    with pytest.raises(EngineUnavailable, match="cannot be resolved") as error:
        made.sync(made.request("one"), offline=True)
    assert "UV_FIND_LINKS" in str(error.value.fix)


def test_a_folder_of_wheels_is_enough_without_network(project: Project) -> None:
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    assert made.sync(made.request("one"), offline=True).packages["demo"] == "2.0"


def test_secrets_of_an_index_are_masked(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://me:geheim-0815@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    told: list[str] = []
    made = project.configure('[envs.one]\nrequires = ["surely-not-there"]')
    with pytest.raises(DovetailError) as error:
        made.sync(made.request("one"), progress=told.append)
    assert "127.0.0.1" in str(error.value)
    assert "geheim" not in str(error.value) + "".join(told)


def test_a_python_that_is_not_here_is_told_with_those_that_are(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    minor = "3.13" if sys.version_info[:2] != (3, 13) else "3.12"
    uv = str(Path(_uv.find_uv()).parent)
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    here = tmp_path / "bin"
    here.mkdir()
    (here / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(here))
    monkeypatch.setattr(_uv, "find_uv", lambda: Path(uv) / "uv")
    made = project.configure(f'[envs.one]\nrequires = ["demo"]\npython = "{minor}"')
    with pytest.raises(EngineUnavailable, match=f"needs Python {minor}") as error:
        made.sync(made.request("one"))
    own = ".".join(map(str, sys.version_info[:3]))
    assert f"{own} (this one: " in str(error.value.why)
    assert f"(PATH: {here}/python3)" in str(error.value.why)
    assert error.value.fix == f"uv python install {minor}"


def test_without_uv_it_says_how_to_get_it(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(_uv.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(_uv.importlib.util, "find_spec", lambda name: None)
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    with pytest.raises(EngineUnavailable, match="uv, which builds environments") as error:
        made.sync(made.request("one"))
    assert error.value.fix == "pip install uv"


def test_a_uv_that_is_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "uv"
    script.write_text("#!/bin/sh\necho 'uv 0.1.2'\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(_uv.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(_uv.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailable) as error:
        _uv._find_uv(str(tmp_path), str(tmp_path))
    assert "uv 0.1.2 is too old" in str(error.value.why)


def test_a_place_that_takes_nothing_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    project.env_dir = tmp_path / "file" / "envs"
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    with pytest.raises((UsageError, PlatformError), match="cannot be written") as error:
        made.sync(made.request("one"))
    assert "DOVETAIL_ENV_DIR" in str(error.value.fix)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_place_that_this_user_may_not_write_to_is_told(project: Project) -> None:
    project.env_dir.mkdir(mode=0o500)
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    with pytest.raises(UsageError, match="cannot be written") as error:
        made.sync(made.request("one"))
    assert "DOVETAIL_ENV_DIR" in str(error.value.fix)


def test_a_place_that_others_may_write_to_is_refused(project: Project) -> None:
    project.env_dir.mkdir()
    project.env_dir.chmod(0o777)
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    with pytest.raises(ConfigError, match="can be written by others"):
        made.sync(made.request("one"))


def test_a_full_disk_is_the_platforms_failure(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, real_uv: str
) -> None:
    """A uv that fails as it does on a full disk: no test may fill one."""
    script = tmp_path / "bin" / "uv"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *"pip install"*) echo "error: failed to write: No space left on device (os error 28)" >&2; '
        f'exit 2;; esac\nexec "{real_uv}" "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    made = project.configure('[envs.one]\nrequires = ["demo"]')
    with pytest.raises(PlatformError, match="cannot be built") as error:
        made.sync(made.request("one"))
    assert "No space left" in str(error.value.why) and "make room" in str(error.value.fix)
    assert not list(project.env_dir.glob("[0-9a-f]*"))
