"""Two contracts compared: every difference, and whom it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dovetail_contracts._changes import Change, Side, bound_changed, bounds_of, demand_bounds, set_changed
from dovetail_contracts._suite import Contract

Table = Mapping[str, Any]

_LENGTH = re.compile(r"\s*([A-Za-z_ ]+?)\s*\(\s*([0-9]+)\s*\)\s*")
_RANGES = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_PROMISES = ("pattern", "format", "multipleOf", "uniqueItems", "timezone", "dimensions", "elementType", "required")
"""Options that say something of values besides their limits."""
_RULE_TEXTS = ("id", "name", "description", "businessImpact", "tags", "schedule", "scheduler", "customProperties")
_LESS_IS_MORE: tuple[str, ...] = (
    "latency",
    "ly",
    "freshness",
    "frequency",
    "fy",
    "errorrate",
    "er",
    "timetodetect",
    "td",
    "timetonotify",
)
_LESS_IS_MORE += ("tn", "timetorepair", "tr")
_MORE_IS_MORE = ("retention", "re", "availability", "av", "throughput", "th", "endofsupport", "es", "endoflife", "el")


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes from one contract to another."""

    changes: tuple[Change, ...]

    def breaking(self, side: Side = "consumers") -> bool:
        """True if one of them breaks that side."""
        return any(change.level(side) == "breaking" for change in self.changes)

    def by_level(self, side: Side = "consumers") -> dict[str, list[Change]]:
        """The changes by what they are for a side, breaking ones first."""
        found: dict[str, list[Change]] = {"breaking": [], "compatible": [], "informational": []}
        for change in self.changes:
            found[change.level(side)].append(change)
        return found


def compare_contracts(old: Contract, new: Contract) -> Difference:
    """Every difference between two contracts.

    Args:
        old: As it was.
        new: As it is to be.

    Raises:
        DefinitionError: One of them cannot be used; says the line.
    """
    before, after = old.check().document, new.check().document
    found = [*_heads(before, after), *_schemas(before, after), *_levels(before, after)]
    return Difference(tuple(found))


def _heads(old: Table, new: Table) -> Iterator[Change]:
    handled = ("schema", "slaProperties", "status")
    for name in dict.fromkeys([*old, *new]):
        if name not in handled and old.get(name) != new.get(name):
            yield Change(name, "changed", old=old.get(name), new=new.get(name))
    before, after = old.get("status"), new.get("status")
    if before != after:
        ends = str(after).lower() == "retired"
        yield Change("status", "the contract is retired" if ends else "changed", consumers=ends, old=before, new=after)


def _paired(old: Iterable[Table], new: Iterable[Table]) -> Iterator[tuple[Table | None, Table | None]]:
    """Elements of one name; those left over by their id, which is a change of name."""
    before, after = {str(each["name"]): each for each in old}, {str(each["name"]): each for each in new}
    by_id = {each["id"]: each for name, each in after.items() if each.get("id") and name not in before}
    taken = set()
    for name, each in before.items():
        other = after.get(name) or by_id.get(each.get("id"))
        if other is not None:
            taken.add(str(other["name"]))
        yield each, other
    yield from ((None, each) for name, each in after.items() if name not in taken)


def _schemas(old: Table, new: Table) -> Iterator[Change]:
    for before, after in _paired(old.get("schema") or (), new.get("schema") or ()):
        if before is None:
            assert after is not None
            yield Change(str(after["name"]), "table added", additive=True)
        elif after is None:
            yield Change(str(before["name"]), "table removed", consumers=True)
        else:
            yield from _object(before, after)


def _object(old: Table, new: Table) -> Iterator[Change]:
    name = str(old["name"])
    yield from _names(name, old, new)
    before, after = _keys(old), _keys(new)
    if before != after:
        what = f"primary key {_went(before, after)}"
        yield Change(f"{name}.primaryKey", what, True, True, old=before or None, new=after or None)
    yield from _properties(name, old.get("properties") or (), new.get("properties") or ())
    yield from _rules(name, old.get("quality") or (), new.get("quality") or ())
    known = ("id", "name", "physicalName", "properties", "quality")
    yield from _others(name, old, new, known, _OBJECT_KEYS)


