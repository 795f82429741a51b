"""Reading a document that holds a graph, and checking what must agree inside it. Nothing that it names is looked up."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dovetail.errors import DefinitionError, UsageError, nearest, shorten
from dovetail.graph._format import DOCUMENT, VERSION
from dovetail.graph._shapes import wrong

_DEPTH = 150
"""How deep a document may nest, so that none can exhaust the stack."""

_TARGETS = {
    "task": ("task",),
    "gate": ("gate",),
    "map": ("task", "workflow"),
    "dynamic": ("dynamic",),
    "when": (),
}
"""Kind of a node -> the keys that may name its target, in the table of the same name with an ``s``."""


def read_workflow_spec(source: Mapping[str, Any] | str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check a graph specification without importing anything that it names.

    Args:
        source: The document, or the path of a JSON file that holds it.

    Returns:
        The document.

    Raises:
        UsageError: There is no such file.
        DefinitionError: It is no JSON, of another version, or malformed; the message has the place, such as
            ``nodes[3].inputs.x``.
    """
    if isinstance(source, Mapping):
        given = dict(source)
        check_document(given)
        return given
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(path)!r} cannot be read", why=str(error), fix="check the path") from error
    try:
        document: dict[str, Any] = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        python = path.suffix == ".py"
        fix = f"dovetail graph export {path} WORKFLOW -o {path.with_suffix('.json')}" if python else "write it anew"
        raise DefinitionError(f"{path.name} is no JSON", who=str(path), why=str(error), fix=fix) from error
    try:
        check_document(document)
    except DefinitionError as error:
        error.who = error.who or str(path)
        raise
    return document


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice in one object")
    return found


def check_document(document: Any) -> None:
    """Check the shape of a document, and that everything that it refers to inside itself is there.

    Raises:
        DefinitionError: As for :func:`read_workflow_spec`.
    """
    if not isinstance(document, dict) or "dovetail_graph" not in document:
        raise wrong("", 'this is no graph specification: the key "dovetail_graph" is missing')
    version = document["dovetail_graph"]
    if version != VERSION or isinstance(version, bool):
        raise wrong(
            "dovetail_graph",
            f"version {shorten(version)} is not known; this dovetail reads version {VERSION}",
            "install a newer dovetail, or export the graph again" if isinstance(version, int) else None,
        )
    if _deeper(document, _DEPTH):
        raise wrong("", f"it is nested deeper than {_DEPTH} levels")
    DOCUMENT.check(document, "")
    _check_graph(document, "")


def _deeper(document: Any, limit: int) -> bool:
    level = [document]
    for _ in range(limit):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _check_graph(graph: dict[str, Any], path: str) -> None:
    at = f"{path}." if path else ""
    _no_repeats([each["name"] for each in graph.get("inputs", ())], f"{at}inputs", "name")
    for i, each in enumerate(graph.get("inputs", ())):
        if "gates" in each:
            raise wrong(
                f"{at}inputs[{i}].gates", "a gate on an input of a workflow is a node", "add a node of kind gate"
            )
    gates = graph.get("gates", {})
    for name, task in graph.get("tasks", {}).items():
        for place, key in _gates_of(task):
            _known(key, gates, f"{at}tasks.{name}{place}", "gate")
    nodes = graph["nodes"]
    ids = {node["id"]: node for node in nodes}
    _no_repeats([node["id"] for node in nodes], f"{at}nodes", "id")
    for i, node in enumerate(nodes):
        _check_node(node, graph, ids, f"{at}nodes[{i}]")
    _check_circles(nodes, f"{at}nodes")
    _check_result(graph, ids, at)
    for name, inner in graph.get("workflows", {}).items():
        _check_graph(inner, f"{at}workflows.{name}")


def _no_repeats(names: list[str], path: str, key: str) -> None:
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        first = seen.setdefault(name.casefold(), i)
        if first != i:
            raise wrong(
                f"{path}[{i}].{key}", f"{name!r} is the {key} of {path}[{first}] already", "give it another one"
            )


def _gates_of(task: dict[str, Any]) -> Iterator[tuple[str, str]]:
    output = task.get("output", {})
    places = [("output", output)]
    places += [(f"output.fields[{i}]", each) for i, each in enumerate(output.get("fields", ()))]
    places += [(f"inputs[{i}]", each) for i, each in enumerate(task.get("inputs", ()))]
    for place, each in places:
        for j, key in enumerate(each.get("gates", ())):
            yield f".{place}.gates[{j}]", key


def _known(name: str, known: Mapping[str, Any], path: str, what: str) -> None:
    if name not in known:
        close = nearest(name, known)
        raise wrong(path, f"there is no {what} {name!r}", f"did you mean {close!r}?" if close else None)


