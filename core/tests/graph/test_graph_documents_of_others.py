"""Graph specifications that somebody else wrote: each is refused by an error of ours, whatever it holds."""

from __future__ import annotations

import enum
import http
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import dovetail as dt
import polars as pl
import pytest
from dovetail.config import Secret
from dovetail.errors import DefinitionError
from dovetail.graph import read_workflow_spec
from dovetail.quality.checks import not_null


@dt.task
def inc(x: int) -> int:
    return x + 1


@dataclass(frozen=True)
class Own:
    x: int = 1


class Bits(enum.Flag):
    A = 1
    B = 2


def document(**changed: Any) -> dict[str, Any]:
    node = {"id": "one", "kind": "task", "task": "t", "inputs": {"x": {"input": "x"}}, **changed.pop("node", {})}
    given = {"name": "x", "type": "int", **changed.pop("given", {})}
    return {
        "dovetail_graph": 1,
        "name": "wf",
        "inputs": [given, {"name": "b", "type": "bool", "default": True}],
        "output": {"type": "int"},
        "tasks": {"t": {"name": "inc", "type": "python", "ref": f"{__name__}:inc"}},
        "nodes": [node, *changed.pop("more", ())],
        "result": {"node": node["id"]},
        **changed,
    }


def choice(name: str, **inside: Any) -> dict[str, Any]:
    sides = {"condition": {"input": "b"}, "then": {"value": 2}, "otherwise": {"value": 1}}
    return {"id": name, "kind": "when", "inputs": sides, **inside}


def test_the_document_that_the_others_are_made_of_is_good() -> None:
    assert dt.load_workflow_spec(document())(1) == 2


class TestNames:
    @pytest.mark.parametrize(
        "name", ["one\n", "a b", "a/b", "one[0]", "\x1b[31m", "one\u202e", "\ud800", "", ".", "a..b"]
    )
    def test_ids_are_names(self, name: str) -> None:
        with pytest.raises(DefinitionError, match=r"nodes\[0\]\.id"):
            dt.load_workflow_spec(document(node={"id": name}))

    @pytest.mark.parametrize("name", ["x\n", "x y", "_x"])
    def test_so_are_inputs(self, name: str) -> None:
        with pytest.raises(DefinitionError, match=r"inputs\[0\]\.name"):
            dt.load_workflow_spec(document(given={"name": name}, node={"inputs": {"x": {"input": name}}}))

    def test_a_node_of_a_gate_may_begin_with_a_digit(self) -> None:
        gate = dt.Gate([not_null("n")], name="5% off")

        @dt.workflow
        def gated(table: Annotated[pl.DataFrame, gate]) -> pl.DataFrame:
            return table

        loaded = dt.load_workflow_spec(json.loads(json.dumps(gated.to_spec())))
        assert [node.id for node in loaded.graph.nodes] == [node.id for node in gated.graph.nodes] == ["5_off"]


class TestChoices:
    @pytest.mark.parametrize(
        "more",
        [
            [choice("w", inside=[{"node": "w", "side": "then"}])],
            [choice("v", inside=[{"node": "w", "side": "then"}]), choice("w", inside=[{"node": "v", "side": "then"}])],
        ],
        ids=["itself", "each other"],
    )
    def test_no_choice_is_inside_itself(self, more: list[Any]) -> None:
        with pytest.raises(DefinitionError, match=r"nodes\[1\]\.inside\[0\]"):
            read_workflow_spec(document(more=more))

    def test_nothing_is_on_both_sides(self) -> None:
        inside = [{"node": "w", "side": "then"}, {"node": "w", "side": "otherwise"}]
        with pytest.raises(DefinitionError, match=r"nodes\[0\]\.inside\[1\]"):
            read_workflow_spec(document(node={"inside": inside}, more=[choice("w")]))

    def test_what_is_inside_is_not_used_outside(self) -> None:
        inside = [{"node": "w", "side": "then"}]
        with pytest.raises(DefinitionError, match="exists only where 'w' takes the side 'then'"):
            dt.load_workflow_spec(document(node={"inside": inside}, more=[choice("w")]))


