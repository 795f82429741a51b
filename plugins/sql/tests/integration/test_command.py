"""``dovetail connections``, as people type it."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

DOVETAIL = [sys.executable, "-m", "dovetail"]


@pytest.fixture
def dovetail(tmp_path: Path, monkeypatch):
    """Runs the command in an empty project."""
    monkeypatch.setenv("DOVETAIL_HOME", str(tmp_path / "home"))

    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        for key, value in environ.items():
            monkeypatch.setenv(key, value)
        return subprocess.run(
            [*DOVETAIL, "connections", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


def test_add_list_and_test(dovetail, tmp_path: Path) -> None:
    assert "no connections" in dovetail("list").stdout
    added = dovetail("add", "warehouse", "--url", "sqlite:///warehouse.db", "--statement-timeout", "5m")
    assert added.returncode == 0, added.stderr
    dovetail("add", "far", "--drivername", "postgresql+psycopg", "--host", "127.0.0.1", "--port", "9",
             "--username", "etl", "--password-env", "FAR_PASSWORD", "--read-only")  # fmt: skip
    assert tomllib.loads((tmp_path / "dovetail.toml").read_text())["connections"] == {
        "warehouse": {"url": "sqlite:///warehouse.db", "statement_timeout": "5m"},
        "far": {
            "drivername": "postgresql+psycopg",
            "username": "etl",
            "host": "127.0.0.1",
            "port": 9,
            "read_only": True,
            "password": {"env": "FAR_PASSWORD"},
        },
    }
    listed = dovetail("list").stdout
    assert "sqlite:///warehouse.db" in listed and "FAR_PASSWORD is not set" in listed and "read-only" in listed
    far, warehouse = sorted(json.loads(dovetail("list", "--json").stdout)["connections"], key=lambda each: each["name"])
    assert (far["unset"], far["read_only"], warehouse["where"]) == (["FAR_PASSWORD"], True, "sqlite:///warehouse.db")
    tested = dovetail("test", "warehouse")
    assert tested.returncode == 0 and tested.stdout.startswith("warehouse: ok, sqlite 3."), tested.stderr


def test_a_connection_that_does_not_answer(dovetail, tmp_path: Path) -> None:
    (tmp_path / "dovetail.toml").write_text(
        '[connections.far]\nurl = "postgresql+psycopg://etl:kept-to-myself@127.0.0.1:9/x"\n'
        '[connections.here]\nurl = "sqlite:///here.db"\n'
    )
    for word in ("list", "test"):
        done = dovetail(word)
        assert "kept-to-myself" not in done.stdout + done.stderr
        assert done.returncode == (3 if word == "test" else 0)
    told = dovetail("test", "--json")
    assert "kept-to-myself" not in told.stdout + told.stderr and told.returncode == 3
    assert [(each["ok"], each.get("kind")) for each in json.loads(told.stdout)["connections"]] == [
        (False, "platform"),
        (True, None),
    ]
    assert "here: ok" in done.stdout and "far: the database cannot be opened" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "x", "--url", "postgresql://me:hunter2@host/db"], "password"),
        (["add", "x"], "needs one of"),
        (["add", "x y", "--url", "sqlite:///a.db"], "no name"),
        (["add", "x]\n[y", "--url", "sqlite:///a.db"], "no name"),
        (["add", "x", "--url", "sqlite:///a.db", "--drivername", "sqlite"], "needs one of"),
        (["test", "nosuch"], "no connection 'nosuch'"),
    ],
)
def test_what_cannot_be_is_refused(dovetail, tmp_path: Path, words: list[str], said: str) -> None:
    done = dovetail(*words)
    assert done.returncode != 0 and said in done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not (tmp_path / "dovetail.toml").exists()


def test_a_name_is_not_taken_twice(dovetail) -> None:
    dovetail("add", "x", "--url", "sqlite:///a.db")
    done = dovetail("add", "x", "--url", "sqlite:///b.db")
    assert done.returncode == 2 and "already" in done.stderr


def test_values_are_values_in_the_file(dovetail, tmp_path: Path) -> None:
    hostile = 'db"\n[connections.evil]\nurl = "sqlite:///x'
    done = dovetail("add", "x", "--drivername", "mariadb+pymysql", "--database", hostile)
    assert done.returncode == 0, done.stderr
    assert tomllib.loads((tmp_path / "dovetail.toml").read_text())["connections"]["x"]["database"] == hostile