def _check_node(node: dict[str, Any], graph: dict[str, Any], ids: dict[str, Any], path: str) -> None:
    kind, inputs = node["kind"], node.get("inputs", {})
    _check_id(node, path)
    targets = [key for key in ("task", "gate", "workflow", "dynamic") if key in node]
    wanted = _TARGETS[kind]
    if len(targets) != bool(wanted) or any(key not in wanted for key in targets):
        words = " or ".join(map(repr, wanted))
        raise wrong(path, f"a node of kind {kind} has {f'the key {words}' if wanted else 'no target'}, not {targets}")
    for key in targets:
        _known(node[key], graph.get(f"{key}s", {}), f"{path}.{key}", key)
    fixed = {"when": {"condition", "then", "otherwise"}, "gate": {"value"}}.get(kind)
    if fixed is not None and set(inputs) != fixed:
        raise wrong(f"{path}.inputs", f"the inputs of a {kind} are {', '.join(sorted(fixed))}, not {', '.join(inputs)}")
    if ("mapped" in node) is not (kind == "map"):
        raise wrong(path, f"a node of kind {kind} has {'the' if kind == 'map' else 'no'} key 'mapped'")
    if "options" in node and (kind not in ("task", "map") or "workflow" in node):
        raise wrong(f"{path}.options", "only nodes that run a task take options")
    for i, name in enumerate(node.get("mapped", ())):
        _known(name, inputs, f"{path}.mapped[{i}]", "input")
    for name, binding in inputs.items():
        _check_binding(binding, graph, ids, f"{path}.inputs.{name}")
    for i, other in enumerate(node.get("after", ())):
        _known(other, ids, f"{path}.after[{i}]", "node")
    for i, place in enumerate(node.get("inside", ())):
        _known(place["node"], ids, f"{path}.inside[{i}].node", "node")
        choice = ids[place["node"]]
        if choice["kind"] != "when":
            raise wrong(f"{path}.inside[{i}].node", f"node {place['node']!r} is no choice", "name a node of kind when")
        if choice.get("inside", []) != node["inside"][:i]:
            raise wrong(
                f"{path}.inside[{i}]",
                f"{place['node']!r} is not itself inside what stands before it here, and nothing else",
                "name all choices around the node, the outermost first",
            )


def _check_id(node: dict[str, Any], path: str) -> None:
    scope = "".join(f"{name}." for name in node.get("scope", ()))
    rest = node["id"].removeprefix(scope)
    if not node["id"].startswith(scope) or "." in rest:
        raise wrong(f"{path}.id", f"{node['id']!r} is not its scope, {scope!r}, and a name")
    name = node.get("name", rest)
    number = rest.removeprefix(name)
    if not rest.startswith(name) or (number and not (number[0] == "-" and number[1:].isdecimal())):
        raise wrong(f"{path}.id", f"{node['id']!r} does not end with the name {name!r}, or that and a number")


def _check_binding(binding: dict[str, Any], graph: dict[str, Any], ids: dict[str, Any], path: str) -> None:
    if "node" in binding:
        _known(binding["node"], ids, f"{path}.node", "node")
    elif "input" in binding:
        _known(binding["input"], {each["name"]: each for each in graph.get("inputs", ())}, f"{path}.input", "input")
    else:
        for place, inner in _parts(binding):
            _check_binding(inner, graph, ids, f"{path}{place}")


def _parts(binding: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in ("list", "tuple"):
        for i, inner in enumerate(binding.get(key, ())):
            yield f".{key}[{i}]", inner
    for i, (_, inner) in enumerate(binding.get("dict", ())):
        yield f".dict[{i}][1]", inner
    for name, inner in binding.get("fields", {}).items():
        yield f".fields.{name}", inner


def node_references(binding: dict[str, Any]) -> Iterator[str]:
    """Ids of all nodes inside a binding."""
    if "node" in binding:
        yield binding["node"]
    for _, inner in _parts(binding):
        yield from node_references(inner)


def _check_circles(nodes: list[dict[str, Any]], path: str) -> None:
    before = {
        node["id"]: {other for b in node.get("inputs", {}).values() for other in node_references(b)}
        | set(node.get("after", ()))
        for node in nodes
    }
    followers: dict[str, list[str]] = {}
    for node, others in before.items():
        for other in others:
            followers.setdefault(other, []).append(node)
    waiting = {node: len(others) for node, others in before.items()}
    ready = [node for node, count in waiting.items() if not count]
    while ready:
        for follower in followers.get(ready.pop(), ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    stuck = [node for node, count in waiting.items() if count]
    if not stuck:
        return
    seen, following = dict.fromkeys(stuck[:1]), stuck[0]
    while (following := next(other for other in sorted(before[following]) if waiting[other])) not in seen:
        seen[following] = None
    way = list(seen)
    circle = [*way[way.index(following) :], following]
    members = set(circle)
    index = next(i for i, node in enumerate(nodes) if node["id"] in members)
    raise wrong(
        f"{path}[{index}]",
        f"nodes wait for each other in a circle: {' <- '.join(circle[:9])}",
        "take one of the connections out",
    )


def _check_result(graph: dict[str, Any], ids: dict[str, Any], at: str) -> None:
    output, result = graph.get("output"), graph.get("result")
    if (output is None) is not (result is None):
        there, missing = ("result", "output") if output is None else ("output", "result")
        raise wrong(f"{at}{there}", f"there is {there!r} but no {missing!r}", "give both, or neither")
    if output is None or result is None:
        return
    if output.get("gates") or output.get("dataset") or any(f.get("gates") for f in output.get("fields", ())):
        raise wrong(f"{at}output", "gates and datasets of a workflow stand on the node that gives its result")
    if "fields" in output:
        names = [each["name"] for each in output["fields"]]
        _no_repeats(names, f"{at}output.fields", "name")
        if set(result.get("fields", ())) != set(names):
            raise wrong(f"{at}result", f"the fields {', '.join(names)} are expected", 'write {"fields": {...}}')
    _check_binding(result, graph, ids, f"{at}result")
