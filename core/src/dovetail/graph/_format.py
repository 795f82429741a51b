"""The shape of a document that holds a graph, and its JSON Schema."""

from __future__ import annotations

import math
from typing import Any

from dovetail.errors import shorten
from dovetail.graph._gate_data import CHECKS
from dovetail.graph._references import REFERENCE
from dovetail.graph._shapes import (
    Shape,
    by_key,
    choice,
    flag,
    named,
    nullable,
    number,
    pair,
    record,
    several,
    table,
    tagged,
    text,
    whole,
    wrong,
)
from dovetail.quality import EFFECTS

VERSION = 1
"""Version of the format, under ``"dovetail_graph"``."""

_NAME = r"^[^\W\d][\w\-]{0,127}$"
_NODE_NAME = r"^[\w\-]+$"  # a gate may be called "5% off", and its node 5_off
_SHAPES: dict[str, Shape] = {}
_name = text(_NAME, "a name")
_identifier = text(r"^[^\W\d_]\w*$", "a Python name")
_type = text(r"^[^\s]", "the name of a type")
_reference = text(REFERENCE, 'a reference such as "module:name"')
_value = named("value", _SHAPES)
_binding = named("binding", _SHAPES)
_step = by_key(
    {
        "attr": record({"attr": text(r"^[^\W\d_]\w*$", "the name of a field")}),
        "item": record({"item": Shape(lambda v, p: _check_item(v, p), {"type": ["string", "integer"]})}),
    }
)
_path = several(_step)
_effect = choice(*EFFECTS)
_markers = {"gates": several(text()), "dataset": record({"name": text()}, {"path": text()})}
_field = record({"name": _identifier, "type": _type}, _markers)
_output = by_key(
    {
        "type": record({"type": _type}, _markers),
        "fields": record({"fields": several(_field, least=1)}, {"class": _type}),
    }
)
_input = record(
    {"name": _identifier, "type": _type},
    {"default": _value, "help": text(), "gates": several(text()), "on_blocked": _effect},
)
_limit = Shape(lambda v, p: _check_limit(v, p), {"type": ["number", "string"]})
_limits = record({}, {"warn": _limit, "fail": _limit})
_options = record(
    {},
    {
        "retries": whole(0),
        "retry_delay": number(0),
        "backoff": number(1),
        "timeout": number(0),
        "cache": flag(),
        "cache_version": text(),
        "executor": text(),
        "env": text(),
        "requires": several(text()),
        "engine": text(),
        "memory": whole(1),
    },
)
_signature = {"inputs": several(_input), "output": _output}
_work = {
    "fingerprint": text(),
    "options": _options,
    "config": nullable(table(_value)),
    "config_class": _reference,
    **_signature,
}


