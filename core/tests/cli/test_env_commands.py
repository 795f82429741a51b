"""``dovetail env``: what is told to people and to programs. Environments hold stand-ins from a folder of wheels."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from dovetail.env.build import WORKER_REQUIRES
from packaging.requirements import Requirement


def wheel(folder: Path, name: str, version: str) -> None:
    """An empty wheel."""
    info = f"{name}-{version}.dist-info"
    content = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        k: base64.urlsafe_b64encode(hashlib.sha256(v.encode()).digest()).rstrip(b"=") for k, v in content.items()
    }
    record = "".join(f"{k},sha256={digests[k].decode()},{len(v)}\n" for k, v in content.items())
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in {**content, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``demo`` and what every environment holds."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in [("demo", "1.0"), *((Requirement(each).name, "9999.0") for each in WORKER_REQUIRES)]:
        wheel(folder, name, version)
    wheel(folder, "pydantic", "2.11.0")
    return folder


@pytest.fixture(autouse=True)
def environments(project: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project asks for ``one``; nothing comes from a network."""
    for name in [each for each in os.environ if each.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    (project / "uv.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n', encoding="utf-8")
    monkeypatch.setenv("UV_CACHE_DIR", str(wheels / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (project / "temporary").mkdir()  # what others left in that of the system is not looked at
    monkeypatch.setattr(tempfile, "tempdir", str(project / "temporary"))
    text = 'env_dir = "envs"\n[envs.one]\nrequires = ["demo"]\n[envs.two]\nrequires = ["demo>=7"]\n'
    (project / "dovetail.toml").write_text(text, encoding="utf-8")
    return project / "envs"


def listed(cli: Any) -> dict[str, Any]:
    """The environments by name, as ``env list`` tells programs."""
    return {each["name"]: each for each in cli("env", "list", "--json").json["environments"]}


def test_from_nothing_to_built_and_back(cli: Any, environments: Path) -> None:
    assert listed(cli)["one"]["state"] == "not built"
    assert cli("env", "path", "one").code == 3
    first = cli("env", "sync", "one")
    assert first.code == 0 and first.out.startswith("one: built: Python ")
    assert first.err == "", "progress is for terminals"
    assert cli("env", "sync", "one").out.startswith("one: is there: ")
    (told,) = cli("env", "sync", "one", "--json").json["environments"]
    assert (told["state"], told["packages"]["demo"], told["problems"]) == ("present", "1.0", [])
    path = cli("env", "path", "one").out.strip()
    assert path == told["path"] == listed(cli)["one"]["path"]
    assert Path(path).parent == environments
    shown = cli("env", "list").out
    assert "[envs.one] of dovetail.toml" in shown and "not built" in shown
    assert cli("env", "rm", "one", "--json").json["removed"][0]["path"] == path
    assert cli("env", "rm", "one").out == "environment one is not built\n"
    assert not Path(path).exists()


def test_the_json_of_a_built_environment_names_its_interpreter(cli: Any) -> None:
    cli("env", "sync", "one")
    told = cli("env", "path", "one", "--json").json
    assert told["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert Path(told["python"]).exists() and told["bytes"] > 0


def test_what_cannot_be_met_is_the_users_and_keeps_uvs_words(cli: Any) -> None:
    done = cli("env", "sync")
    assert done.code == 2
    assert "environment two cannot be resolved" in done.err and "demo>=7" in done.err
    assert "[envs.two] of dovetail.toml" in done.err
    told = cli("env", "sync", "two", "--json")
    assert told.code == 2 and told.json["error"]["kind"] == "user"


def test_a_misspelt_name_is_answered_with_the_nearest(cli: Any) -> None:
    for words in (("sync", "onee"), ("path", "onee"), ("rm", "onee"), ("shell", "onee"), ("lock", "onee")):
        done = cli("env", *words)
        assert done.code == 2 and "did you mean 'one'?" in done.err, words


def test_locking_writes_a_file_beside_the_config(cli: Any, project: Path) -> None:
    done = cli("env", "lock", "one", "--json")
    assert done.json["path"] == str(project / "dovetail.lock")
    assert 'name = "demo"' in (project / "dovetail.lock").read_text(encoding="utf-8")
    assert cli("env", "sync", "one").code == 0


def test_gc_says_what_it_would_do(cli: Any, environments: Path) -> None:
    cli("env", "gc")  # what killed processes of this machine have left in memory
    assert cli("env", "gc").out == "nothing to remove\n"
    half = environments / ("0" * 16)
    half.mkdir(parents=True)
    assert "would remove environment " in cli("env", "gc", "--dry-run").out
    assert half.exists()
    told = cli("env", "gc", "--json").json
    assert [each["path"] for each in told["removed"]] == [str(half)] and told["in_use"] == []
    assert not half.exists()


def test_a_command_runs_in_an_environment_and_its_exit_code_is_ours(process: Any) -> None:
    code = "import demo, os, sys; print(demo.version, os.environ['VIRTUAL_ENV'] == sys.prefix); sys.exit(7)"
    done = process("env", "shell", "one", "--", "python", "-c", code)
    assert (done.code, done.out) == (7, "1.0 True\n"), done.err
    told = process("env", "shell", "one", "--json", "--", "python", "-c", "print('to standard error')")
    assert told.json["exit_code"] == 0 and told.err == "to standard error\n"
    assert process("env", "shell", "one", "--", "no-such-program").code == 2
    assert process("env", "shell", "one", "--json").code == 2


def test_an_environment_is_held_while_its_shell_lives(process: Any, project: Path) -> None:
    process("env", "sync", "one")
    program = "import sys; from dovetail.cli import main; sys.exit(main())"
    wait = "import sys; print('here', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, "env", "shell", "one", "--", "python", "-c", wait]
    shell = subprocess.Popen(command, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert shell.stdout is not None and shell.stdout.readline() == "here\n"
        done = process("env", "rm", "one", "--json")
        assert done.code == 2
        assert f"process {shell.pid} " in json.loads(done.out)["error"]["why"]
    finally:
        shell.kill()
        shell.communicate()
    assert process("env", "rm", "one").code == 0


def test_one_that_is_there_costs_no_process_and_loads_nothing_that_builds(process: Any) -> None:
    process("env", "sync", "one")
    program = """
import json, os, subprocess, sys
def refuse(*arguments, **options):
    raise AssertionError(f"a process was started: {arguments}")
subprocess.Popen.__init__ = os.fork = os.posix_spawn = refuse
del sys.modules["subprocess"]
from dovetail.cli import main
code = main(["env", "sync", "one"])
heavy = {"subprocess", "packaging", "tomllib", "sqlalchemy", "rich", "pyarrow", "dovetail.engine", "dovetail.types",
         "dovetail.env.bridge", "dovetail.env.build._builder", "dovetail.env.build._uv"}
print(json.dumps(sorted(heavy & set(sys.modules))))
sys.exit(code)
"""
    done = process(program=program)
    assert done.code == 0, done.err
    told, loaded = done.out.splitlines()
    assert told.startswith("one: is there: ")
    assert json.loads(loaded) == ["tomllib"]  # the config file