def _keys(element: Table) -> list[str]:
    keys = [prop for prop in element.get("properties") or () if prop.get("primaryKey")]
    return [
        str(prop["name"]) for prop in sorted(keys, key=lambda prop: (prop.get("primaryKeyPosition") or 0, prop["name"]))
    ]


def _went(old: Any, new: Any) -> str:
    return "changed" if old and new else "removed" if old else "added"


def _names(path: str, old: Table, new: Table) -> Iterator[Change]:
    columns = [each.get("physicalName") or each["name"] for each in (old, new)]
    if columns[0] != columns[1]:
        yield Change(path, "renamed in the data", True, True, old=columns[0], new=columns[1])
    elif old["name"] != new["name"]:
        yield Change(path, "renamed", consumers=True, old=old["name"], new=new["name"])


def _properties(path: str, old: Iterable[Table], new: Iterable[Table]) -> Iterator[Change]:
    for before, after in _paired(old, new):
        if before is None:
            assert after is not None
            word = "required column" if after.get("required") else "optional column"
            yield Change(f"{path}.{after['name']}", f"{word} added", producers=True, additive=True)
        elif after is None:
            yield Change(f"{path}.{before['name']}", "column removed", consumers=True)
        else:
            yield from _names(f"{path}.{before['name']}", before, after)
            yield from _property(f"{path}.{before['name']}", before, after)


def _property(path: str, old: Table, new: Table) -> Iterator[Change]:
    yield from _types(path, old, new)
    for key, word in (("required", "required"), ("unique", "unique")):
        if bool(old.get(key)) != bool(new.get(key)):
            added = bool(new.get(key))
            yield Change(f"{path}.{key}", f"{word} {'added' if added else 'removed'}", not added, added)
    yield from set_changed(f"{path}.enum", "allowed values", _values(old), _values(new))
    yield from _options(
        f"{path}.logicalTypeOptions", old.get("logicalTypeOptions") or {}, new.get("logicalTypeOptions") or {}
    )
    yield from _properties(path, old.get("properties") or (), new.get("properties") or ())
    if old.get("items") and new.get("items"):
        yield from _property(f"{path}[]", old["items"], new["items"])
    elif old.get("items") != new.get("items"):
        yield Change(f"{path}[]", "type of the items changed", True, True)
    for part in ("key", "value"):
        before, after = (((each.get("map") or {}).get(part) or {}) for each in (old, new))
        if before or after:
            yield from _property(f"{path}{{{part}}}", before, after)
    yield from _rules(path, old.get("quality") or (), new.get("quality") or ())
    known: tuple[str, ...] = (
        "id",
        "name",
        "physicalName",
        "logicalType",
        "physicalType",
        "required",
        "unique",
        "enum",
        "primaryKey",
    )
    known += ("logicalTypeOptions", "properties", "items", "map", "quality", "primaryKeyPosition")
    yield from _others(path, old, new, known, _PROPERTY_KEYS)


def _values(prop: Table) -> list[Any] | None:
    return [each["value"] for each in prop["enum"]] if prop.get("enum") else None


def _types(path: str, old: Table, new: Table) -> Iterator[Change]:
    before, after = old.get("logicalType"), new.get("logicalType")
    if before != after:
        if before is None:
            yield Change(f"{path}.logicalType", "type added", producers=True, new=after)
        elif after is None:
            yield Change(f"{path}.logicalType", "type removed", consumers=True, old=before)
        else:
            word = {("number", "integer"): "narrowed", ("integer", "number"): "widened"}.get((before, after), "changed")
            yield Change(f"{path}.logicalType", f"type {word}", True, True, old=before, new=after)
    before, after = old.get("physicalType"), new.get("physicalType")
    if before != after:
        yield _physical(f"{path}.physicalType", before, after)


