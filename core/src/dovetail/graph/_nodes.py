"""Nodes of a graph, what feeds them, and the stand-ins for values that a workflow body handles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

from dovetail.errors import DefinitionError, shorten
from dovetail.graph._annotations import base_type, field_type, is_named_tuple, type_text
from dovetail.spec import Interface

if TYPE_CHECKING:
    from dovetail.graph._options import TaskOptions

NodeKind = Literal["task", "gate", "map", "when", "dynamic"]
Step = tuple[Literal["attr", "item"], Any]

_NAME = re.compile(r"[^\W\d][\w\-]{0,127}")


def checked_name(name: object, what: str) -> str:
    """A name that can be part of the id of a node.

    Raises:
        DefinitionError: It cannot; ids put names together with ``.`` and ``[0]``.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise DefinitionError(
            f"{shorten(name)} cannot name a {what}",
            fix="start with a letter; then letters, digits, '_' and '-', at most 128",
        )
    return name


@dataclass(frozen=True, slots=True)
class Const:
    """A value that was written into the workflow."""

    value: Any


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the workflow, or a part of it."""

    name: str
    path: tuple[Step, ...] = ()
    on_blocked: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ref:
    """The output of a node, or a part of it."""

    node: Node
    path: tuple[Step, ...] = ()
    on_blocked: str | None = None
    """What its reader is given where a gate refused it; None: what the gate says."""


@dataclass(frozen=True, slots=True)
class Collect:
    """A list, tuple or dict that holds outputs of nodes."""

    kind: Literal["list", "tuple", "dict"]
    items: tuple[Any, ...]
    keys: tuple[Any, ...] = ()
    named_tuple: Any = None
    """The class that a tuple is made of, where it is not ``tuple``."""


Binding = Const | Input | Ref | Collect


@dataclass(eq=False, slots=True)
class Node:
    """One step of a workflow.

    Attributes:
        name: Wished name; the graph makes it unique as ``id``.
        kind: ``task``, ``gate``, ``map``, ``when`` or ``dynamic``.
        target: The Task, Gate, or what is mapped or expanded; None for ``when``.
        inputs: What feeds it, by input name.
        interface: Its typed inputs and outputs.
        scope: Names of the workflows it is nested in.
        controls: Nodes that must be done before it.
        mapped: For ``map``: names of the inputs whose elements are spread.
        options: How it is run.
        output: Annotation of its output (a NamedTuple for several).
        guards: ``(when-node, side)`` pairs that must all hold for the node to run; set by the graph.
        id: Unique in the graph; set by the graph.
    """

    name: str
    kind: NodeKind
    target: Any
    inputs: dict[str, Binding]
    interface: Interface
    output: Any
    options: TaskOptions
    scope: tuple[str, ...] = ()
    explicit: bool = False
    controls: list[Node] = field(default_factory=list)
    mapped: tuple[str, ...] = ()
    branch: tuple[tuple[Node, str], ...] = ()
    guards: tuple[tuple[Node, str], ...] = ()
    id: str = ""

    def label(self) -> str:
        """The id, or before there is one the scoped name, for messages."""
        return self.id or ".".join((*self.scope, self.name))

    def __repr__(self) -> str:
        return f"<node {self.label()}>"


def references(binding: Binding) -> Iterator[Ref]:
    """All outputs of nodes inside a binding."""
    if isinstance(binding, Ref):
        yield binding
    elif isinstance(binding, Collect):
        for item in binding.items:
            yield from references(item)


class GateBuilder(Protocol):
    """What a stand-in needs of the trace it belongs to."""

    def add_gate(self, gate: Any, value: NodeOutput) -> NodeOutput:
        """Put a gate behind a value."""
        ...


class NodeOutput:
    """Stands for a value that exists only when the workflow runs.

    Pass it to other tasks; take a field of a NamedTuple or dataclass by ``.field``, an element by ``[key]``; unpack tuples.
    ``after``, ``named`` and ``options`` change the node it comes from.
    """

    __slots__ = ("_binding", "_made", "_trace", "_type")

    def __init__(self, binding: Binding, annotation: Any, trace: GateBuilder, made: tuple[Node, ...] = ()) -> None:
        self._binding = binding
        self._type = annotation
        self._trace = trace
        self._made = made  # all nodes of the nested workflow that this is the result of

    @property
    def _node(self) -> Node:
        if not isinstance(self._binding, Ref):
            raise DefinitionError(f"{self!r} is no node", fix="call this on the result of a task")
        return self._binding.node

    def after(self, *others: NodeOutput) -> NodeOutput:
        """Run only when these others are done, although no value passes between them."""
        for other in others:
            if not isinstance(other, NodeOutput):
                raise DefinitionError(f".after() takes results of tasks, not {type(other).__name__}")
            before = other._made or tuple(ref.node for ref in references(other._binding)) or (other._node,)
            for node in self._made or (self._node,):
                node.controls.extend(before)
        return self

    def named(self, name: str) -> NodeOutput:
        """Name the node; names are unique within a workflow."""
        self._node.name = checked_name(name, "node")
        self._node.explicit = True
        return self

    def options(self, **options: Any) -> NodeOutput:
        """Change how this node is run: ``retries``, ``timeout``, ``cache``, ... (see ``dt.task``)."""
        node = self._node
        if node.kind not in ("task", "map") or not getattr(node.target, "__dovetail_task__", False):
            raise DefinitionError(
                f"{self!r} is not that of a task, so it takes no options",
                fix="set them on the tasks: in their @dt.task(...), or by .options(...) on their results",
            )
        node.options = node.options.updated(options)
        return self

    def __dovetail_gate__(self, gate: Any) -> NodeOutput:
        return self._trace.add_gate(gate, self)

    def __getattr__(self, name: str) -> NodeOutput:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._part("attr", name)

    def __getitem__(self, key: Any) -> NodeOutput:
        if not isinstance(key, (str, int)):
            raise DefinitionError(f"{self!r}: the key of a part is text or a whole number, not {type(key).__name__}")
        return self._part("item", key)

    def _part(self, kind: Literal["attr", "item"], key: Any) -> NodeOutput:
        found = field_type(self._type, kind, key)
        if found is None:
            written = f".{key}" if kind == "attr" else f"[{key!r}]"
            raise DefinitionError(
                f"{self!r} of type {type_text(self._type)} has no {written} while the workflow is being built",
                why="inside a workflow, results are stand-ins: the values exist only when it runs",
                fix="do this inside a task, or annotate the task's result with a NamedTuple, dataclass, list or dict",
            )
        binding = self._binding
        if isinstance(binding, (Ref, Input)):
            step: Step = (kind, key)
            part: Binding = replace(binding, path=(*binding.path, step))
            return NodeOutput(part, found, self._trace)
        if isinstance(binding, Collect):
            index = binding.keys.index(key) if key in binding.keys else key
            try:
                return NodeOutput(binding.items[index], found, self._trace)
            except (IndexError, TypeError) as error:
                raise DefinitionError(f"{self!r} has no [{key!r}]") from error
        raise DefinitionError(f"{self!r} cannot be taken apart")

    def __iter__(self) -> Iterator[NodeOutput]:
        base = base_type(self._type)
        if is_named_tuple(base):
            return iter([self._part("attr", name) for name in base._fields])
        arguments = getattr(base, "__args__", ())
        if getattr(base, "__origin__", None) is tuple and Ellipsis not in arguments:
            return iter([self._part("item", i) for i in range(len(arguments))])
        raise self._refusal("iterated over", "use dt.map(task, values) to run a task for each element")

    def __repr__(self) -> str:
        binding = self._binding
        path = "".join(f".{key}" if kind == "attr" else f"[{key!r}]" for kind, key in getattr(binding, "path", ()))
        if isinstance(binding, Ref):
            return f"the result of node {binding.node.label()!r}{path}"
        return f"the workflow input {binding.name!r}{path}" if isinstance(binding, Input) else "a collection of results"

    def _refusal(self, verb: str, fix: str) -> DefinitionError:
        return DefinitionError(
            f"{self!r} cannot be {verb} while the workflow is being built",
            why="inside a workflow, results are stand-ins: the values exist only when it runs",
            fix=fix,
        )

    def __bool__(self) -> bool:
        raise self._refusal(
            "tested", "use dt.when(condition, then, otherwise), or @dt.dynamic for a graph that depends on data"
        )

    def __format__(self, spec: str) -> str:
        raise self._refusal("put into text", "build the text inside a task")

    def __len__(self) -> int:
        raise self._refusal("measured", "take its length inside a task")

    def _operator(self, other: object) -> NoReturn:
        raise self._refusal(
            "computed with",
            "write a task that computes it (is a function that was called with it missing its @dt.task?); "
            "for a choice use dt.when",
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _operator
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operator
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _operator
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __contains__ = _operator

    def _alone(self) -> NoReturn:
        self._operator(None)

    __neg__ = __pos__ = __abs__ = __invert__ = __int__ = __float__ = __index__ = _alone
    __hash__ = object.__hash__
