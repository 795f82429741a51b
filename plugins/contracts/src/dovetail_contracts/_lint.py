"""What is wrong with a contract: every problem with its line, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dovetail.errors import listing, nearest, shorten

from dovetail_contracts import _keys as keys
from dovetail_contracts._yaml import Parsed, Path

_MAX_NESTED = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a contract, or worth knowing.

    Attributes:
        line: Where, from 1.
        path: The part: ``"schema[0].properties[2].name"``.
        what: What is wrong.
        fix: What to write.
        level: ``"error"``: the contract is not evaluated; ``"note"``: it is, and this is good to know.
    """

    line: int
    path: str
    what: str
    fix: str = ""
    level: Literal["error", "note"] = "error"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {name: getattr(self, name) for name in ("level", "line", "path", "what", "fix")}


def lint(parsed: Parsed) -> list[Problem]:
    """Everything that is wrong with the shape of a contract, in the order of its lines."""
    found = list(_Linter(parsed).contract())
    return sorted(found, key=lambda problem: (problem.line, problem.path))


def lint_object(parsed: Parsed) -> list[Problem]:
    """Everything that is wrong with the shape of one object of a contract."""
    return list(_Linter(parsed).object(parsed.value, ()))


def shown(path: Path) -> str:
    """A path for people."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".") or "the contract"


class _Linter:
    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed

    def problem(self, path: Path, what: str, fix: str = "", level: Literal["error", "note"] = "error") -> Problem:
        return Problem(self.parsed.line(path), shown(path), what, fix, level)

    def table(
        self, value: Any, path: Path, known: Mapping[str, str], required: tuple[str, ...] = ()
    ) -> Iterator[Problem]:
        """Unknown keys, values of the wrong kind, keys that are missing."""
        if not isinstance(value, dict):
            yield self.problem(path, f"{shown(path)} is a table, not {shorten(value)}", "write key: value lines")
            return
        for name, each in value.items():
            here = (*path, name)
            if name not in known:
                close = nearest(name, known)
                fix = f"did you mean {close!r}?" if close else f"keys: {listing(known, 40)}"
                yield self.problem(here, f"there is no key {shorten(name)}", fix)
            elif each is not None and not keys.KINDS[known[name]][1](each):
                told = keys.KINDS[known[name]][0]
                quote = (
                    f'{name}: "{each}"'
                    if known[name] in ("text", "moment") and not isinstance(each, (dict, list))
                    else ""
                )
                yield self.problem(here, f"{name} is {told}, not {shorten(each)}", quote)
        for name in required:
            if value.get(name) in (None, ""):
                yield self.problem(path, f"{name} is missing", f"{name}: ...")

    def contract(self) -> Iterator[Problem]:
        document = self.parsed.value
        yield from self.table(document, (), keys.TOP, keys.REQUIRED)
        if not isinstance(document, dict):
            return
        version = document.get("apiVersion")
        if isinstance(version, str) and version not in keys.API_VERSIONS:
            known = listing(keys.API_VERSIONS)
            yield self.problem(
                ("apiVersion",), f"the standard's version {shorten(version)} is not known", f"known: {known}"
            )
        kind = document.get("kind")
        if isinstance(kind, str) and kind != "DataContract":
            yield self.problem(("kind",), f"kind is DataContract, not {shorten(kind)}", "kind: DataContract")
        yield from self.named(document.get("schema"), ("schema",), self.object)
        for number, each in enumerate(_list(document.get("slaProperties"))):
            yield from self.table(each, ("slaProperties", number), keys.SLA, ("property", "value"))

    def named(self, given: Any, path: Path, look: Any, depth: int = 0) -> Iterator[Problem]:
        """The elements of a list, no two of one name."""
        seen: dict[str, int] = {}
        for number, each in enumerate(_list(given)):
            yield from look(each, (*path, number), depth)
            name = each.get("name") if isinstance(each, dict) else None
            if isinstance(name, str) and seen.setdefault(name, number) != number:
                first = self.parsed.line((*path, seen[name]))
                yield self.problem(
                    (*path, number), f"the name {name!r} stands twice", f"first in line {first}: rename one"
                )

    def object(self, value: Any, path: Path, depth: int = 0) -> Iterator[Problem]:
        yield from self.table(value, path, keys.OBJECT, ("name",))
        if isinstance(value, dict):
            if value.get("logicalType") not in (None, "object"):
                yield self.problem(
                    (*path, "logicalType"), "the logicalType of an object is object", "logicalType: object"
                )
            yield from self.named(value.get("properties"), (*path, "properties"), self.property)
            yield from self.rules(value, path)

    def property(
        self, value: Any, path: Path, depth: int = 0, required: tuple[str, ...] = ("name",)
    ) -> Iterator[Problem]:
        yield from self.table(value, path, keys.PROPERTY, required)
        if not isinstance(value, dict):
            return
        if depth > _MAX_NESTED:
            yield self.problem(path, f"properties are nested deeper than {_MAX_NESTED} levels", "flatten them")
            return
        kind = value.get("logicalType")
        if isinstance(kind, str) and kind not in keys.LOGICAL_TYPES:
            close = nearest(kind, keys.LOGICAL_TYPES)
            fix = f"did you mean {close!r}?" if close else f"one of {listing(keys.LOGICAL_TYPES)}"
            yield self.problem((*path, "logicalType"), f"there is no logicalType {shorten(kind)}", fix)
        yield from self.options(value, path)
        yield from self.enum(value, path)
        yield from self.named(value.get("properties"), (*path, "properties"), self.property, depth + 1)
        if isinstance(value.get("items"), dict):
            yield from self.property(value["items"], (*path, "items"), depth + 1, ())
        if kind == "map" and not isinstance(value.get("map"), dict):
            yield self.problem(path, "a map says what its keys and values are", "map: {key: {...}, value: {...}}")
        for name in ("key", "value"):
            if isinstance(value.get("map"), dict) and isinstance(value["map"].get(name), dict):
                yield from self.property(value["map"][name], (*path, "map", name), depth + 1, ())
        yield from self.rules(value, path)

    def options(self, value: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        options, kind = value.get("logicalTypeOptions"), value.get("logicalType")
        if not isinstance(options, dict) or not options:
            return
        here = (*path, "logicalTypeOptions")
        if kind is None:
            yield self.problem(
                here, "logicalTypeOptions belong to a logicalType, and there is none", "logicalType: ..."
            )
        elif isinstance(kind, str) and kind in keys.OPTIONS:
            yield from self.table(options, here, keys.OPTIONS[kind], ("dimensions",) if kind == "vector" else ())
            yield from self.bounds(options, here)

    def bounds(self, options: Mapping[str, Any], here: Path) -> Iterator[Problem]:
        for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
            a, b = options.get(low), options.get(high)
            if type(a) is type(b) and isinstance(a, (int, float, str)) and a > b:  # type: ignore[operator]
                yield self.problem((*here, high), f"{high} {b} is below {low} {a}: no value can keep both", "swap them")
        for name, base in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if options.get(name) is True and options.get(base) is None:
                yield self.problem((*here, name), f"{name}: true needs a {base}", f"{base}: ...")

    def enum(self, value: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        given = value.get("enum")
        if isinstance(given, list) and not given:
            yield self.problem((*path, "enum"), "an enum has at least one value", "- value: ...")
        for number, each in enumerate(_list(given)):
            if not isinstance(each, dict) or "value" not in each or isinstance(each["value"], (dict, list)):
                yield self.problem(
                    (*path, "enum", number), "an entry of an enum is a table with a value", "- value: ..."
                )

    def rules(self, element: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        for number, rule in enumerate(_list(element.get("quality"))):
            here = (*path, "quality", number)
            yield from self.table(rule, here, keys.QUALITY)
            if isinstance(rule, dict):
                yield from self.rule(rule, here)

    def rule(self, rule: Mapping[str, Any], here: Path) -> Iterator[Problem]:
        kind = rule.get("type", "library")
        if kind not in ("library", "text", "sql", "custom"):
            yield self.problem(
                (*here, "type"), f"there is no type {shorten(kind)} of rule", "library, text, sql or custom"
            )
        needed = {"sql": ("query",), "custom": ("engine", "implementation")}.get(str(kind), ())
        for name in needed:
            if rule.get(name) in (None, ""):
                yield self.problem(here, f"a rule of type {kind} has a {name}", f"{name}: ...")
        given = [name for name in keys.OPERATORS if rule.get(name) is not None]
        if kind == "library" and not (rule.get("metric") or rule.get("rule")):
            yield self.problem(here, "the rule names no metric", f"metric: one of {listing(keys.METRICS)}")
        elif kind in ("library", "sql") and not given and rule.get("rule") != "validValues":
            yield self.problem(here, "the rule does not say what must be", "mustBe: 0, mustBeLessThan: 5, ...")
        dimension = rule.get("dimension")
        if isinstance(dimension, str) and dimension.lower() not in keys.DIMENSIONS:
            close = nearest(dimension, keys.DIMENSIONS)
            fix = f"did you mean {close!r}?" if close else f"one of {listing(set(keys.DIMENSIONS.values()))}"
            yield self.problem((*here, "dimension"), f"there is no dimension {shorten(dimension)}", fix)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
