"""A graph as a JSON-able document: names for what is code, data for everything else."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from dovetail.errors import DefinitionError
from dovetail.graph._annotations import base_type, describe_function, field_hints, is_named_tuple, markers, written
from dovetail.graph._constants import write_value
from dovetail.graph._dataset import Dataset
from dovetail.graph._fingerprint import code_fingerprint
from dovetail.graph._format import VERSION
from dovetail.graph._gate_data import write_gate
from dovetail.graph._gates import effect_in, gates_in
from dovetail.graph._graph import Graph
from dovetail.graph._keep import is_keep
from dovetail.graph._nodes import Binding, Collect, Const, Input, Node, Ref
from dovetail.graph._options import TaskOptions
from dovetail.graph._references import (
    is_session_module,
    reference_in,
    reference_to,
    type_text_of,
)
from dovetail.graph._task import Task
from dovetail.plugins import current_catalogue
from dovetail.quality import Gate
from dovetail.spec import Interface


def export_workflow(graph: Graph, function: Callable[..., Any]) -> dict[str, Any]:
    """The document of a workflow.

    Args:
        graph: Its graph.
        function: Its body.

    Raises:
        DefinitionError: Something in it has no name and is no data.
    """
    return {"dovetail_graph": VERSION, **_Exporter(graph, function).document()}


def fingerprint_text(digest: str) -> str:
    """A fingerprint of code with the version of Python that it is good for."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}:{digest}"


