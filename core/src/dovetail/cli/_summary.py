"""What a run has done, for people: made from the document of :mod:`dovetail.cli._view`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.cli._output import status_text, table, text
from dovetail.cli._text import bytes_text, one_line, plural, seconds_text
from dovetail.cli._view import nodes_done, value_text
from dovetail.errors import DovetailError
from dovetail.quality import Report

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORT = 12
"""Characters of an artifact id that are shown; any unique beginning is accepted."""

_NODES = 60
_CHECKS = 3
_NAMES = 4
_ELEMENT = re.compile(r"^(.+?)\[\d+\]")
_GATE_WORDS = {
    "publish": "passed",
    "publish_with_warnings": "warned",
    "publish_clean_quarantine_rest": "quarantined",
    "block": "blocked",
}
_EFFECT_WORDS = {
    "skip": "skipped",
    "continue": "went on with what was refused",
    "continue_with_previous": "went on with the value of an earlier run",
}


def summary(view: dict[str, Any], *, all_nodes: bool = False) -> Iterator[RenderableType]:
    """The parts of a summary, in order: head, nodes, gates, datasets, outputs.

    Args:
        view: What :func:`~dovetail.cli._view.run_view` gave.
        all_nodes: Show every node, elements of maps as well.
    """
    yield _head(view)
    if view["nodes"]:
        yield _nodes(view["nodes"], all_nodes)
        yield from place_lines(view["nodes"])
    if view["gates"]:
        yield text("\ngates", "bold")
        yield from gate_lines(view["gates"])
    if view["datasets"]:
        yield text("\ndatasets", "bold")
        yield _datasets(view["datasets"])
    if view["outputs"]:
        yield text("\noutputs", "bold")
        yield from _outputs(view["outputs"])


def _head(view: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    parts = [text("run "), text(view["run_id"], "bold"), text(" of "), text(view["workflow"]), text(": ")]
    parts.append(status_text(view["status"]))
    if view["duration_seconds"] is not None:
        parts.append(text(f" in {seconds_text(view['duration_seconds'])}"))
    if view["status"] not in ("succeeded", "succeeded_with_warnings"):
        parts.append(text(f", {nodes_done(view['counts'], view['options'])} nodes done"))
    if view["resumed"]:
        times = "once" if view["resumed"] == 1 else f"{view['resumed']} times"
        parts.append(text(f", resumed {times}", "dim"))
    return Text.assemble(*parts, "\n")


def _nodes(nodes: list[dict[str, Any]], all_nodes: bool) -> RenderableType:
    shown = nodes if all_nodes else list(_folded(nodes))
    left_out = 0 if all_nodes else max(len(shown) - _NODES, 0)
    if left_out:
        # What needs attention is kept; of the rest, the first.
        calm = [n for n in shown if n["status"] == "succeeded" and not set(n["gates"]) - {"publish"}]
        dropped = {id(n) for n in calm[max(_NODES - (len(shown) - len(calm)), 0) :]}
        left_out = len(dropped)
        shown = [n for n in shown if id(n) not in dropped]
    rows = [
        (
            node["node_id"],
            node["task"],
            status_text("cached" if node["cached"] else node["status"]),
            node["attempt"] or "",
            seconds_text(node["duration_seconds"]),
            _rows(node["outputs"].values()),
            _gates_word(node["gates"]),
        )
        for node in shown
    ]
    if left_out:
        rows.append((f"... and {left_out} more", "", text(""), "", "", "", text("")))
    columns = ("node", "task", "status", "attempt", "time", "rows", "gates")
    return table(columns, rows, right=("attempt", "time", "rows"), spare=("task", "attempt", "time"))


def place_lines(nodes: list[dict[str, Any]]) -> Iterator[RenderableType]:
    """Where nodes were run, and why; nothing where all were run in this process."""
    groups: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        place = node.get("place")
        if place is not None:
            where = f"environment {place['environment']}" if place["where"] == "isolated" else "here"
            name = _map_of(node)
            members = groups.setdefault((where, place["reason"]), [])
            name = f"{name}[...]" if name else node["node_id"]
            if name not in members:
                members.append(name)
    if all(where == "here" for where, _ in groups):
        return
    yield text("\nwhere", "bold")
    rows = [
        (one_line(where, 60), one_line(_some(members), 60), one_line(reason, 120))
        for (where, reason), members in groups.items()
    ]
    yield table(("where", "nodes", "why"), rows)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    return shown if len(names) <= _NAMES else f"{shown} and {len(names) - _NAMES} more"


def _folded(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Nodes, with the elements of a map that succeeded as one line, where the first of them stood."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for node in nodes:
        name = _map_of(node)
        if name:
            groups.setdefault(name, []).append(node)
    for node in nodes:
        name = _map_of(node)
        if not name:
            yield node
        elif groups[name][0] is node:
            members = groups[name]
            yield {
                **node,
                "node_id": f"{name}[...]",
                "task": f"{node['task']} x {len(members):,}",
                "attempt": "",
                "duration_seconds": sum(member["duration_seconds"] or 0.0 for member in members),
                "outputs": {},
                "gates": [decision for member in members for decision in member["gates"]],
            }


def _map_of(node: dict[str, Any]) -> str:
    match = _ELEMENT.match(node["node_id"])
    return match[1] if match and node["status"] in ("succeeded", "skipped") else ""


def _rows(outputs: Iterable[dict[str, Any]]) -> str:
    return " + ".join(f"{output['rows']:,}" for output in outputs if output["rows"] is not None)


def _gates_word(decisions: list[str]) -> RenderableType:
    counts = {decision: decisions.count(decision) for decision in dict.fromkeys(decisions)}
    words = [_GATE_WORDS.get(decision, decision) + (f" x {n}" if n > 1 else "") for decision, n in counts.items()]
    style = "red" if "block" in counts else "yellow" if set(counts) - {"publish"} else "green"
    return text(", ".join(words), style)


def gate_lines(records: Iterable[dict[str, Any]]) -> Iterator[RenderableType]:
    """The reports of gates: a line for each, and its worst checks."""
    for record in records:
        yield from _gate(record)


def _gate(record: dict[str, Any]) -> Iterator[RenderableType]:
    try:
        report = Report.from_dict(record)
    except DovetailError as error:
        yield text(f"  {one_line(record.get('gate', '?'))}: {error.what}", "yellow")
        return
    style = {"publish": "green", "block": "bold red"}.get(report.decision, "yellow")
    where = f" at {one_line(report.node_id)}" if report.node_id else ""
    yield text(f"  {one_line(report.summary(), 300)}{where}: {_GATE_WORDS[report.decision]}", style)
    bad = [check for check in report.checks if check.status not in ("pass", "skipped")]
    for check in sorted(bad, key=lambda c: (c.status != "error", c.status != "fail", -c.fraction))[:_CHECKS]:
        found = one_line(check.message) or f"{check.n_failed:,} of {check.n_evaluated:,} failed"
        yield text(f"    {check.status}: {one_line(check.name, 80)}: {found}", "dim")
    if len(bad) > _CHECKS:
        yield text(f"    and {plural(len(bad) - _CHECKS, 'more check')}", "dim")
    for reader, effect in report.downstream.items():
        yield text(f"    {one_line(reader, 80)}: {_EFFECT_WORDS.get(effect, one_line(effect))}", "yellow")
    if report.quarantine:
        gone, place = report.quarantine.get("purged"), report.quarantine.get("place")
        where = one_line(place.get("shown")) if place else f"artifact {str(report.quarantine.get('id', ''))[:SHORT]}"
        yield text(f"    failing rows: {f'purged at {gone}' if gone else where}", "dim")


def _datasets(datasets: list[dict[str, Any]]) -> RenderableType:
    rows = [
        (d["name"], f"v{d['version']}", _rows([d["artifact"]]), d["artifact"]["id"][:SHORT], near(d["path"]))
        for d in datasets
    ]
    return table(("dataset", "version", "rows", "artifact", "file"), rows, right=("rows",))


def _outputs(outputs: dict[str, dict[str, Any]]) -> Iterator[RenderableType]:
    rows = []
    for name, output in outputs.items():
        value = one_line(value_text(output["value"]), 60)
        rows.append((name, output["type"], _rows([output]), bytes_text(output["bytes"]), output["id"][:SHORT], value))
    yield table(
        ("output", "type", "rows", "size", "artifact", "value"), rows, right=("rows", "size"), spare=("size", "type")
    )
    for name, output in outputs.items():
        if output["path"]:
            yield text(f"{name}: {near(output['path'])}", "dim")  # on a line of its own, to be copied


def near(path: str | None) -> str:
    """A path as seen from the current directory, where that is shorter."""
    if path is None:
        return ""
    shown = Path(path)
    return str(shown.relative_to(Path.cwd())) if shown.is_relative_to(Path.cwd()) else path


def next_steps(view: dict[str, Any]) -> list[str]:
    """What to type next."""
    run_id = view["run_id"]
    steps = [f"dovetail runs show {run_id}"]
    if view["status"] not in ("succeeded", "succeeded_with_warnings", "running"):
        steps.insert(0, f"dovetail runs resume {run_id}")
    elif view["outputs"]:
        first = next(iter(view["outputs"].values()))
        steps.append(f"dovetail artifacts show {first['id'][:SHORT]}")
    return steps
