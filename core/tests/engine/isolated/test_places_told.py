"""Where nodes were run, and why: recorded with them, told by the commands; what cannot be is said before anything runs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

import dovetail as dt
import pytest
from dovetail.cli import main
from dovetail.config import Settings
from dovetail.env.build import Environments
from dovetail.errors import ConfigError, EngineUnavailable, UsageError
from dovetail.hub import Hub

PIPELINE = """
import dovetail as dt

@dt.task(env="plain")
def there(n: int) -> str:
    import sys
    return sys.prefix

@dt.task
def here(prefix: str) -> int:
    return len(prefix)

@dt.task(env="plian")
def misspelt(n: int) -> int:
    return n

@dt.workflow
def flow(n: int = 1) -> int:
    return here(there(n))

@dt.workflow
def each(n: int = 1) -> list[str]:
    return dt.map(there, [1, 2, 3])

@dt.workflow
def wrong(n: int = 1) -> int:
    return misspelt(here(there(n)))
"""

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(tmp_path: Path, env_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Runs the command line, in this process, in a project whose environment is called ``plain``."""
    (tmp_path / "dovetail.toml").write_text(f'env_dir = "{env_dir}"\n[envs.plain]\nrequires = []\n')
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    path = list(sys.path)

    def run(*words: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(list(words))
        return code, out.getvalue(), err.getvalue()

    yield run
    sys.path[:] = path


def test_the_summary_of_a_run_says_where_and_why(cli: Cli) -> None:
    code, out, _ = cli("run", "pipeline.py", "flow")
    assert code == 0
    lines = [line.split() for line in out.partition("\nwhere\n")[2].splitlines()]
    assert ["environment", "plain", "there", "the", "task", "asks", "for", "env='plain'"] in lines
    assert ["here", "here", "it", "needs", "no", "engine"] in lines


def test_so_does_every_later_look_at_it(cli: Cli) -> None:
    cli("run", "pipeline.py", "flow", "--quiet")
    assert "the task asks for env='plain'" in cli("runs", "show")[1]
    places = {node["node_id"]: node["place"] for node in json.loads(cli("runs", "show", "--json")[1])["nodes"]}
    assert places["here"] == {"where": "here", "environment": None, "reason": "it needs no engine", "digest": ""}
    there = places["there"]
    assert (there["where"], there["environment"], there["reason"]) == (
        "isolated",
        "plain",
        "the task asks for env='plain'",
    )
    assert len(there["digest"]) >= 16


def test_elements_of_a_map_are_told_as_one(cli: Cli) -> None:
    _, out, _ = cli("run", "pipeline.py", "each")
    assert "environment plain   there[...]" in out.partition("\nwhere\n")[2]


def test_called_in_process_it_runs_there_as_well(cli: Cli, env_dir: Path) -> None:
    code, out, _ = cli("run", "pipeline.py", "each", "--in-process")
    assert code == 0
    assert str(env_dir) in out


def test_a_misspelt_environment_is_said_before_anything_runs(cli: Cli) -> None:
    code, _, err = cli("run", "pipeline.py", "wrong")
    assert code == 2
    assert "there is no environment 'plian'" in err
    assert "did you mean 'plain'?" in err
    assert "node 'misspelt' of workflow 'wrong'" in err
    assert "no runs" in cli("runs", "list")[1]


def test_the_run_may_not_move_what_needs_no_engine(cli: Cli) -> None:
    _, out, _ = cli("run", "pipeline.py", "flow", "--engine", "here", "--json")
    places = {node["node_id"]: node["place"]["where"] for node in json.loads(out)["nodes"]}
    assert places == {"there": "isolated", "here": "here"}
    assert json.loads(out)["options"]["engine"] == "here"


def test_a_plugin_is_shown_with_where_its_engine_would_be_used(cli: Cli, tmp_path: Path) -> None:
    (told,) = json.loads(cli("plugins", "show", "polars", "--json")[1])["plugins"]
    (environment,) = told["environments"]
    assert (environment["name"], environment["where"]) == ("polars", "here")
    assert environment["reason"].startswith("polars ")
    assert environment["reason"].endswith(" is here")
    toml = tmp_path / "dovetail.toml"
    toml.write_text(toml.read_text() + '[engines]\npolars = "isolated"\n')
    _, out, _ = cli("plugins", "show", "polars")
    assert "runs          in environment polars: config says engines.polars = 'isolated'" in out
    assert "environment   polars is not built: dovetail-polars[engine]" in out
    assert "dovetail env sync polars" in out


def test_the_doctor_tells_of_environments(cli: Cli, tmp_path: Path) -> None:
    toml = tmp_path / "dovetail.toml"
    said = toml.read_text()
    assert not [f for f in json.loads(cli("doctor", "--json")[1])["findings"] if "plain" in f["plugin"]]
    toml.write_text(said + 'python = "3.9"\n[envs.bad]\nrequires = ["a b c"]\n')
    findings = {f["plugin"]: f for f in json.loads(cli("doctor", "--json")[1])["findings"]}
    assert "no Python that dovetail runs on is 3.9" in findings["environment plain"]["reason"]
    assert "is not a requirement" in findings["environment bad"]["reason"]
    assert findings["environment bad"]["problem"] == "environment"
    assert cli("doctor")[0] == 3


def test_engines_that_nobody_has_are_told_by_the_doctor(cli: Cli, tmp_path: Path) -> None:
    toml = tmp_path / "dovetail.toml"
    toml.write_text('[engines]\npolrs = "isolated"\n' + toml.read_text().replace("env_dir", "# env_dir"))
    findings = [f for f in json.loads(cli("doctor", "--json")[1])["findings"] if f["problem"] == "configuration"]
    assert "engines names polrs" in findings[0]["reason"]


# -- before anything runs --------------------------------------------------------------------------


def test_a_python_that_cannot_be_is_said_before_anything_is_built(tmp_path: Path, env_dir: Path) -> None:
    envs = {"good": {"requires": ["tabulate"]}, "bad": {"requires": [], "python": "3.9"}}
    settings = Settings(tmp_path, env_dir=tmp_path / "fresh", envs=envs)

    @dt.task(env="good")
    def first(n: int) -> int:
        return n

    @dt.task(env="bad")
    def second(n: int) -> int:
        return n

    @dt.workflow
    def flow(n: int = 1) -> int:
        return second(first(n))

    with Hub(settings) as hub:
        with pytest.raises(ConfigError, match=r"no Python that dovetail runs on is 3\.9"):
            hub.run(flow)
        assert hub.runs.list_runs() == []
        environments = Environments(settings)
        assert environments.find(environments.request("good")) is None


def test_so_is_that_there_is_no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dovetail.env.build._uv as found_uv

    monkeypatch.setattr(found_uv, "_candidates", lambda path, home: [])
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = Settings(tmp_path, env_dir=tmp_path / "fresh", envs={"plain": {"requires": []}})

    @dt.task(env="plain")
    def work(n: int) -> int:
        return n

    @dt.workflow
    def flow(n: int = 1) -> int:
        return work(n)

    with Hub(settings) as hub:
        with pytest.raises(EngineUnavailable) as caught:
            hub.run(flow)
        assert "pip install uv" in (caught.value.fix or "")
        assert hub.runs.list_runs() == []


def test_a_choice_that_is_none_is_refused(hub: Hub) -> None:
    @dt.workflow
    def flow(n: int = 1) -> int:
        return n

    with pytest.raises(UsageError, match="engine is one of 'auto', 'here', 'isolated', not 'isolate'"):
        hub.run(flow, engine="isolate")  # type: ignore[arg-type]


# -- the cache -------------------------------------------------------------------------------------


def test_a_cached_result_belongs_to_its_environment(hub: Hub, pipeline: Callable[..., ModuleType]) -> None:
    module = pipeline(
        """
        @dt.task(env="plain", cache=True)
        def work(n: int) -> int:
            return n

        @dt.workflow
        def flow(n: int = 1) -> int:
            return work(n)

        @dt.workflow
        def elsewhere(n: int = 1) -> int:
            return work.options(requires=["tabulate==0.9.0"])(n)

        @dt.workflow
        def nowhere(n: int = 1) -> int:
            return dt.task(cache=True)(work.function)(n)
        """
    )

    def cached(workflow: dt.Workflow[..., int]) -> bool:
        return hub.runs.nodes(hub.run(workflow).run_id)[0].cached

    assert not cached(module.flow)
    assert cached(module.flow)
    assert not cached(module.elsewhere)
    assert cached(module.elsewhere)
    assert not cached(module.nowhere)