def options_data(options: TaskOptions) -> dict[str, Any]:
    """The options that differ from the defaults."""
    plain = TaskOptions()
    fields = (field.name for field in dataclasses.fields(options))
    told = {name: value for name in fields if (value := getattr(options, name)) != getattr(plain, name)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


class _Exporter:
    def __init__(self, graph: Graph, function: Callable[..., Any]) -> None:
        self._graph = graph
        self._function = function
        self._tables: dict[str, dict[str, dict[str, Any]]] = {"tasks": {}, "gates": {}, "dynamics": {}, "workflows": {}}
        self._keys: dict[int, str] = {}
        self._known: dict[int, str] = getattr(function, "references", {})  # of what was loaded from a document
        functions = [function, *(getattr(node.target, "function", None) for node in graph.nodes)]
        self._modules = list(dict.fromkeys(_module_of(each) for each in functions if each is not None))

    def document(self) -> dict[str, Any]:
        graph = self._graph
        where = f"workflow {graph.name!r}"
        document: dict[str, Any] = {"name": graph.name}
        if self._function.__doc__:
            document["doc"] = write_value(self._function.__doc__, f"the docstring of {where}")
        if graph.interface.inputs:
            document["inputs"] = self._inputs(graph.interface, where, gates=False)
        if graph.interface.outputs:
            document["output"] = self._output(graph.output, f"the output of {where}", markers=False)
        nodes = [self._node(node) for node in graph.numbered]
        document.update({name: table for name, table in self._tables.items() if table})
        document["nodes"] = nodes
        if graph.interface.outputs:
            result = self._binding(graph.result, f"the result of {where}")
            result.pop("class", None)  # that of the output
            document["result"] = result
        return document

    # -- nodes --------------------------------------------------------------------------------

    def _node(self, node: Node) -> dict[str, Any]:
        where = f"node {node.id!r}"
        found: dict[str, Any] = {"id": node.id, "kind": node.kind}
        if not node.explicit:
            found["name"] = node.name
        if node.scope:
            found["scope"] = list(node.scope)
        if node.target is not None:
            table, write = self._writer(node.target)
            found[table[:-1]] = self._entry(table, node.target, where, write)
        if node.mapped:
            found["mapped"] = list(node.mapped)
        inputs = {
            name: self._binding(binding, f"input {name!r} of {where}")
            for name, binding in node.inputs.items()
            if not _left_to_default(node, name, binding)
        }
        if inputs:
            found["inputs"] = inputs
        if node.controls:
            found["after"] = [other.id for other in node.controls]
        if node.branch:
            found["inside"] = [{"node": choice.id, "side": side} for choice, side in node.branch]
        if options := options_data(node.options):
            found["options"] = options
        found["output"] = type_text_of(node.output, f"the result of {where}")
        return found

    def _writer(self, target: Any) -> tuple[str, Callable[[Any, str], dict[str, Any]]]:
        if isinstance(target, Task):
            return "tasks", self._task
        if isinstance(target, Gate):
            return "gates", self._gate
        if isinstance(getattr(target, "graph", None), Graph):
            return "workflows", lambda inner, where: _Exporter(inner.graph, inner.function).document()
        return "dynamics", self._dynamic

    def _entry(self, table: str, target: Any, where: str, write: Callable[[Any, str], dict[str, Any]]) -> str:
        """The key of a target in its table, where each object stands once."""
        key = self._keys.get(id(target))
        if key is None:
            entry = write(target, where)
            taken, key, number = self._tables[table], target.name, 1
            while key in taken:
                number += 1
                key = f"{target.name}-{number}"
            taken[key] = entry
            self._keys[id(target)] = key
        return key

    def _binding(self, binding: Binding, where: str) -> dict[str, Any]:
        if isinstance(binding, Const):
            return {"value": write_value(binding.value, where)}
        if isinstance(binding, (Ref, Input)):
            found: dict[str, Any] = {"node": binding.node.id} if isinstance(binding, Ref) else {"input": binding.name}
            if binding.path:
                found["path"] = [{kind: key} for kind, key in binding.path]
            if binding.on_blocked:
                found["on_blocked"] = binding.on_blocked
            return found
        items = [self._binding(item, where) for item in binding.items]
        if binding.named_tuple is not None:
            return {"fields": dict(zip(binding.keys, items, strict=True)), **self._class(binding, where)}
        if binding.kind == "dict":
            return {"dict": [[write_value(key, where), item] for key, item in zip(binding.keys, items, strict=True)]}
        return {binding.kind: items}

    def _class(self, binding: Collect, where: str) -> dict[str, Any]:
        if binding is self._graph.result:
            return {}
        return {"class": type_text_of(binding.named_tuple, where)}

    # -- what nodes run -----------------------------------------------------------------------

    def _task(self, task: Task[..., Any], where: str) -> dict[str, Any]:
        of = f"task {task.name!r} of {where}"
        if is_keep(task):
            return {"name": task.name, "keep": True, "output": self._output(task.output, of)}
        head = {"name": task.name, "type": task.task_type}
        if task.function is None:
            signature = self._signature(task.interface, task.output, of)
            return {**head, **self._config(task, of), **self._options(task), **signature}
        signature = self._signature(task.interface, task.output, of, code=True)
        name = getattr(task.function, "__qualname__", None)
        module = _module_of(task.function)
        mark = {"fingerprint": fingerprint_text(task.fingerprint())}
        whole = (
            self._known.get(id(task))
            or reference_to(task, module, name)
            or reference_in(task, [module, *self._modules])
        )
        if whole is not None:
            return {**head, "ref": whole, **mark, **signature}
        plain = self._function_reference(task.function, module, name)
        if plain is None:
            raise _nameless(task, of, module)
        config = {} if task.config is None else self._config(task, of)
        return {**head, "function": plain, **mark, **config, **self._options(task), **signature}

    def _function_reference(self, function: Any, module: str, name: str | None) -> str | None:
        plain = reference_to(function, module, name)
        if plain is not None or name is None:
            return plain
        holder: Any = sys.modules.get(module)
        for part in name.split("."):
            holder = getattr(holder, part, None)
        decorated = isinstance(holder, Task) and holder.function is function
        return reference_to(holder, module, name) if decorated else None

    def _options(self, task: Task[..., Any]) -> dict[str, Any]:
        options = options_data(task.defaults)
        return {"options": options} if options else {}

    def _config(self, task: Task[..., Any], where: str) -> dict[str, Any]:
        config = task.config
        if config is None:
            return {"config": None}
        if not dataclasses.is_dataclass(config):
            raise DefinitionError(
                f"the config of {where} cannot be exported",
                why=f"a {type(config).__qualname__} is no dataclass",
                fix="make it a frozen dataclass",
            )
        fields = {
            field.name: write_value(value, f"field {field.name!r} of the config of {where}")
            for field in dataclasses.fields(config)
            if field.init and not _is_default(field, value := getattr(config, field.name))
        }
        cls = type(config)
        if current_catalogue().task_type(task.task_type).config == f"{cls.__module__}:{cls.__qualname__}":
            return {"config": fields}
        reference = reference_to(cls, cls.__module__, cls.__qualname__)
        if reference is None:
            raise DefinitionError(
                f"the config of {where} cannot be exported",
                why=f"{cls.__qualname__} cannot be imported by name",
                fix="define it at the top of a module that can be imported",
            )
        return {"config": fields, "config_class": reference}

    def _dynamic(self, target: Any, where: str) -> dict[str, Any]:
        of = f"dynamic {target.name!r} of {where}"
        function = target.function
        module = _module_of(function)
        reference = reference_to(target, module, function.__qualname__) or reference_in(target, [module])
        if reference is None:
            raise _nameless(target, of, module)
        mark = fingerprint_text(code_fingerprint(function))
        signature = self._signature(target.interface, target.output, of, code=True)
        return {"name": target.name, "ref": reference, "fingerprint": mark, **signature}

    # -- types --------------------------------------------------------------------------------

    def _signature(self, interface: Interface, output: Any, where: str, code: bool = False) -> dict[str, Any]:
        """Inputs and output; of what has them in its code, their types only."""
        found: dict[str, Any] = {}
        if interface.inputs:
            plain = Interface(interface.inputs, {}) if code else interface
            found["inputs"] = self._inputs(plain, where, gates=not code)
        if interface.outputs:
            found["output"] = self._output(output, f"the output of {where}", markers=not code)
        return found

    def _inputs(self, interface: Interface, where: str, gates: bool = True) -> list[dict[str, Any]]:
        found = []
        for name, annotation in interface.inputs.items():
            of = f"input {name!r} of {where}"
            entry: dict[str, Any] = {"name": name, "type": type_text_of(base_type(annotation), of)}
            if name in interface.defaults:
                entry["default"] = write_value(interface.defaults[name], of)
            if name in interface.help:
                entry["help"] = write_value(interface.help[name], f"the help of {of}")
            if gates and (keys := self._gates(annotation, of)):
                entry["gates"] = keys
            if gates and (effect := effect_in(annotation)):
                entry["on_blocked"] = effect
            found.append(entry)
        return found

    def _output(self, annotation: Any, where: str, markers: bool = True) -> dict[str, Any]:
        base = base_type(annotation)
        if not is_named_tuple(base):
            return self._typed(annotation, where, markers)
        fields = [
            {"name": name, **self._typed(hint, f"{name!r} of {where}", markers)}
            for name, hint in field_hints(base).items()
        ]
        reference = reference_to(base, base.__module__, base.__qualname__)
        # Without its class, which only a workflow may be, it comes back as another NamedTuple of the same fields.
        return {"fields": fields, **({"class": type_text_of(base, where)} if reference or markers else {})}

    def _typed(self, annotation: Any, where: str, marked: bool) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": type_text_of(base_type(annotation), where)}
        if not marked:
            return entry
        if keys := self._gates(annotation, where):
            entry["gates"] = keys
        for marker in markers(annotation):
            if isinstance(marker, Dataset):
                entry["dataset"] = {"name": marker.name, **({} if marker.path is None else {"path": str(marker.path)})}
        return entry

    def _gates(self, annotation: Any, where: str) -> list[str]:
        return [self._entry("gates", gate, where, self._gate) for gate in gates_in(annotation)]

    def _gate(self, gate: Gate, where: str) -> dict[str, Any]:
        return write_gate(gate, where, self._modules, self._known.get(id(gate)))


def _module_of(function: Any) -> str:
    return str(getattr(function, "__module__", None) or type(written(function)).__module__)


def _left_to_default(node: Node, name: str, binding: Binding) -> bool:
    defaults = node.interface.defaults
    return isinstance(binding, Const) and name in defaults and binding.value is defaults[name]


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    return field.default is not dataclasses.MISSING and type(field.default) is type(value) and field.default == value


def _nameless(target: Any, where: str, module: str) -> DefinitionError:
    if is_session_module(module):
        return DefinitionError(
            f"{where} cannot be exported",
            why="it is defined in a file that is run, or in a session, which another process cannot import",
            fix="import the file as a module and export from there: dovetail graph export FILE WORKFLOW does so",
        )
    function = getattr(target, "function", None)
    return DefinitionError(
        f"{where} cannot be exported",
        why=f"{describe_function(function) if function else target.name} is a lambda, a closure or inside a function, "
        "so nothing can find it by name",
        fix="define it with def at the top of a module, and pass what it captured as an input",
    )
