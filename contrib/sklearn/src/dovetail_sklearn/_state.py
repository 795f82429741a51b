"""What a model is, as skops writes it: its digest, the types in it, and a form without the addresses of one process."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.special
from dovetail.engine import MODULE_PREFIX

from dovetail_sklearn._arrays import Malformed, digest_of

_NAMED = ("FunctionNode", "TypeNode", "ObjectNode")
_NO_IDENTITY = ("JsonNode", "FunctionNode", "TypeNode")
"""Of these it makes no difference which object it was: the same text may be one object here and two elsewhere."""


class State:
    """The schema of a model with the members that it refers to.

    Args:
        schema: What ``schema.json`` holds.
        files: The members by name.
    """

    def __init__(self, schema: dict[str, Any], files: dict[str, bytes]) -> None:
        self._schema = schema
        self._files = files
        self._arrays: dict[str, str] = {}
        self._same: dict[int, str] = {}

    def digest(self) -> str:
        """Of parameters and fitted attributes; the version of scikit-learn and the order of dicts and sets make no difference.

        Raises:
            Malformed: A member is missing or broken, or two different things claim to be one object.
        """
        return self._node(
            {key: value for key, value in self._schema.items() if key not in ("protocol", "_skops_version")}
        )

    def _node(self, node: dict[str, Any]) -> str:
        found = self._digest(node)
        number = node.get("__id__")
        # An object that was met already is not read again: what stands there in its place would be seen by nobody.
        if number is not None and self._same.setdefault(number, found) != found:
            raise Malformed("two different things claim to be one object")
        return found

    def _digest(self, node: dict[str, Any]) -> str:
        loader = str(node.get("__loader__"))
        if loader == "CachedNode":
            raise Malformed("it refers to an object by its number alone, which dovetail does not write")
        parts: list[Any] = [loader, _name(node)]
        content = node.get("content")
        if loader == "DictNode":
            parts.append(self._pairs(node))
        elif loader == "ObjectNode" and isinstance(content, dict) and content.get("__loader__") == "DictNode":
            parts.append(self._pairs(_without_version(content)))
        elif loader == "SetNode" or _name(node) == "builtins.frozenset":
            parts.append(sorted(self._items(content)))
        else:
            skipped = ("__class__", "__module__", "__loader__", "__id__")
            parts += [(key, self._any(key, value)) for key, value in sorted(node.items()) if key not in skipped]
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def _pairs(self, node: dict[str, Any]) -> list[Any]:
        content, types = node["content"], node["key_types"]["content"]
        if len(content) != len(types):
            raise Malformed("two keys of a dict are the same when they are written as text")
        pairs = [
            (self._node(kind), key, self._node(value))
            for kind, (key, value) in zip(types, content.items(), strict=True)
        ]
        return pairs if node["__class__"] == "OrderedDict" else sorted(pairs)

    def _items(self, content: Any) -> list[str]:
        if isinstance(content, dict):  # of a frozenset: what its class is called with
            content = [item for each in content["content"] for item in each["content"]]
        return [self._node(item) for item in content]

    def _any(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            if "__loader__" in value:
                return self._node(value)
            return [(name, self._any(name, item)) for name, item in sorted(value.items())]
        if isinstance(value, list):
            return [self._any("", item) for item in value]
        if key == "file":
            if value not in self._files:
                raise Malformed(f"the member {str(value)[:60]!r} is missing")
            if value not in self._arrays:
                self._arrays[value] = digest_of(value, self._files[value])
            return self._arrays[value]
        return value

    def nameless(self) -> Iterator[str]:
        """Functions and classes, with their modules, that cannot be found by their names."""
        for node in _nodes(self._schema):
            module, name = str(node.get("__module__")), str(node.get("__class__"))
            # Some classes of builtins have no name there (NoneType); whoever writes a model sees that it cannot be read.
            if node.get("__loader__") in _NAMED and module != "builtins" and lookup(module, name) is None:
                yield f"{module}.{name}"

    def portable(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The schema with numbers in place of addresses, and the new names of the members by the old ones."""
        numbers: dict[int, int] = {}
        names: dict[str, str] = {}
        schema: dict[str, Any] = json.loads(json.dumps(self._schema))
        for node in _nodes(schema):
            number = node.pop("__id__", None)
            if number is not None and node["__loader__"] not in _NO_IDENTITY:
                node["__id__"] = numbers.setdefault(number, len(numbers) + 1)
            if isinstance(node.get("file"), str):
                suffix = node["file"].rpartition(".")[2]
                node["file"] = names.setdefault(node["file"], f"{len(names) + 1}.{suffix}")
        return schema, names


def lookup(module: str, name: str) -> Any:
    """What the name means in a module that other processes import as well; None if it means nothing there.

    The file of a workflow is loaded under a name of its own, which means nothing elsewhere.
    """
    if module == "__main__" or module.startswith(MODULE_PREFIX):
        return None
    return getattr(sys.modules.get(module), name, None)


def guarded(work: Callable[[], Any]) -> Any:
    """The result of a look at a schema, which may be anything.

    Raises:
        Malformed: It is no schema, or nested too deep.
    """
    try:
        return work()
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError, UnicodeError) as error:
        raise Malformed(f"its description is broken ({type(error).__name__})") from error


def _name(node: dict[str, Any]) -> str:
    """The dotted name of a node's class or function.

    A ufunc does not know its module; skops takes the first module that has it, which may be another one in each process.
    """
    module, name = str(node.get("__module__")), str(node.get("__class__"))
    if node.get("__loader__") == "FunctionNode":
        found = getattr(sys.modules.get(module), name, None)
        for home in (np, scipy.special):
            if isinstance(found, np.ufunc) and getattr(home, name, None) is found:
                return f"{home.__name__}.{name}"
    return f"{module}.{name}"


def _without_version(content: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an object but for the version of scikit-learn that it was made with."""
    names = list(content["content"])
    if "_sklearn_version" not in names:
        return content
    types = list(content["key_types"]["content"])
    del types[names.index("_sklearn_version")]
    attributes = {key: value for key, value in content["content"].items() if key != "_sklearn_version"}
    return {**content, "content": attributes, "key_types": {**content["key_types"], "content": types}}


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """All nodes of a schema, outer ones first."""
    if isinstance(value, dict):
        if "__loader__" in value:
            yield value
        for item in list(value.values()):
            yield from _nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from _nodes(item)
