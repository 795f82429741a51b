"""Workflows in YAML: ``read("daily.yaml")`` gives what ``@dt.workflow`` would give."""

import importlib
import re
import sys
from collections.abc import Iterable
from functools import reduce
from pathlib import Path
from typing import Any

import dovetail as dt
import yaml
from dovetail.errors import DefinitionError, DovetailError, nearest
from dovetail_sql import sql

REFERENCE = re.compile(r"\$\{(inputs|steps)\.(\w+)((?:\.\w+)*)\}")
KEYS = {"call", "map", "over", "gate", "sql", "connection", "types", "output", "with", "after", "options"}


def read(path: str | Path) -> dt.Workflow[..., Any]:
    """The workflow of a YAML file; what makes no sense in it is a DefinitionError with the line."""
    return Reader(Path(path)).workflow()


class Reader:
    def __init__(self, path: Path) -> None:
        self.path = path
        sys.path.append(str(path.parent.resolve()))
        try:
            self.tree = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)  # knows the lines
            self.data = yaml.safe_load(path.read_text("utf-8"))
        except yaml.YAMLError as error:
            raise DefinitionError(f"{path.name} is no YAML", who=str(path), why=str(error)) from error
        for key in {"workflow", "steps", "output"} - set(self.data or ()):
            raise DefinitionError(f"it has no {key}", who=str(path))
        self.known: dict[str, Any] = {"inputs": {}, "steps": {}}

    def workflow(self) -> dt.Workflow[..., Any]:
        self.builder = dt.WorkflowBuilder(self.data["workflow"], doc=self.data.get("doc"))
        for name, entry in self.data.get("inputs", {}).items():
            self.known["inputs"][name] = self.at(("inputs", name), self.builder.input, name, **entry)
        self.gates = {n: self.at(("gates", n), self.gate, n, **g) for n, g in self.data.get("gates", {}).items()}
        for name, entry in self.data["steps"].items():
            self.known["steps"][name] = self.at(("steps", name), self.step, name, entry)
        self.at(("output",), lambda: self.builder.output(self.value(self.data["output"])))
        return self.at(("workflow",), self.builder.build)

    def at(self, keys: tuple[str, ...], make: Any, *args: Any, **named: Any) -> Any:
        """Call ``make``; an error says in which line of the file the entry stands."""
        try:
            return make(*args, **named)
        except (DovetailError, TypeError, ValueError, KeyError, ImportError, AttributeError) as error:
            node = self.tree
            for key in keys:
                line, node = next((k.start_mark.line + 1, v) for k, v in node.value if k.value == key)
            who = f"{self.path}, line {line} ({'.'.join(keys)})"
            if not isinstance(error, DovetailError):
                raise DefinitionError("this entry makes no sense", who=who, why=repr(error)) from error
            error.who = who
            raise

    def gate(self, name: str, checks: list[dict[str, Any]], **options: Any) -> dt.Gate:
        made = []
        for kind, args in (item for check in checks for item in check.items()):
            given = args if isinstance(args, list) else [args]
            made.append(getattr(dt.checks, self.one_of(dt.checks.__all__, kind))(*given))
        return dt.Gate(dt.Suite(name, made), name=name, **options)

    def step(self, name: str, entry: dict[str, Any]) -> Any:
        for key in entry:
            self.one_of(KEYS, key)
        after, inputs = self.value(entry.get("after", [])), self.value(entry.get("with", {}))
        common = {"name": name, "options": entry.get("options"), "after": after, "inputs": inputs}
        if "gate" in entry:
            target: Any = self.gates[self.one_of(self.gates, entry["gate"])]
        elif "sql" in entry:
            target = sql(entry["sql"], connection=entry["connection"], inputs=entry["types"], output=entry["output"])
        else:
            module, _, attribute = entry.get("call", entry.get("map", "")).partition(":")
            target = getattr(importlib.import_module(module), attribute)
        make = self.builder.map if "map" in entry else self.builder.add
        return make(target, *self.value(entry.get("over", [])), **common)

    def value(self, value: Any) -> Any:
        """``${steps.clean}`` and ``${inputs.month}`` as what they stand for, to any depth."""
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, str) or not (match := REFERENCE.fullmatch(value)):
            return value
        known = self.known[match[1]]
        return reduce(getattr, match[3].split(".")[1:], known[self.one_of(known, match[2])])

    def one_of(self, known: Iterable[str], name: str) -> str:
        if name in known:
            return name
        close, there = nearest(name, known), ", ".join(sorted(known)) or "none yet"
        raise DefinitionError(f"there is no {name!r}", why=f"known: {there}", fix=close and f"did you mean {close}?")
