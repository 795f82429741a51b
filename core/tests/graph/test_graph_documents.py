"""Graph specifications: what is refused and where, what comes back, and what cannot be exported."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import dovetail as dt
import dovetail.graph
import jsonschema
import polars as pl
import pytest
from dovetail.errors import DefinitionError, UsageError, WiringError
from dovetail.graph import json_schema, read_workflow_spec
from dovetail.quality.checks import (
    columns_present,
    compare,
    in_range,
    in_set,
    matches,
    mean_between,
    min_rows,
    not_null,
    row_count,
    unique,
)

SHIPPED = Path(dovetail.graph.__file__).with_name("graph-spec-1.schema.json")

good = dt.Gate([not_null("n")], name="good")
sane = [
    not_null("n"),
    unique("n", "m", nulls="fail"),
    in_range("n", 0, None, inclusive="left", severity="warning"),
    in_set("n", [1, 2, 3]),
    matches("t", "a+"),
    compare("n", "<=", "m"),
    row_count(1, 9),
    min_rows(1),
    columns_present("n", "m", exact=True),
    mean_between("n", 0, 9.5),
]
policy: dict[str, Any] = {
    "on_fail": "quarantine",
    "max_quarantined": "10%",
    "warn": 1,
    "fail": "2%",
    "thresholds": {"n.*": "1%", "m.*": {"warn": 3}},
    "min_rows": 0,
    "keys": ["n"],
    "sample_values": False,
}


class Own(dt.Suite):
    """A suite that is more than a list of native checks."""


class Two(NamedTuple):
    rows: pl.DataFrame
    number: int


@dt.task
def table(n: int = 3) -> Annotated[pl.DataFrame, good]:
    return pl.DataFrame({"n": list(range(n))})


@dt.task(retries=2, timeout="5m", cache_version="2")
def size(rows: pl.DataFrame) -> int:
    return rows.height


@dt.task
def is_large(n: int) -> bool:
    return n > 2


@dt.dynamic
def several(n: int) -> list[int]:
    return [size(table(i + 1)) for i in range(n)]


def plain(n: int, k: int = 1) -> int:
    return n + k


@dt.workflow
def mixed(n: Annotated[int, "how many"] = 3, word: str | None = None) -> Two:
    """Everything at once."""
    rows = good(table(n)).named("rows")
    count = size(rows).after(dt.shell(["echo", "{word}"], inputs={"word": str})(word="hi"))
    chosen = dt.when(is_large(count), lambda: size.options(retries=0)(rows), lambda: 0)
    dt.map(size, [rows, rows])
    several(chosen)
    return Two(rows, chosen)


def valid() -> dict[str, Any]:
    return mixed.to_spec()


def at(document: dict[str, Any], *keys: Any) -> Any:
    for key in keys:
        document = document[key]
    return document


def position(document: dict[str, Any], name: str) -> int:
    return [node["id"] for node in document["nodes"]].index(name)


class TestSchema:
    def test_the_shipped_one_is_the_one_that_is_checked(self) -> None:
        assert json.loads(SHIPPED.read_text()) == json_schema()
        jsonschema.Draft202012Validator.check_schema(json_schema())

    def test_what_is_written_is_valid(self) -> None:
        jsonschema.Draft202012Validator(json_schema()).validate(valid())


class TestRefused:
    """Each is a DefinitionError that names the place, and none of the first kind passes the JSON Schema."""

    SHAPES = [
        (lambda d: d.pop("name"), "the key 'name' is missing"),
        (lambda d: d.update(nods=[]), "nods: there is no key 'nods' here"),
        (lambda d: d.update(name=3), "name: a name is expected, not a whole number"),
        (lambda d: d.update(nodes={}), "nodes: a list is expected, not an object"),
        (lambda d: d["nodes"][0].update(kind="tusk"), "nodes[0].kind: 'tusk' is none of"),
        (lambda d: d["nodes"][0].update(id=""), "nodes[0].id: '' is not an id"),
        (lambda d: d["nodes"][0].update(inputs={"n": {"nod": "x"}}), "nodes[0].inputs.n: one of the keys"),
        (
            lambda d: d["nodes"][0].update(inputs={"n": {"value": {"$odd": 1}}}),
            "nodes[0].inputs.n.value: '$odd' is no kind",
        ),
        (
            lambda d: d["nodes"][0].update(inputs={"n": {"value": {"$tuple": 1}}}),
            "nodes[0].inputs.n.value.$tuple: a list",
        ),
        (lambda d: d["nodes"][0].update(options={"retries": -1}), "nodes[0].options.retries: -1 is less than 0"),
        (lambda d: d["nodes"][0].update(options={"retry": 1}), "nodes[0].options.retry: there is no key 'retry' here"),
        (lambda d: d["inputs"][0].update(name="a b"), "inputs[0].name: 'a b' is not a Python name"),
        (lambda d: d["tasks"]["size"].update(ref="size"), "tasks.size.ref: 'size' is not a reference"),
        (lambda d: d["tasks"]["size"].update(ref="a:b()"), "tasks.size.ref: 'a:b()' is not a reference"),
        (lambda d: d["output"]["fields"][0].update(type=None), "output.fields[0].type: the name of a type is expected"),
    ]

    @pytest.mark.parametrize(("change", "words"), SHAPES, ids=[words for _, words in SHAPES])
    def test_shapes(self, change: Any, words: str) -> None:
        document = copy.deepcopy(valid())
        change(document)
        with pytest.raises(DefinitionError) as caught:
            read_workflow_spec(document)
        assert caught.value.what.startswith(words) or words in caught.value.what
        assert caught.value.fix
        assert not jsonschema.Draft202012Validator(json_schema()).is_valid(document)

    def test_an_unknown_version(self) -> None:
        with pytest.raises(
            DefinitionError, match="dovetail_graph: version 2 is not known; this dovetail reads version 1"
        ):
            read_workflow_spec({**valid(), "dovetail_graph": 2})
        with pytest.raises(DefinitionError, match="no graph specification"):
            read_workflow_spec({"name": "wf", "nodes": []})

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (
                lambda d, i: d["nodes"][i].update(inputs={"rows": {"node": "row"}}),
                "nodes[{i}].inputs.rows.node: there is no node 'row'",
            ),
            (
                lambda d, i: d["nodes"][i].update(inputs={"rows": {"input": "m"}}),
                "nodes[{i}].inputs.rows.input: there is no input 'm'",
            ),
            (lambda d, i: d["nodes"][i].update(after=["nobody"]), "nodes[{i}].after[0]: there is no node 'nobody'"),
            (lambda d, i: d["nodes"][i].update(task="sizes"), "nodes[{i}].task: there is no task 'sizes'"),
            (lambda d, i: d["nodes"][i].pop("task"), "nodes[{i}]: a node of kind task has the key 'task'"),
            (lambda d, i: d["nodes"][i].update(gate="good"), "nodes[{i}]: a node of kind task has the key 'task'"),
            (lambda d, i: d["nodes"][i].update(mapped=["rows"]), "nodes[{i}]: a node of kind task has no key 'mapped'"),
            (lambda d, i: d["nodes"][i].update(id="Rows", name="Rows"), "nodes[{i}].id: 'Rows' is the id of"),
            (
                lambda d, i: d["nodes"][i].update(inside=[{"node": "rows", "side": "then"}]),
                "nodes[{i}].inside[0].node: node 'rows' is no choice",
            ),
            (lambda d, i: d["nodes"][i].update(scope=["other"]), "nodes[{i}].id: 'size' is not its scope"),
            (
                lambda d, i: d["nodes"][i].update(inputs={"rows": {"list": [{"node": "size"}]}}),
                "nodes[{i}]: nodes wait for each other in a circle: size <- size",
            ),
            (lambda d, i: d["nodes"][0].update(after=["when"]), "nodes[0]: nodes wait for each other in a circle"),
            (lambda d, i: d["result"]["fields"].pop("rows"), "result: the fields rows, number are expected"),
            (lambda d, i: d.pop("result"), "output: there is 'output' but no 'result'"),
            (
                lambda d, i: d["inputs"].append({"name": "N", "type": "int"}),
                "inputs[2].name: 'N' is the name of inputs[0] already",
            ),
        ],
    )
    def test_what_does_not_agree(self, change: Any, words: str) -> None:
        document = copy.deepcopy(valid())
        i = position(document, "size")
        change(document, i)
        with pytest.raises(DefinitionError) as caught:
            read_workflow_spec(document)
        assert caught.value.what.startswith(words.format(i=i))

    def test_nesting_without_end(self, tmp_path: Path) -> None:
        (tmp_path / "deep.json").write_text('{"dovetail_graph": 1, "name": ' + "[" * 100_000 + "]" * 100_000 + "}")
        with pytest.raises(DefinitionError):
            read_workflow_spec(tmp_path / "deep.json")
        value: Any = 1
        for _ in range(200):
            value = [value]
        document = valid()
        document["nodes"][0]["inputs"]["n"] = {"value": value}
        with pytest.raises(DefinitionError, match="nested deeper"):
            read_workflow_spec(document)

    def test_files(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            read_workflow_spec(tmp_path / "none.json")
        (tmp_path / "twice.json").write_text('{"dovetail_graph": 1, "name": "a", "name": "b", "nodes": []}')
        with pytest.raises(DefinitionError) as caught:
            read_workflow_spec(tmp_path / "twice.json")
        assert "'name' is there twice" in str(caught.value.why)

    def test_wiring_names_both_ends_and_the_place(self) -> None:
        document = copy.deepcopy(valid())
        i = position(document, "size")
        document["nodes"][i]["inputs"]["rows"] = {"input": "n"}
        with pytest.raises(WiringError, match=r"the workflow input 'n'.*input 'rows' of task 'size'") as caught:
            dt.load_workflow_spec(document)
        assert caught.value.who == f"nodes[{i}]"


class TestRoundTrip:
    def test_everything_at_once(self) -> None:
        document = json.loads(json.dumps(valid()))
        loaded = dt.load_workflow_spec(document, drift="error")
        assert loaded.to_spec() == document
        assert loaded.graph.hash() == mixed.graph.hash()
        assert loaded(4).number == 4
        assert loaded(1).rows.equals(mixed(1).rows)
        assert loaded.__doc__ == "Everything at once."
        assert loaded.interface.help == {"n": "how many"}
        assert loaded.graph.by_id["size"].options.timeout == 300

    def test_a_gate_of_native_checks_is_data(self) -> None:
        gate = dt.Gate(dt.Suite("sane", sane), **policy)

        @dt.workflow
        def gated() -> Annotated[pl.DataFrame, gate, dt.Dataset("out", path="out.parquet")]:
            return table()  # type: ignore[no-any-return]

        document = gated.to_spec()
        jsonschema.Draft202012Validator(json_schema()).validate(document)
        loaded = dt.load_workflow_spec(document)
        assert loaded.to_spec() == document
        again = loaded.graph.nodes[-1].target.output.__metadata__[0]
        assert again.fingerprint() == gate.fingerprint()
        assert (again.name, again.keys, again.sample_values) == (gate.name, gate.keys, gate.sample_values)

    def test_a_plain_function_and_named_outputs(self) -> None:
        builder = dt.WorkflowBuilder("made")
        builder.output(low=builder.add(plain, 1), high=builder.add(plain, 2, k=5))
        document = builder.build().to_spec()
        assert document["tasks"]["plain"]["function"].endswith(":plain")
        loaded = dt.load_workflow_spec(document, drift="error")
        assert loaded()._asdict() == {"low": 2, "high": 7}
        assert loaded.to_spec() == document


class TestNotExported:
    """The message names the node and says what to do."""

    def refused(self, target: Any, *args: Any) -> DefinitionError:
        builder = dt.WorkflowBuilder("wf")
        builder.add(target, *args, name="odd")
        with pytest.raises(DefinitionError) as caught:
            builder.build().to_spec()
        assert "node 'odd'" in caught.value.what
        assert caught.value.fix
        return caught.value

    def test_a_lambda(self) -> None:
        assert "lambda" in str(self.refused(lambda: 1).why)

    def test_a_closure(self) -> None:
        captured = 3

        @dt.task
        def inner() -> int:
            return captured

        assert "at the top of a module" in str(self.refused(inner).fix)

    def test_a_frame_as_a_constant(self) -> None:
        assert "an input of the workflow" in str(self.refused(size, pl.DataFrame({"n": [1]})).fix)

    def test_a_gate_of_a_library_that_has_no_name(self) -> None:
        gate = dt.Gate(Own("own", [not_null("n")]))
        builder = dt.WorkflowBuilder("wf")
        builder.add(gate, builder.add(table), name="odd")
        with pytest.raises(DefinitionError, match="node 'odd'") as caught:
            builder.build().to_spec()
        assert "at the top of a module" in str(caught.value.fix)
