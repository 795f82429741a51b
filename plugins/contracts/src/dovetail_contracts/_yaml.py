"""YAML read without trust: plain values, the line of each, and no more of it than a contract needs.

Built from the parser's events, one after the other, so that neither depth nor aliases nor size can be used against the reader.
Scalars are those of YAML 1.2 (``NO`` is a text and not false), dates stay texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from dovetail.errors import DefinitionError, shorten

MAX_BYTES = 2_000_000
MAX_VALUES = 200_000
"""Values of a document, aliases counted as what they stand for."""
MAX_DEPTH = 60

Path = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,400}|[0-9]{1,400}(\.[0-9]{0,400})?)([eE][-+]?[0-9]{1,9})?")
_WORDS: dict[str, Any] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
_WORDS |= {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_WORDS |= {f"{sign}.{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")}
_WORDS |= {word: float("nan") for word in (".nan", ".NaN", ".NAN")}
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}


class YamlError(DefinitionError):
    """A text is no YAML that is read here; says the line."""


@dataclass(slots=True)
class Parsed:
    """A document: its value, and the line at which each part of it begins (1 for the first)."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a part, or of the nearest that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass(slots=True)
class _Node:
    """What is read so far of a value; ``size`` counts the values in it, aliases as what they stand for."""

    line: int
    kind: str
    value: Any = None
    items: list[_Node] = field(default_factory=list)
    size: int = 1
    depth: int = 1
    open: bool = False


def parse(text: str | bytes, who: str) -> Parsed:
    """Read a document.

    Args:
        text: The document.
        who: Where it comes from, for errors.

    Raises:
        YamlError: It is larger or deeper than a contract can be, holds a key twice, a tag, a merge key or more than one document,
            or is no YAML.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise YamlError(
            f"the file has {size:,} bytes, more than a contract can have",
            who=who,
            fix=f"at most {MAX_BYTES:,} are read",
        )
    try:
        root = _Composer(who).compose(_events(text))
        found = Parsed(None)
        found.value = _plain(root, (), found.lines, who)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{who}, line {mark.line + 1}" if mark is not None else who
        told = str(getattr(error, "problem", None) or error).partition("\n")[0]
        raise YamlError("this is no YAML", who=where, why=told, fix="mend the line, or quote the text in it") from None
    except (UnicodeError, ValueError) as error:
        raise YamlError("this is no YAML", who=who, why=str(error)) from None
    return found


def scalar(text: str) -> Any:
    """What a text without quotes stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _events(text: str | bytes) -> Iterator[Any]:
    # libyaml reads ten times as fast; where PyYAML was built without it, the limits above hold all the same.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.parse(text, Loader=loader)


class _Composer:
    def __init__(self, who: str) -> None:
        self.who = who
        self.anchors: dict[str, _Node] = {}
        self.stack: list[_Node] = []
        self.roots: list[_Node] = []
        self.count = 0

    def compose(self, events: Iterator[Any]) -> _Node:
        for event in events:
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                self._alias(str(event.anchor), line)
            elif isinstance(event, yaml.ScalarEvent):
                self._add(self._named(_Node(line, "scalar", self._scalar(event, line)), event))
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                self._tag(event, line)
                self._open(event, line)
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._close()
        if len(self.roots) != 1:
            raise YamlError(f"the file holds {len(self.roots)} documents", who=self.who, fix="one contract, one file")
        return self.roots[0]

    def _open(self, event: Any, line: int) -> None:
        kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "map"
        self.stack.append(self._named(_Node(line, kind, open=True), event))
        if len(self.stack) > MAX_DEPTH:
            raise self._refused(line, f"it is nested deeper than {MAX_DEPTH} levels")

    def _close(self) -> None:
        node = self.stack.pop()
        node.open = False
        node.size = 1 + sum(item.size for item in node.items)
        node.depth = 1 + max((item.depth for item in node.items), default=0)
        self._add(node)

    def _add(self, node: _Node) -> None:
        self.count += 1 if node.kind == "scalar" else 0
        if self.count > MAX_VALUES:
            raise self._refused(node.line, f"it holds more than {MAX_VALUES:,} values")
        (self.stack[-1].items if self.stack else self.roots).append(node)

    def _named(self, node: _Node, event: Any) -> _Node:
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _alias(self, name: str, line: int) -> None:
        node = self.anchors.get(name)
        if node is None or node.open:
            raise self._refused(line, f"*{name} stands for nothing that is complete before it", "write the part out")
        self.count += node.size
        if len(self.stack) + node.depth > MAX_DEPTH:
            raise self._refused(line, f"it is nested deeper than {MAX_DEPTH} levels")
        self._add(node)

    def _scalar(self, event: Any, line: int) -> Any:
        self._tag(event, line)
        if event.implicit[0]:
            return scalar(event.value)
        return event.value

    def _tag(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag not in _TAGS and event.tag != "!":
            raise self._refused(line, f"it has the tag {shorten(event.tag)}", "a contract needs no tags: remove it")

    def _refused(self, line: int, why: str, fix: str = "a contract is small and flat: split it") -> YamlError:
        return YamlError("the file cannot be read as a contract", who=f"{self.who}, line {line}", why=why, fix=fix)


def _plain(node: _Node, path: Path, lines: dict[Path, int], who: str) -> Any:
    """The value of a node; its depth is bounded before."""
    lines[path] = node.line
    if node.kind == "scalar":
        return node.value
    if node.kind == "list":
        return [_plain(item, (*path, number), lines, who) for number, item in enumerate(node.items)]
    made: dict[str, Any] = {}
    for key, value in zip(node.items[::2], node.items[1::2], strict=True):
        name = key.value if isinstance(key.value, str) else None if key.kind != "scalar" else _told(key.value)
        where = f"{who}, line {key.line}"
        if name is None:
            raise YamlError("a key is a text", who=where, why="it is a list or a table", fix="write a name and a colon")
        if name == "<<":
            raise YamlError("merge keys (<<) are not read", who=where, fix="write the part out")
        if name in made:
            first = lines[(*path, name)]
            raise YamlError(
                f"the key {shorten(name)} stands twice", who=where, why=f"first in line {first}", fix="remove one"
            )
        made[name] = _plain(value, (*path, name), lines, who)
        lines[(*path, name)] = key.line
    return made


def _told(value: Any) -> str:
    """A key that was read as something else than a text, as it stands in YAML."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


class _Dumper(yaml.SafeDumper):
    """Texts that would be read as something else are quoted; equal parts are written out, never as aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    style = None
    lines = data.replace("\n", "").isprintable()
    if not lines or not isinstance(scalar(data), str) or data[:1] == "=" or "<<" in data:
        style = '"'
    elif "\n" in data and data == data.strip():
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _text)


def dump(document: Mapping[str, Any]) -> str:
    """A document as the text of a file that :func:`parse` reads back."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, indent=2)
    return text
