"""Graph specifications and the code that they name: what loading imports, what it refuses to, and drift."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dovetail as dt
import pytest
from dovetail.errors import DefinitionError
from dovetail.graph import read_workflow_spec


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    """A module that notes that it is imported, and writes a file when one of its functions is called."""
    path = tmp_path / "noted_by_documents.py"
    path.write_text("import dovetail as dt\n@dt.task\ndef one() -> int:\n    return 1\nvalue = 3\n")
    sys.path.insert(0, str(tmp_path))
    yield path
    sys.path.remove(str(tmp_path))
    sys.modules.pop(path.stem, None)


def naming(**task: Any) -> dict[str, Any]:
    return {
        "dovetail_graph": 1,
        "name": "wf",
        "tasks": {"t": {"name": "one", "type": "python", **task}},
        "nodes": [{"id": "n", "kind": "task", "task": "t"}],
    }


class TestImports:
    def test_reading_imports_nothing_and_loading_what_is_named(self, module: Path) -> None:
        document = naming(ref=f"{module.stem}:one")
        read_workflow_spec(document)
        assert module.stem not in sys.modules
        assert [n.id for n in dt.load_workflow_spec(document).graph.nodes] == ["n"]
        assert module.stem in sys.modules

    @pytest.mark.parametrize(
        "reference",
        [
            "os:system",
            "shutil:rmtree",
            "subprocess:run",
            "builtins:exec",
            "noted_by_documents:__builtins__.exec",
            "noted_by_documents:one.__class__.__init__",
            "noted_by_documents:dt.task",
            "noted_by_documents:value",
            "noted_by_documents:none",
            "__main__:one",
            "no_such_module_at_all:one",
        ],
    )
    @pytest.mark.parametrize("key", ["ref", "function"])
    def test_other_references_are_refused(self, module: Path, key: str, reference: str) -> None:
        with pytest.raises(DefinitionError, match=f"tasks.t.{key}"):
            dt.load_workflow_spec(naming(**{key: reference}))

    def test_only_what_is_allowed(self, module: Path) -> None:
        document = naming(ref=f"{module.stem}:one")
        with pytest.raises(DefinitionError, match="not among those that may be imported"):
            dt.load_workflow_spec(document, allow=["other", "noted_by"])
        assert module.stem not in sys.modules
        assert dt.load_workflow_spec(document, allow=[module.stem]) is not None
        document["inputs"] = [
            {"name": "x", "type": "dovetail.graph.Task"},
            {"name": "y", "type": "list[polars.DataFrame]"},
        ]
        assert dt.load_workflow_spec(document, allow=[module.stem, "dovetail.graph"]) is not None
        with pytest.raises(DefinitionError, match=r"inputs\[0\].type: module 'dovetail.graph.Task' is not among"):
            dt.load_workflow_spec(document, allow=[module.stem, "dovetail.graph.Tasks"])

    @pytest.mark.parametrize(
        "text", ["__import__('os')", "os.system", "antigravity.x", "1 + 1", "[int", "nobody", "int.__class__"]
    )
    def test_types_are_names(self, text: str) -> None:
        document = {**naming(ref="a:b"), "inputs": [{"name": "x", "type": text}], "nodes": []}
        with pytest.raises(DefinitionError, match=r"inputs\[0\].type"):
            dt.load_workflow_spec(document)
        assert "antigravity" not in sys.modules


class TestDrift:
    def drifted(self, module: Path, before: str, after: str) -> dict[str, Any]:
        loaded = importlib.import_module(module.stem)
        builder = dt.WorkflowBuilder("wf")
        builder.add(loaded.one)
        document = builder.build().to_spec()
        module.write_text(module.read_text().replace(before, after))
        sys.modules.pop(module.stem)
        importlib.invalidate_caches()
        shutil.rmtree(
            module.parent / "__pycache__", ignore_errors=True
        )  # the change may be of the same second and size
        return document

    def test_changed_code(self, module: Path, caplog: pytest.LogCaptureFixture) -> None:
        document = self.drifted(module, "return 1", "return 2")
        with pytest.raises(DefinitionError, match="not that of the document") as caught:
            dt.load_workflow_spec(document, drift="error")
        assert "tasks.one: the code of noted_by_documents:one has changed" in str(caught.value.why)
        with caplog.at_level(logging.WARNING):
            dt.load_workflow_spec(document)
        assert "has changed" in caplog.text

    def test_changed_types(self, module: Path) -> None:
        document = self.drifted(module, "-> int", "-> str")
        with pytest.raises(DefinitionError) as caught:
            dt.load_workflow_spec(document, drift="error")
        assert "tasks.one.output: it is str, not int" in str(caught.value.why)

    def test_another_version_of_python_is_not_compared(self, module: Path) -> None:
        document = self.drifted(module, "return 1", "return 2")
        document["tasks"]["one"]["fingerprint"] = "3.9:0"
        dt.load_workflow_spec(document, drift="error")