def _physical(path: str, old: str | None, new: str | None) -> Change:
    if old is None or new is None:
        return Change(path, "physical type " + ("added" if old is None else "removed"), old=old, new=new)
    if old.replace(" ", "").lower() == new.replace(" ", "").lower():
        return Change(path, "physical type written otherwise", old=old, new=new)
    before, after = _LENGTH.fullmatch(old), _LENGTH.fullmatch(new)
    if before and after and before[1].lower() == after[1].lower():
        longer = int(after[2]) > int(before[2])
        return Change(path, f"length {'grown' if longer else 'shortened'}", longer, not longer, old=old, new=new)
    return Change(path, "physical type changed", True, True, old=old, new=new)


def _options(path: str, old: Table, new: Table) -> Iterator[Change]:
    for low, high in _RANGES:
        before, after = bounds_of(old, low, high), bounds_of(new, low, high)
        for name, number in ((low, 0), (high, 1)):
            change = bound_changed(f"{path}.{name}", before[number], after[number], number == 0)
            if change is not None:
                yield change
    for name in _PROMISES:
        yield from _promise(f"{path}.{name}", name, old.get(name), new.get(name))
    told = {*_PROMISES, *(name for pair in _RANGES for name in pair), "exclusiveMinimum", "exclusiveMaximum"}
    for name in dict.fromkeys([*old, *new]):
        if name not in told and old.get(name) != new.get(name):
            yield Change(f"{path}.{name}", "changed", old=old.get(name), new=new.get(name))


def _promise(path: str, name: str, old: Any, new: Any) -> Iterator[Change]:
    old, new = (None if value is False else value for value in (old, new))
    if old == new:
        return
    if old is None:
        yield Change(path, f"{name} added", producers=True, new=new)
    elif new is None:
        yield Change(path, f"{name} removed", consumers=True, old=old)
    elif name == "format" and _width(old) and _width(new):
        wider = _width(new) > _width(old)
        yield Change(path, f"type {'widened' if wider else 'narrowed'}", wider, not wider, old=old, new=new)
    else:
        yield Change(path, f"{name} changed", True, True, old=old, new=new)


def _width(given: Any) -> int:
    found = re.fullmatch(r"[iuf]([0-9]{1,3})", str(given))
    return int(found[1]) if found else 0


# -- rules, service levels, the rest -----------------------------------------------------------


def _identity(rule: Table) -> str:
    arguments = {key: value for key, value in (rule.get("arguments") or {}).items() if key != "validValues"}
    parts = [rule.get("type") or "library", rule.get("metric") or rule.get("rule"), rule.get("engine"), arguments]
    parts.append(rule.get("query") or rule.get("implementation"))
    return repr(parts + ([rule.get("description")] if rule.get("type") == "text" else []))


def _by_identity(rules: Iterable[Table]) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for rule in rules:
        key = str(rule.get("id") or _identity(rule))
        found[key if key not in found else f"{key}#{len(found)}"] = rule
    return found


def _rules(path: str, old: Iterable[Table], new: Iterable[Table]) -> Iterator[Change]:
    before, after = _by_identity(old), _by_identity(new)
    for key, rule in before.items():
        here = f"{path}.quality"
        if key in after:
            yield from _rule(f"{here}({_about(rule)})", rule, after[key])
        else:
            bites = _bites(rule)
            yield Change(here, "rule removed", consumers=bites, old=_about(rule))
    for key, rule in after.items():
        if key not in before:
            bites = _bites(rule)
            yield Change(f"{path}.quality", "rule added", producers=bites, additive=True, new=_about(rule))


def _about(rule: Table) -> str:
    for name in ("name", "metric", "rule", "description", "query", "engine"):
        if rule.get(name):
            return " ".join(str(rule[name]).split())[:60]
    return "rule"


def _bites(rule: Table) -> bool:
    """A text is evaluated by nobody, and a warning refuses no data."""
    warned = str(rule.get("severity", "")).lower() in ("warning", "warn", "info", "information", "low")
    return rule.get("type") != "text" and not warned


