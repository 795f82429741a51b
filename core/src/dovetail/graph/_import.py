"""A workflow from a document that holds its graph."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any, Literal

from dovetail.errors import DefinitionError, DovetailError
from dovetail.graph._annotations import RESULT, base_type, interface_of, is_named_tuple, outputs_of
from dovetail.graph._constants import read_fields, read_value
from dovetail.graph._dataset import Dataset
from dovetail.graph._document import read_workflow_spec
from dovetail.graph._export import fingerprint_text
from dovetail.graph._fingerprint import code_fingerprint
from dovetail.graph._gate_data import read_gate
from dovetail.graph._gates import OnBlocked
from dovetail.graph._keep import keep_task
from dovetail.graph._nodes import Binding, Collect, Const, Input, Node, NodeOutput, Ref
from dovetail.graph._options import TaskOptions
from dovetail.graph._references import Importer
from dovetail.graph._replay import body_of, named_tuple_of
from dovetail.graph._task import Task, task
from dovetail.graph._workflow import Dynamic, Workflow
from dovetail.plugins import current_catalogue
from dovetail.quality import Gate
from dovetail.spec import Interface
from dovetail.types import current_types

log = logging.getLogger("dovetail.graph")

Drift = Literal["warn", "error", "ignore"]


def load_workflow_spec(
    source: Mapping[str, Any] | str | os.PathLike[str],
    *,
    allow: Iterable[str] | None = None,
    drift: Drift = "warn",
) -> Workflow[..., Any]:
    """The workflow of a graph specification, as :meth:`Workflow.to_spec` wrote it, or as another program did.

    The document is checked first. Then exactly the modules are imported that its references and types name; nothing in it
    is evaluated. Loading a document that somebody else wrote can therefore run what the modules do when they are
    imported, and running it calls the functions that it names: treat it like a program.

    Args:
        source: The document, or the path of a JSON file that holds it.
        allow: Modules and packages that may be imported. Default: all outside the standard library.
        drift: What happens if the code that the document names is not the code that was exported: ``"warn"`` (default)
            logs it, ``"error"`` refuses it, ``"ignore"``. Code is compared only on the version of Python that exported it.

    Raises:
        UsageError: There is no such file.
        DefinitionError: The document is malformed, names what cannot be found, or has drifted; the message has the place.
        WiringError: Two ends do not fit.
    """
    document = read_workflow_spec(source)
    name = None if isinstance(source, Mapping) else str(source)
    reader = _Reader(document, "", Importer(allow))
    try:
        workflow = reader.workflow()
    except DovetailError as error:
        error.who = error.who or name
        raise
    if reader.drifted and drift == "error":
        raise DefinitionError(
            "the code is not that of the document",
            who=name,
            why="\n".join(reader.drifted),
            fix="export the graph again",
        )
    for line in reader.drifted if drift == "warn" else ():
        log.warning("%s", f"{name}: {line}" if name else line)
    if name is not None:
        workflow.source = {"file": str(Path(name).absolute()), "name": workflow.name}
    return workflow


class _Reader:
    """Makes the workflow of one graph of a checked document.

    Attributes:
        drifted: What in the code is not as the document says.
    """

    def __init__(self, graph: dict[str, Any], path: str, importer: Importer) -> None:
        self.drifted: list[str] = []
        self._graph = graph
        self._at = f"{path}." if path else ""
        self._importer = importer
        self._targets: dict[tuple[str, str], Any] = {}

    def workflow(self) -> Workflow[..., Any]:
        graph, at = self._graph, self._at
        entries = graph["nodes"]
        nodes = {entry["id"]: self._node(entry, f"{at}nodes[{i}]") for i, entry in enumerate(entries)}
        for i, entry in enumerate(entries):
            self._connect(nodes[entry["id"]], entry, nodes, f"{at}nodes[{i}]")
        name = graph["name"]
        output = self._output(graph.get("output"), f"{at}output", name)
        returned: Any = None
        if "output" in graph:
            returned = NodeOutput(
                self._binding(graph["result"], nodes, f"{at}result", base_type(output)), Any, _NO_TRACE
            )
        made: dict[Node, Node] = {}
        body = body_of(list(nodes.values()), returned, name, graph.get("doc"), "", made.update)
        vars(body)["references"] = self._importer.found
        inputs = self._interface(graph.get("inputs", ()), f"{at}inputs")
        # What gates and publishes an output stands as a node in the document, though its class may say it, too.
        outputs = {field: base_type(annotation) for field, annotation in outputs_of(output).items()}
        try:
            workflow: Workflow[..., Any] = Workflow(
                body, name, Interface(inputs.inputs, outputs, inputs.defaults, inputs.help), output
            )
        except DovetailError as error:
            index = next((i for i, e in enumerate(entries) if e["id"] == error.details.get("node")), None)
            if index is not None:
                error.who = f"{at}nodes[{index}]"
            raise
        self._compare(entries, nodes, made)
        return workflow

    def _compare(self, entries: list[dict[str, Any]], nodes: dict[str, Node], made: dict[Node, Node]) -> None:
        """The ids must be those of the document, or runs could not be resumed; other types are told."""
        type_name = current_types().type_name
        for i, entry in enumerate(entries):
            node = made[nodes[entry["id"]]]
            if node.id != entry["id"]:
                raise DefinitionError(
                    f"{self._at}nodes[{i}].id: the node is called {node.id!r}, not {entry['id']!r}",
                    why="nodes with the key 'name' are numbered in the order in which they stand",
                    fix="take the key 'name' out, and the id counts as it is",
                )
            found = type_name(node.output)
            if "output" in entry and found != entry["output"]:
                self.drifted.append(f"{self._at}nodes[{i}].output: it is {found}, not {entry['output']}")

    # -- nodes --------------------------------------------------------------------------------

    def _node(self, entry: dict[str, Any], path: str) -> Node:
        scope = tuple(entry.get("scope", ()))
        name = entry.get("name") or entry["id"].rpartition(".")[2]
        options = _options(entry.get("options", {}), f"{path}.options")
        key = next((key for key in ("task", "gate", "workflow", "dynamic") if key in entry), None)
        target = None if key is None else self._target(f"{key}s", entry[key])
        made = Node(name, entry["kind"], target, {}, Interface({}, {}), Any, options, scope, "name" not in entry)
        made.id = entry["id"]
        return made

    def _connect(self, node: Node, entry: dict[str, Any], nodes: dict[str, Node], path: str) -> None:
        node.inputs = {
            name: self._binding(binding, nodes, f"{path}.inputs.{name}")
            for name, binding in entry.get("inputs", {}).items()
        }
        node.mapped = tuple(entry.get("mapped", ()))
        if node.mapped and node.mapped != tuple(node.target.interface.inputs)[: len(node.mapped)]:
            raise DefinitionError(
                f"{path}.mapped: the first inputs of {node.target.name!r} are mapped, in their order",
                why=f"inputs: {', '.join(node.target.interface.inputs)}",
            )
        node.controls = [nodes[other] for other in entry.get("after", ())]
        node.branch = tuple((nodes[place["node"]], place["side"]) for place in entry.get("inside", ()))

    def _binding(self, data: dict[str, Any], nodes: dict[str, Node], path: str, kind: Any = None) -> Binding:
        steps = tuple(next(iter(step.items())) for step in data.get("path", ()))
        if "node" in data:
            return Ref(nodes[data["node"]], steps, data.get("on_blocked"))
        if "input" in data:
            return Input(data["input"], steps, data.get("on_blocked"))
        if "value" in data:
            return Const(read_value(data["value"], f"{path}.value", self._importer))
        if "fields" in data:
            return self._fields(data, nodes, path, kind)
        if "dict" in data:
            keys = [read_value(key, f"{path}.dict[{i}][0]", self._importer) for i, (key, _) in enumerate(data["dict"])]
            items = [self._binding(item, nodes, f"{path}.dict[{i}][1]") for i, (_, item) in enumerate(data["dict"])]
            return Collect("dict", tuple(items), tuple(keys))
        form: Any = "list" if "list" in data else "tuple"
        items = [self._binding(item, nodes, f"{path}.{form}[{i}]") for i, item in enumerate(data[form])]
        return Collect(form, tuple(items))

    def _fields(self, data: dict[str, Any], nodes: dict[str, Node], path: str, kind: Any) -> Binding:
        if "class" in data:
            kind = self._importer.type(data["class"], f"{path}.class")
        if not is_named_tuple(kind) or set(kind._fields) != set(data["fields"]):
            raise DefinitionError(f"{path}: these are not the fields of a NamedTuple", fix="name it under 'class'")
        items = [self._binding(data["fields"][name], nodes, f"{path}.fields.{name}") for name in kind._fields]
        return Collect("tuple", tuple(items), tuple(kind._fields), kind)

    # -- what nodes run -----------------------------------------------------------------------

    def _target(self, table: str, key: str) -> Any:
        found = self._targets.get((table, key))
        if found is None:
            path = f"{self._at}{table}.{key}"
            found = self._targets[table, key] = getattr(self, f"_{table}")(self._graph[table][key], path)
        return found

    def _workflows(self, entry: dict[str, Any], path: str) -> Workflow[..., Any]:
        inner = _Reader(entry, path, self._importer)
        workflow = inner.workflow()
        self.drifted += inner.drifted
        return workflow

    def _gates(self, entry: dict[str, Any], path: str) -> Gate:
        if "ref" not in entry:
            return read_gate(entry, path, self._importer)
        gate = self._of_kind(entry["ref"], Gate, f"{path}.ref")
        if entry.get("fingerprint") not in (None, gate.fingerprint()):
            self.drifted.append(f"{path}: gate {gate.name!r} checks something else now")
        return gate  # type: ignore[no-any-return]

    def _dynamics(self, entry: dict[str, Any], path: str) -> Dynamic[..., Any]:
        found = self._of_kind(entry["ref"], Dynamic, f"{path}.ref")
        self._same_name(found, entry, path)
        self._same_code(code_fingerprint(found.function), entry, path)
        self._same_types(found.interface, found.output, entry, path)
        return found  # type: ignore[no-any-return]

    def _tasks(self, entry: dict[str, Any], path: str) -> Task[..., Any]:
        if "keep" in entry:
            return keep_task(entry["name"], self._output(entry["output"], f"{path}.output", entry["name"]))
        if "ref" not in entry and "function" not in entry:
            return self._work(entry, path)
        if "ref" in entry:
            made = self._of_kind(entry["ref"], Task, f"{path}.ref")
            self._same_name(made, entry, path)
        else:
            made = self._function_task(entry, path)
        if made.task_type != entry["type"]:
            raise DefinitionError(f"{path}.type: the task is of type {made.task_type!r}, not {entry['type']!r}")
        self._same_code(made.fingerprint(), entry, path)
        self._same_types(made.interface, made.output, entry, path)
        return made  # type: ignore[no-any-return]

    def _function_task(self, entry: dict[str, Any], path: str) -> Task[..., Any]:
        found = self._importer.load(entry["function"], f"{path}.function")
        function = found.function if isinstance(found, Task) else found
        module = entry["function"].partition(":")[0]
        if not isinstance(function, FunctionType) or function.__module__ != module:
            raise DefinitionError(
                f"{path}.function: {entry['function']} is no function that is defined there",
                fix="name a function where it is defined",
            )
        plain = task(function)
        return Task(
            entry["name"],
            task_type=entry["type"],
            config=self._config(entry, path),
            interface=interface_of(function),
            output=plain.output,
            function=function,
            options=_options(entry.get("options", {}), f"{path}.options"),
        )

    def _work(self, entry: dict[str, Any], path: str) -> Task[..., Any]:
        if entry["type"] == "python":
            raise DefinitionError(f"{path}: a task of type 'python' runs code", fix="name it under 'ref' or 'function'")
        interface = self._interface(entry.get("inputs", ()), f"{path}.inputs")
        outputs = {}
        if "output" in entry:
            outputs[RESULT] = self._output(entry["output"], f"{path}.output", entry["name"])
        try:
            return Task.from_type(
                task_type=entry["type"],
                config=self._config(entry, path),
                interface=Interface(interface.inputs, outputs, interface.defaults, interface.help),
                name=entry["name"],
                options=_options(entry.get("options", {}), f"{path}.options"),
                doc=entry.get("doc"),
            )
        except DovetailError as error:
            error.who = error.who or path
            raise

    def _config(self, entry: dict[str, Any], path: str) -> Any:
        if entry.get("config") is None:
            return None
        spec = current_catalogue().task_type(entry["type"])
        if "config_class" in entry:
            cls: Any = self._importer.load_class(entry["config_class"], f"{path}.config_class")
        elif spec.config is not None:
            cls = current_catalogue().load(spec.config, spec)
        else:
            raise DefinitionError(
                f"{path}.config: task type {entry['type']!r} declares no class for its config",
                fix="name the class under 'config_class'",
            )
        if not isinstance(cls, type) or getattr(cls, "__dovetail_task_type__", None) != entry["type"]:
            raise DefinitionError(f"{path}.config_class: that is no config of task type {entry['type']!r}")
        return read_fields(cls, entry["config"], f"{path}.config", self._importer)

    def _of_kind(self, reference: str, kind: type, path: str) -> Any:
        found = self._importer.load(reference, path)
        if not isinstance(found, kind):
            raise DefinitionError(
                f"{path}: {reference} is a {type(found).__qualname__}, not a {kind.__name__}",
                fix="export the graph again",
            )
        return found

    # -- drift --------------------------------------------------------------------------------

    def _same_name(self, found: Any, entry: dict[str, Any], path: str) -> None:
        if found.name != entry["name"]:
            raise DefinitionError(f"{path}.name: {entry['ref']} is called {found.name!r}, not {entry['name']!r}")

    def _same_code(self, digest: str, entry: dict[str, Any], path: str) -> None:
        before, now = entry.get("fingerprint", ""), fingerprint_text(digest)
        if before.partition(":")[0] == now.partition(":")[0] and before != now:
            self.drifted.append(f"{path}: the code of {entry.get('ref') or entry.get('function')} has changed")

    def _same_types(self, interface: Interface, output: Any, entry: dict[str, Any], path: str) -> None:
        type_name = current_types().type_name
        now = [(name, type_name(a)) for name, a in interface.inputs.items()]
        before = [(each["name"], each["type"]) for each in entry.get("inputs", ())]
        if ("inputs" in entry or "output" in entry) and now != before:
            self.drifted.append(f"{path}.inputs: they are {dict(now)}, not {dict(before)}")
        said = entry.get("output", {})
        told = {said["type"]} if "type" in said else {each["type"] for each in said.get("fields", ())}
        if ("inputs" in entry or "output" in entry) and told != {type_name(a) for a in interface.outputs.values()}:
            self.drifted.append(f"{path}.output: it is {type_name(output)}, not {', '.join(sorted(told)) or 'nothing'}")

    # -- types --------------------------------------------------------------------------------

    def _interface(self, entries: Iterable[dict[str, Any]], path: str) -> Interface:
        inputs, defaults, helps = {}, {}, {}
        for i, entry in enumerate(entries):
            name = entry["name"]
            inputs[name] = self._typed(entry, f"{path}[{i}]")
            if "default" in entry:
                defaults[name] = read_value(entry["default"], f"{path}[{i}].default", self._importer)
            if "help" in entry:
                helps[name] = entry["help"]
        return Interface(inputs, {}, defaults, helps)

    def _output(self, entry: dict[str, Any] | None, path: str, name: str) -> Any:
        if entry is None:
            return type(None)
        if "type" in entry:
            return self._typed(entry, path)
        hints = {each["name"]: self._typed(each, f"{path}.fields[{i}]") for i, each in enumerate(entry["fields"])}
        if "class" not in entry:
            return named_tuple_of(name, hints)
        found = self._importer.type(entry["class"], f"{path}.class")
        if not is_named_tuple(found) or list(found._fields) != list(hints):
            raise DefinitionError(
                f"{path}.class: {entry['class']} is no NamedTuple with the fields {', '.join(hints)}",
                fix="export the graph again",
            )
        return found

    def _typed(self, entry: dict[str, Any], path: str) -> Any:
        annotation = self._importer.type(entry["type"], f"{path}.type")
        markers: list[Any] = [self._target("gates", key) for key in entry.get("gates", ())]
        if "dataset" in entry:
            markers.append(Dataset(entry["dataset"]["name"], entry["dataset"].get("path")))
        if "on_blocked" in entry:
            markers.append(OnBlocked(entry["on_blocked"]))
        for marker in markers:
            annotation = Annotated[annotation, marker]
        return annotation


_NO_TRACE: Any = None
"""Stand-ins of a document belong to no trace: only their bindings are looked at."""


def _options(data: dict[str, Any], path: str) -> TaskOptions:
    try:
        return TaskOptions().updated(data)
    except DefinitionError as error:
        error.who = path
        raise
