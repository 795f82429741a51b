"""Files on the command line: paths and URLs, formats, references that are looked at and exported; no secret is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest

READER = """
from typing import Annotated
import dovetail as dt

Csv = Annotated[dt.File, dt.FileFormat("csv")]

@dt.task
def keep(table: Csv) -> Csv:
    return table

@dt.task
def keep_all(tables: dt.Directory) -> dt.Directory:
    return tables

@dt.workflow
def one(table: Csv, more: list[Csv] | None = None) -> dt.File:
    return keep(table)

@dt.workflow
def all_of(tables: dt.Directory) -> dt.Directory:
    return keep_all(tables)
"""


@pytest.fixture
def reader(project: Path) -> Path:
    (project / "reader.py").write_text(READER)
    (project / "here.csv").write_text("a\n1\n")
    memory = fsspec.filesystem("memory")
    for name in ("there.csv", "there.txt", "deep/x.csv"):
        memory.pipe_file(f"/cli/{name}", b"a\n2\n")
    return project


@pytest.mark.parametrize("place", ["here.csv", "memory://cli/there.csv", "file://{project}/here.csv"])
def test_a_file_is_given_by_path_or_url(cli: Any, reader: Path, place: str) -> None:
    done = cli("run", "reader.py", "one", "--table", place.format(project=reader), "--more", "here.csv")
    assert done.code == 0, done.err
    shown = cli("artifacts", "show", "latest:keep", "--json")
    assert json.loads(shown.out)["format"] == ("reference" if place.startswith("memory") else "file")


def test_a_reference_is_exported_as_what_it_refers_to(cli: Any, reader: Path) -> None:
    assert cli("run", "reader.py", "one", "--table", "memory://cli/there.csv").code == 0
    assert cli("artifacts", "export", "latest:keep", "out.csv").code == 0
    assert (reader / "out.csv").read_bytes() == b"a\n2\n"
    assert "memory://cli/there.csv, 4 bytes" in cli("artifacts", "show", "latest:keep").out
    assert cli("run", "reader.py", "all_of", "--tables", "memory://cli").code == 0
    assert cli("artifacts", "export", "latest:keep_all", "tree").code == 0
    assert (reader / "tree" / "deep" / "x.csv").read_bytes() == b"a\n2\n"


def test_what_is_exported_is_fetched_with_the_plugins_that_the_command_line_lets_in(
    cli: Any, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("run", "reader.py", "one", "--table", "memory://cli/there.csv").code == 0
    monkeypatch.delenv("DOVETAIL_DISABLE_PLUGINS")
    (reader / "dovetail.toml").write_text('plugins = ["noisy_hooks"]\nallow = ["noisy_hooks"]\n')
    (reader / "noisy_hooks.py").write_text("open('loaded', 'w')\nDOVETAIL_API = 1\n")
    assert cli("--disable-plugins", "artifacts", "export", "latest:keep", "out.csv").code == 0
    assert not (reader / "loaded").exists()
    assert cli("artifacts", "export", "latest:keep", "again.csv").code == 0
    assert (reader / "loaded").exists()


@pytest.mark.parametrize("place", ["memory://cli/there.txt", "reader.py"])
def test_a_file_of_another_format_is_refused_by_its_flag(cli: Any, reader: Path, place: str) -> None:
    done = cli("run", "reader.py", "one", "--table", place)
    assert done.code == 2
    assert "--table takes dovetail.File[csv]" in done.err


@pytest.mark.parametrize("mode", [[], ["--in-process"], ["--debug"], ["--json"]])
@pytest.mark.parametrize(
    "url", ["memory://user:geheim-0815@cli/none.csv", "memory://cli/none.csv?X-Amz-Signature=geheim-0815"]
)
def test_no_secret_of_a_url_is_shown_or_kept(cli: Any, reader: Path, url: str, mode: list[str]) -> None:
    done = cli("run", "reader.py", "one", "--table", url, *mode)
    kept = b"".join(path.read_bytes() for path in (reader / ".dovetail").rglob("*") if path.is_file())
    assert "geheim-0815" not in done.out + done.err
    assert b"geheim-0815" not in kept
