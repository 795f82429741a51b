"""``dovetail graph``, and ``dovetail run`` with a graph specification."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MODULE = "steps_of_a_document"


@pytest.fixture
def steps(cli: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A pipeline beside which documents are written; it is forgotten after the test."""
    import sys

    monkeypatch.setattr(sys, "path", list(sys.path))
    path = Path(f"{MODULE}.py")
    path.write_text(
        "import dovetail as dt\n"
        "@dt.task\ndef add(a: int, b: int = 1) -> int:\n    return a + b\n"
        "@dt.workflow\ndef daily(a: int = 1) -> int:\n"
        '    """Adds."""\n'
        "    return add(add(a), b=5)\n"
    )
    yield path
    sys.modules.pop(MODULE, None)


def test_a_workflow_is_exported_shown_checked_and_run(cli: Any, steps: Path) -> None:
    assert cli("graph", "export", str(steps), "daily", "-o", "spec.json", "--json").json == {
        "file": "spec.json",
        "workflow": "daily",
        "nodes": 2,
    }
    shown = cli("graph", "show", "spec.json", "--json").json
    assert shown["references"] == [f"{MODULE}:add"]
    assert [(node["id"], node["inputs"]) for node in shown["nodes"]] == [
        ("add", {"a": "a"}),
        ("add-2", {"a": "add", "b": "5"}),
    ]
    assert cli("graph", "check", "spec.json", "--json").json == {"workflow": "daily", "nodes": 2, "imported": True}
    run = cli("run", "spec.json", "daily", "--a", "3", "--json").json
    assert run["status"] == "succeeded"
    assert run["outputs"]["result"]["value"] == "9"


def test_to_standard_output_it_is_the_document(cli: Any, steps: Path) -> None:
    printed = cli("graph", "export", str(steps), "daily").out
    assert json.loads(printed)["dovetail_graph"] == 1
    assert cli("graph", "export", str(steps), "daily", "--json").json == json.loads(printed)


def test_a_run_of_a_document_is_resumed_from_it(cli: Any, steps: Path) -> None:
    steps.write_text(steps.read_text().replace("return a + b", "return a + int(open('b.txt').read())"))
    cli("graph", "export", str(steps), "daily", "-o", "spec.json")
    assert cli("run", "spec.json", "daily", "--run-id", "one").code == 2
    Path("b.txt").write_text("7")
    assert cli("runs", "resume", "one", "--json").json["outputs"]["result"]["value"] == "15"


@pytest.fixture
def document(cli: Any, steps: Path) -> Callable[..., None]:
    def write(change: Callable[[dict[str, Any]], object]) -> None:
        found = cli("graph", "export", str(steps), "daily", "--json").json
        change(found)
        Path("spec.json").write_text(json.dumps(found))

    return write


@pytest.mark.parametrize("verb", [["graph", "show"], ["graph", "check"], ["graph", "check", "--no-import"]])
def test_a_malformed_document_is_told_with_its_place(cli: Any, document: Any, verb: list[str]) -> None:
    document(lambda d: d["nodes"][1].update(after=["ad"]))
    error = cli(*verb, "spec.json", "--json")
    assert error.code == 2
    assert error.json["error"]["what"] == "nodes[1].after[0]: there is no node 'ad'"
    assert error.json["error"]["fix"] == "did you mean 'add'?"
    assert error.json["error"]["who"] == "spec.json"


def test_looking_imports_nothing_and_checking_what_is_allowed(cli: Any, document: Any) -> None:
    document(lambda d: d["tasks"]["add"].update(ref="no_such_module_anywhere:add"))
    assert cli("graph", "show", "spec.json").code == 0
    assert cli("graph", "check", "spec.json", "--no-import").code == 0
    assert "cannot be imported" in cli("graph", "check", "spec.json").err
    assert "not among those" in cli("graph", "check", "spec.json", "--allow-module", "other").err


def test_changed_code_fails_the_check_and_is_told_by_a_run(cli: Any, document: Any) -> None:
    document(lambda d: d["tasks"]["add"].update(fingerprint=d["tasks"]["add"]["fingerprint"][:-1] + "x"))
    checked = cli("graph", "check", "spec.json")
    assert checked.code == 2
    assert f"the code of {MODULE}:add has changed" in checked.err
    assert cli("run", "spec.json", "daily", "-q").code == 0


def test_names_that_are_not_there(cli: Any, steps: Path) -> None:
    assert "did you mean 'daily'?" in cli("graph", "export", str(steps), "dayly").err
    assert cli("graph", "export", "none.py", "daily").code == 2
    cli("graph", "export", str(steps), "daily", "-o", "spec.json")
    assert "it holds 'daily'" in cli("run", "spec.json", "weekly").err


@pytest.mark.parametrize("verb", [["graph", "show"], ["graph", "check"]])
def test_a_python_file_where_a_document_belongs_leads_to_the_export(cli: Any, steps: Path, verb: list[str]) -> None:
    done = cli(*verb, str(steps))
    assert done.code == 2
    assert f"fix: dovetail graph export {steps} WORKFLOW -o {MODULE}.json" in done.err