def _check_item(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise wrong(path, f"the key of a part is text or a whole number, not {shorten(value)}")


def _check_limit(value: Any, path: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number and not isinstance(value, str):
        raise wrong(path, f'a number of rows or a share such as "5%" is expected, not {shorten(value)}')


_TAGS: dict[str, Shape] = {
    "$int": record({"$int": text(r"^-?[0-9]+$", "a whole number as text")}),
    "$float": record({"$float": choice("nan", "inf", "-inf")}),
    "$complex": record({"$complex": several(text(), least=2, most=2)}),
    "$bytes": record({"$bytes": text(r"^[A-Za-z0-9+/]*={0,2}$", "base64")}),
    "$tuple": record({"$tuple": several(_value)}),
    "$set": record({"$set": several(_value)}),
    "$frozenset": record({"$frozenset": several(_value)}),
    "$dict": record({"$dict": several(pair(_value, _value))}),
    "$datetime": record({"$datetime": text()}, {"zone": text(), "fold": choice(0, 1)}),
    "$date": record({"$date": text()}),
    "$time": record({"$time": text()}),
    "$timedelta": record({"$timedelta": several(whole(), least=3, most=3)}),
    "$decimal": record({"$decimal": text()}),
    "$uuid": record({"$uuid": text()}),
    "$path": record({"$path": text()}),
    "$range": record({"$range": several(whole(), least=3, most=3)}),
    "$dataset": record({"$dataset": text(r"^[^@]+(@[1-9][0-9]*)?$", 'a dataset such as "flights/clean@3"')}),
    "$enum": record({"$enum": _reference}),
    "$object": record({"$object": _reference, "fields": table(_value)}),
}

_SHAPES.update(
    {
        "value": tagged(_value, _TAGS),
        "binding": by_key(
            {
                "node": record({"node": text()}, {"path": _path, "on_blocked": _effect}),
                "input": record({"input": text()}, {"path": _path, "on_blocked": _effect}),
                "value": record({"value": _value}),
                "list": record({"list": several(_binding)}),
                "tuple": record({"tuple": several(_binding)}),
                "dict": record({"dict": several(pair(_value, _binding))}),
                "fields": record({"fields": table(_binding)}, {"class": _type}),
            }
        ),
        "task": by_key(
            {
                "ref": record(
                    {"name": _name, "type": text(), "ref": _reference}, {"fingerprint": text(), **_signature}
                ),
                "function": record({"name": _name, "type": text(), "function": _reference}, _work),
                "keep": record({"name": _name, "keep": choice(True), "output": _output}),
                "config": record(
                    {"name": _name, "type": text(), "config": nullable(table(_value))},
                    {"config_class": _reference, "options": _options, "doc": text(), **_signature},
                ),
            }
        ),
        "gate": by_key(
            {
                "ref": record({"name": text(), "ref": _reference}, {"fingerprint": text()}),
                "suite": record(
                    {
                        "name": text(),
                        "suite": record({"name": text(), "checks": several(named("check", _SHAPES), least=1)}),
                    },
                    {
                        "on_fail": choice("block", "warn", "drop", "quarantine"),
                        "max_quarantined": _limit,
                        "warn": _limit,
                        "fail": _limit,
                        "thresholds": table(_limits),
                        "min_rows": whole(0),
                        "keys": several(text()),
                        "sample_values": flag(),
                        "profile": flag(),
                        "downstream": _effect,
                    },
                ),
            }
        ),
        "check": record(
            {"check": choice(*CHECKS)},
            {
                "column": text(),
                "columns": several(text(), least=1),
                "left": text(),
                "right": text(),
                "op": text(),
                "minimum": _value,
                "maximum": _value,
                "inclusive": text(),
                "values": _value,
                "pattern": text(),
                "exact": flag(),
                "nulls": choice("ignore", "fail"),
                "severity": choice("error", "warning"),
            },
        ),
        "dynamic": record({"name": _name, "ref": _reference}, {"fingerprint": text(), **_signature}),
        "node": record(
            {
                "id": text(r"^[\w\-]+(\.[\w\-]+)*$", "an id: names, joined by '.'"),
                "kind": choice("task", "gate", "map", "when", "dynamic"),
            },
            {
                "task": text(),
                "gate": text(),
                "workflow": text(),
                "dynamic": text(),
                "name": text(_NODE_NAME, "a name"),
                "scope": several(_name, least=1),
                "inputs": table(_binding),
                "mapped": several(text(), least=1),
                "after": several(text(), least=1),
                "inside": several(record({"node": text(), "side": choice("then", "otherwise")}), least=1),
                "options": _options,
                "output": _type,
            },
        ),
    }
)
_parts: dict[str, Shape] = {
    "doc": text(),
    "inputs": several(_input),
    "output": _output,
    "tasks": table(named("task", _SHAPES)),
    "gates": table(named("gate", _SHAPES)),
    "dynamics": table(named("dynamic", _SHAPES)),
    "workflows": table(named("workflow", _SHAPES)),
    "result": _binding,
}
_SHAPES["workflow"] = record({"name": _name, "nodes": several(named("node", _SHAPES))}, _parts)
DOCUMENT = record({"dovetail_graph": choice(VERSION), "name": _name, "nodes": several(named("node", _SHAPES))}, _parts)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the format: what ``graph-spec-1.schema.json`` of this package holds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"dovetail graph specification, version {VERSION}",
        **DOCUMENT.schema,
        "$defs": {name: shape.schema for name, shape in _SHAPES.items()},
    }
