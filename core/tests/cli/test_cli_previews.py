"""What commands show of a stored value obeys nobody: no escape of a terminal, no mark of direction, in text and in JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = r"""
import dovetail as dt
import pyarrow as pa

BAD = ["\x1b[2J\x1b]0;title\x07", "\x9b31m", "a\u202eb", "<script>", "x" * 10_000, "line\nbreak", "\x7f\u2028"]


@dt.task
def bad() -> pa.Table:
    return pa.table({f"{number} {name}": BAD for number, name in enumerate(BAD * 30)})


@dt.task
def plain() -> dict[str, str]:
    return {text: text for text in BAD}


@dt.workflow
def flow() -> tuple[pa.Table, dict[str, str]]:
    return bad(), plain()
"""


def dovetail(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "dovetail", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", env=None)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "flow.py").write_text(FLOW, encoding="utf-8")
    dovetail(folder, "run", "flow.py", "flow", "--run-id", "first")
    return folder


@pytest.mark.parametrize("node", ["bad", "plain"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_nothing_of_a_value_is_obeyed(project: Path, node: str, form: list[str]) -> None:
    told = dovetail(project, "artifacts", "show", f"first:{node}", *form)
    assert [c for c in set(told) if not c.isprintable() and c != "\n"] == []
    if not form:
        assert len(told) < 20_000
    elif node == "bad":
        preview = json.loads(told)["preview"]
        assert len(preview["columns"]) == 20 and len(preview["rows"]) == 7
        assert max(map(len, [*preview["columns"], *(cell for row in preview["rows"] for cell in row)])) <= 80
        assert preview["rows"][2][0] == r"a\u202eb"


def test_json_of_a_result_is_shown_as_it_is_and_obeyed_by_no_terminal(project: Path) -> None:
    told = dovetail(project, "runs", "show", "first", "--json")
    assert [c for c in set(told) if not c.isprintable() and c != "\n"] == []
    json.loads(told)
