"""``dovetail graph``: workflows as JSON documents."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from dovetail.cli._groups import Verbs
from dovetail.cli._options import common
from dovetail.cli._output import emit_json, show, table, text
from dovetail.cli._session import Session, with_session
from dovetail.cli._text import clean, plural
from dovetail.errors import UsageError, listing, nearest, unwritable
from dovetail.graph import Workflow, read_workflow_spec
from dovetail.hub import import_file, load_spec, load_workflow, workflows_in

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.\w+)+")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")

graph = Verbs("graph", help="Export workflows as JSON, and look at such files.")
common(graph)


@graph.command("export")
@click.argument("file", metavar="FILE")
@click.argument("name", metavar="WORKFLOW")
@click.option(
    "--output",
    "-o",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.json",
    help="Where to write it.  [default: standard output]",
)
@common
@with_session
@click.pass_context
def export(context: click.Context, session: Session, file: str, name: str, target: Path | None) -> None:
    """Write the graph of a workflow as JSON.

    FILE is a Python file, which is imported under its own name, or a module as package.module.
    """
    session.activate(context)
    document = _workflow(file, name).to_spec()
    written = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if target is not None:
        _write(target, written)
        if session.options.json:
            emit_json(session.options, {"file": str(target), "workflow": name, "nodes": len(document["nodes"])})
        else:
            show(text(f"{target}: workflow {name}, {plural(len(document['nodes']), 'node')}"))
    elif session.options.json:
        emit_json(session.options, document)
    else:
        click.echo(written, nl=False)


def _write(target: Path, written: str) -> None:
    try:
        target.write_text(written, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise unwritable("the graph", target, error, "name another file with -o") from error


def _workflow(file: str, name: str) -> Workflow[..., Any]:
    if not file.endswith(".py"):
        return load_workflow(file, name)
    found = workflows_in(import_file(Path(file)))
    if name not in found:
        close = nearest(name, found)
        raise UsageError(
            f"there is no workflow {clean(name)!r} in {clean(file)}",
            fix=f"did you mean {close!r}?" if close else f"workflows there: {listing(found)}",
        )
    return found[name]


@graph.command("show")
@click.argument("file", metavar="FILE.json")
@common
@with_session
def show_graph(session: Session, file: str) -> None:
    """The nodes of a graph specification, and what it would import: what it refers to, and the modules of types that no
    plugin declares. Nothing is imported.
    """
    document = read_workflow_spec(file)
    references = sorted(set(_references(document)))
    types = sorted(set(_types(document)))
    nodes = [
        {
            "id": node["id"],
            "kind": node["kind"],
            "runs": _runs(document, node),
            "inputs": {name: _source(binding) for name, binding in node.get("inputs", {}).items()},
            "output": node.get("output", ""),
        }
        for node in document["nodes"]
    ]
    if session.options.json:
        emit_json(
            session.options, {"workflow": document["name"], "nodes": nodes, "references": references, "types": types}
        )
        return
    inputs = ", ".join(f"{each['name']}: {each['type']}" for each in document.get("inputs", ()))
    show(text(clean(f"workflow {document['name']}({inputs})")))
    rows = [
        (
            clean(node["id"]),
            node["kind"],
            clean(node["runs"]),
            clean(", ".join(f"{name}={source}" for name, source in node["inputs"].items())),
            clean(node["output"]),
        )
        for node in nodes
    ]
    show(table(("node", "kind", "runs", "inputs", "output"), rows, spare=("inputs",)))
    if references:
        show(text(clean("imports " + ", ".join(references))))
    if types:
        show(text(clean("types " + ", ".join(types))))


def _runs(document: dict[str, Any], node: dict[str, Any]) -> str:
    for key in ("task", "gate", "workflow", "dynamic"):
        if key in node:
            target = document[f"{key}s"][node[key]]
            return str(target.get("ref") or target.get("function") or target.get("type") or key)
    return ""


def _source(binding: dict[str, Any]) -> str:
    for key in ("node", "input"):
        if key in binding:
            path = "".join(
                f".{step['attr']}" if "attr" in step else f"[{step['item']!r}]" for step in binding.get("path", ())
            )
            return f"{binding[key]}{path}"
    return json.dumps(binding["value"]) if "value" in binding else next(iter(binding)) + "(...)"


def _references(data: Any) -> list[str]:
    if isinstance(data, list):
        return [name for item in data for name in _references(item)]
    if not isinstance(data, dict):
        return []
    keys = ("ref", "function", "config_class", "$object", "$enum")
    own = [value for key, value in data.items() if key in keys and isinstance(value, str)]
    return own + [name for item in data.values() for name in _references(item)]


def _types(data: Any) -> list[str]:
    """The types that are named with a module, outside of the standard library."""
    if isinstance(data, list):
        return [name for item in data for name in _types(item)]
    if not isinstance(data, dict):
        return []
    runs = not {"ref", "function", "config"}.isdisjoint(data)  # then "type" is that of a task
    texts = [data[key] for key in ("type", "class") if isinstance(data.get(key), str) and not (runs and key == "type")]
    named = [name for each in texts for name in _DOTTED.findall(_QUOTED.sub("", each))]
    own = [name for name in named if name.partition(".")[0] not in sys.stdlib_module_names]
    return own + [name for item in data.values() for name in _types(item)]


@graph.command("check")
@click.argument("file", metavar="FILE.json")
@click.option("--no-import", is_flag=True, help="Check the document alone; import nothing that it names.")
@click.option(
    "--allow-module",
    "modules",
    multiple=True,
    metavar="NAME",
    help="Import modules of this name or package only; repeatable.",
)
@common
@with_session
@click.pass_context
def check(context: click.Context, session: Session, file: str, no_import: bool, modules: tuple[str, ...]) -> None:
    """Whether a graph specification can be run: it is well-formed, its names are found, its ends fit, its code is the same."""
    document = read_workflow_spec(file)
    if not no_import:
        session.activate(context)
        load_spec(file, allow=modules or None, drift="error")
    if session.options.json:
        emit_json(
            session.options, {"workflow": document["name"], "nodes": len(document["nodes"]), "imported": not no_import}
        )
    else:
        told = "well-formed" if no_import else "can be run"
        show(text(clean(f"{file}: workflow {document['name']}, {plural(len(document['nodes']), 'node')}, {told}")))