class TestValues:
    @pytest.mark.parametrize("zone", ["America", "a" * 5000, "../../etc/passwd", "\ud800", "No/Where"])
    def test_time_zones_that_are_none(self, zone: str) -> None:
        with pytest.raises(DefinitionError, match=r"inputs\[0\]\.default\.\$datetime"):
            dt.load_workflow_spec(
                document(given={"type": "Any", "default": {"$datetime": "2020-01-01T00:00:00", "zone": zone}})
            )

    def test_an_object_is_of_a_class_that_may_be_imported_itself(self) -> None:
        given = {"type": "Any", "default": {"$object": f"{__name__}:dt.Gate", "fields": {}}}
        with pytest.raises(DefinitionError, match=r"'dovetail\.quality.*' is not among those that may be imported"):
            dt.load_workflow_spec(document(given=given), allow=[__name__])
        own = {"type": "Any", "default": {"$object": f"{__name__}:Own", "fields": {}}}
        with pytest.raises(DefinitionError, match="does not fit"):  # the input of the task: it was made
            dt.load_workflow_spec(
                document(given={"type": f"{__name__}.Own", "default": own["default"]}), allow=[__name__]
            )

    @pytest.mark.parametrize("text", ["-" * 100_000 + "1", "list[" * 1000 + "int" + "]" * 1000, "a" + ".a" * 100_000])
    def test_types_that_exhaust_the_parser(self, text: str) -> None:
        with pytest.raises(DefinitionError, match=r"inputs\[0\]\.type: .* is no type"):
            dt.load_workflow_spec(document(given={"type": text}))

    def test_limits_are_finite(self, tmp_path: Path) -> None:
        gate = {
            "name": "g",
            "suite": {"name": "s", "checks": [{"check": "row_count", "minimum": 1}]},
            "warn": float("inf"),
        }
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(document(gates={"g": gate})))
        with pytest.raises(DefinitionError, match=r"gates\.g\.warn"):
            read_workflow_spec(path)

    def test_a_python_task_names_its_code(self) -> None:
        tasks = {"t": {"name": "inc", "type": "python", "config": None, "inputs": [{"name": "x", "type": "int"}]}}
        with pytest.raises(DefinitionError, match=r"tasks\.t: a task of type 'python' runs code"):
            dt.load_workflow_spec(document(tasks=tasks))


class TestModules:
    @pytest.fixture
    def leaving(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        """A module that ends the process when it is imported."""
        (tmp_path / "leaves_when_imported.py").write_text("raise SystemExit(0)\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        yield "leaves_when_imported"
        sys.modules.pop("leaves_when_imported", None)

    def test_one_that_exits_does_not_end_the_process(self, leaving: str) -> None:
        tasks = {"t": {"name": "inc", "type": "python", "ref": f"{leaving}:inc"}}
        with pytest.raises(DefinitionError, match="cannot be imported") as caught:
            dt.load_workflow_spec(document(tasks=tasks))
        assert "SystemExit" in str(caught.value)
        with pytest.raises(DefinitionError, match="cannot be imported"):
            dt.load_workflow_spec(document(given={"type": f"{leaving}.Thing"}))

    def test_the_tests_of_the_standard_library_are_part_of_it(self) -> None:
        tasks = {"t": {"name": "inc", "type": "python", "ref": "test.support:run"}}
        with pytest.raises(DefinitionError, match=r"'test\.support' is not imported for a document"):
            dt.load_workflow_spec(document(tasks=tasks))


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(document()), encoding="utf-8-sig")
    assert read_workflow_spec(path) == document()


class Tables(NamedTuple):
    clean: Annotated[pl.DataFrame, dt.Gate([not_null("n")], name="clean")]
    rows: int


@dt.task
def table(n: int) -> pl.DataFrame:
    return pl.DataFrame({"n": list(range(n))})


@dt.task
def status(code: http.HTTPStatus) -> int:
    return int(code)


@dt.task
def bits(value: Bits) -> str:
    return str(value)


@dt.workflow
def tables(n: int) -> Tables:
    return Tables(table(n), inc(n))


named = dt.Gate([not_null("n")], name="named")


@dt.workflow
def gated_input(frame: Annotated[pl.DataFrame, named]) -> pl.DataFrame:
    return frame


class TestExports:
    @pytest.mark.parametrize("workflow", [tables, gated_input], ids=["gated fields", "a gate and no task"])
    def test_come_back_as_they_were(self, workflow: dt.Workflow[..., Any]) -> None:
        written = workflow.to_spec()
        loaded = dt.load_workflow_spec(json.loads(json.dumps(written)), drift="error")
        assert loaded.graph.hash() == workflow.graph.hash()
        assert loaded.to_spec() == written

    def test_what_could_not_be_loaded_is_not_written(self) -> None:
        @dt.workflow
        def constant() -> int:
            return status(http.HTTPStatus.OK)

        @dt.workflow
        def annotated(code: http.HTTPStatus) -> int:
            return 1

        for each in (constant, annotated):
            with pytest.raises(DefinitionError, match="cannot be exported"):
                each.to_spec()

    def test_several_members_of_a_flag_are_told_for_what_they_are(self) -> None:
        @dt.workflow
        def flags() -> str:
            return bits(Bits.A | Bits.B)

        with pytest.raises(DefinitionError, match="cannot be exported") as caught:
            flags.to_spec()
        assert "no member of Bits" in str(caught.value.why)

    @pytest.mark.parametrize("where", ["doc", "help", "bytes", "number"])
    def test_secrets_are_nowhere(self, where: str) -> None:
        Secret("swordfish-of-documents")
        Secret("94739201")
        builder = dt.WorkflowBuilder("own", doc="of swordfish-of-documents" if where == "doc" else None)
        default: Any = {"bytes": b"\0swordfish-of-documents", "number": 94739201}.get(where, 1)
        builder.input("x", Any, default=default, help="swordfish-of-documents"[: 99 * (where == "help")])
        with pytest.raises(DefinitionError, match="holds a secret"):
            builder.build().to_spec()
