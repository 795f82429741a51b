"""Rows that a gate set aside in the database are found again: listed, shown, deleted."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dovetail.cli import main
from dovetail.config import Settings
from dovetail.hub import Hub, forget_rows
from dovetail.plugins import build_catalogue, use_catalogue
from dovetail_sql import table

PIPELINE = """
import dovetail, pyarrow as pa
from dovetail.quality import Gate
from dovetail.quality.checks import in_range, not_null
from dovetail_sql import to_table

gate = Gate([not_null("id"), in_range("delay", 0, 100)], on_fail="quarantine", max_quarantined="60%")
save = to_table("Late Flights", connection="it", mode="append", gate=gate)

@dovetail.task
def make(high: int) -> pa.Table:
    return pa.table({"id": [1, None, 3, 4], "delay": [5, 6, high, None]})

@dovetail.workflow
def daily(high: int) -> int:
    return save(make(high))
"""
ASIDE = "Late Flights_quarantine"


@dataclass
class Done:
    code: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def cli(
    engine: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """The command line in a project with two runs that have set rows aside."""
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    values = {key: value for key, value in settings.connections[engine].items() if key != "password"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    lines += ['password = { env = "IT_PASSWORD" }'] if "password" in settings.connections[engine] else []
    (tmp_path / "dovetail.toml").write_text("\n".join(["[connections.it]", *lines]) + "\n")
    monkeypatch.setenv("IT_PASSWORD", str(settings.connections[engine].get("password", "")))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        code = main(words)
        return Done(code, *capsys.readouterr())

    for name in ("first", "second"):
        done = run("run", "pipeline.py", "daily", "--high", "7000", "--run-id", name, "--quiet")
        assert done.code == 0, done.err
    return run


def listed(cli: Cli) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cli("quarantine", "ls", "--json").out)["quarantine"]
    return found


def test_rows_in_a_database_are_found_again(cli: Cli) -> None:
    second, first = listed(cli)
    assert (first["run_id"], second["run_id"]) == ("first", "second") and first["artifact"] != second["artifact"]
    assert (first["rows"], first["dataset"], first["purged"]) == (2, "Late Flights", None)
    assert (first["place"]["connection"], first["place"]["table"]) == ("it", ASIDE)
    assert f"table {ASIDE} of connection" in cli("quarantine", "ls").out

    shown = json.loads(cli("quarantine", "show", "first", "--json").out)
    assert shown["checks"]["id.not_null"] == 1 and list(shown["checks"].values()) == [1, 1]
    assert shown["preview"]["columns"] == ["_dv_row", "_dv_checks", "id", "delay"]
    assert [row[0] for row in shown["preview"]["rows"]] == ["1", "2"]
    assert ASIDE in cli("quarantine", "show", first["artifact"][:12]).out

    for words in (
        ("quarantine", "replay", "first", "mended.parquet"),
        ("artifacts", "show", "first:write_Late_Flights.quarantine"),
    ):
        refused = cli(*words)
        assert refused.code == 2 and ASIDE in refused.err, refused.err

    trial = cli("quarantine", "purge", "--older-than", "1ms", "--dry-run", "--json")
    assert len(json.loads(trial.out)["purged"]) == 2
    assert json.loads(cli("quarantine", "purge", "--keep-bytes", "0B", "--json").out)["purged"] == []


def test_rows_in_a_database_are_deleted_there(engine: str, cli: Cli, settings: Settings) -> None:
    """Those of one run alone, by their labels; what cannot be reached is told, and stays listed."""
    here = Settings(settings.project_root, connections={"it": settings.connections[engine]})
    with Hub(here) as hub:
        (entry,) = hub.runs.quarantined("first")
        assert forget_rows(hub, entry)
        (after,) = hub.runs.quarantined("first")
        assert after.purged is not None and after.rows == 2 and after.place == entry.place
    with use_catalogue(build_catalogue(here)):
        assert table(ASIDE, connection="it")()["_dv_run"].unique().to_pylist() == ["second"]
    gone = cli("quarantine", "show", "first")
    assert gone.code == 2 and "purged at" in gone.err

    config = settings.project_root / "dovetail.toml"
    known = config.read_text()
    config.write_text(known.replace("[connections.it]", "[connections.other]"))
    kept = cli("quarantine", "purge", "--older-than", "1ms", "--json")
    assert kept.code == 3 and json.loads(kept.out)["failed"][0]["run_id"] == "second"
    assert listed(cli)[0]["purged"] is None
    config.write_text(known)
    assert "1 set of rows forgotten" in cli("quarantine", "purge", "--older-than", "1ms").out
    with use_catalogue(build_catalogue(here)):
        assert table(ASIDE, connection="it")().num_rows == 0
    assert all(each["purged"] for each in listed(cli))