def _rule(path: str, old: Table, new: Table) -> Iterator[Change]:
    if _bites(old) != _bites(new):
        harder = _bites(new)
        word = f"severity {'raised' if harder else 'lowered'}"
        yield Change(path, word, not harder, harder, old=old.get("severity"), new=new.get("severity"))
    bites = _bites(old) and _bites(new)
    yield from (change if bites else _harmless(change) for change in _demands(path, old, new))
    for name in ("query", "implementation", "engine", "metric"):
        if old.get(name) != new.get(name):
            yield Change(f"{path}.{name}", f"{name} changed", bites, bites, old=old.get(name), new=new.get(name))
    for name in _RULE_TEXTS:
        if old.get(name) != new.get(name):
            yield Change(f"{path}.{name}", "changed", old=old.get(name), new=new.get(name))
    if old.get("dimension") != new.get("dimension"):
        yield Change(f"{path}.dimension", "changed", old=old.get("dimension"), new=new.get("dimension"))


def _demands(path: str, old: Table, new: Table) -> Iterator[Change]:
    low, high, rest = demand_bounds(old)
    new_low, new_high, new_rest = demand_bounds(new)
    if (old.get("unit") or "rows") != (new.get("unit") or "rows"):
        yield Change(f"{path}.unit", "unit changed", True, True, old=old.get("unit"), new=new.get("unit"))
        return
    for before, after, lower in ((low, new_low, True), (high, new_high, False)):
        change = bound_changed(path, before, after, lower)
        if change is not None:
            yield change
    if rest != new_rest:
        yield Change(path, "operator changed", True, True, old=rest or None, new=new_rest or None)
    values = [(each.get("arguments") or {}).get("validValues", each.get("validValues")) for each in (old, new)]
    yield from set_changed(path, "allowed values", *values)


def _harmless(change: Change) -> Change:
    return Change(change.path, change.what, old=change.old, new=change.new)


def _levels(old: Table, new: Table) -> Iterator[Change]:
    def keyed(document: Table) -> dict[str, Table]:
        return {
            f"{each['property']}({each.get('element') or '*'})": each for each in document.get("slaProperties") or ()
        }

    before, after = keyed(old), keyed(new)
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        path = f"slaProperties.{key}"
        if was is None or now is None:
            yield Change(
                path, f"service level {'added' if was is None else 'removed'}", was is not None, was is None, True
            )
        elif was != now:
            yield _level(path, str(was["property"]).lower(), was, now)


def _level(path: str, name: str, old: Table, new: Table) -> Change:
    a, b = old["value"], new["value"]
    shown = [f"{each['value']} {each.get('unit') or ''}".strip() for each in (old, new)]
    if a == b and old.get("unit") == new.get("unit"):
        return Change(path, "changed", old=dict(old), new=dict(new))
    comparable = type(a) is type(b) and old.get("unit") == new.get("unit") and name in (*_LESS_IS_MORE, *_MORE_IS_MORE)
    if not comparable or not isinstance(a, (int, float, str)):
        return Change(path, "service level changed", True, True, old=shown[0], new=shown[1])
    better = (b < a) == (name in _LESS_IS_MORE)
    return Change(
        path, f"service level {'tightened' if better else 'loosened'}", not better, better, old=shown[0], new=shown[1]
    )


_OBJECT_KEYS: dict[str, Callable[[Any, Any], tuple[bool, bool]]] = {
    "physicalType": lambda old, new: (
        None not in (old, new),
        False,
    ),  # a table that becomes a topic is read in another way
}
_PROPERTY_KEYS: dict[str, Callable[[Any, Any], tuple[bool, bool]]] = {
    "semanticType": lambda old, new: (True, True),
    "partitioned": lambda old, new: (False, False),
    "encryptedName": lambda old, new: (True, True),
}


def _others(
    path: str,
    old: Table,
    new: Table,
    known: tuple[str, ...],
    keys: Mapping[str, Callable[[Any, Any], tuple[bool, bool]]],
) -> Iterator[Change]:
    for name in dict.fromkeys([*old, *new]):
        if name in known or old.get(name) == new.get(name):
            continue
        sides = keys[name](old.get(name), new.get(name)) if name in keys else (False, False)
        if name == "deprecated" and new.get(name):
            yield Change(f"{path}.{name}", "deprecated", additive=True)
        else:
            yield Change(f"{path}.{name}", "changed", *sides, old=old.get(name), new=new.get(name))
