"""Building a graph by calling a workflow's body with stand-ins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from dovetail.errors import (
    ConversionError,
    DefinitionError,
    DovetailError,
    UnknownType,
    ValueMismatch,
    WiringError,
    nearest,
)
from dovetail.graph._annotations import base_type, element_type, outputs_of, type_text
from dovetail.graph._gates import effect_in, gates_in, with_effect
from dovetail.graph._nodes import Binding, Collect, Const, Node, NodeKind, NodeOutput, Ref
from dovetail.graph._options import TaskOptions
from dovetail.spec import Interface
from dovetail.types import current_types

if TYPE_CHECKING:
    from dovetail.quality import Gate

_PLAIN = (int, float, complex, bool, str, bytes, type(None))

_active: ContextVar[Trace | None] = ContextVar("dovetail_trace", default=None)


def active_trace() -> Trace | None:
    """The graph that is being built in this context, if any."""
    return _active.get()


class Trace:
    """Collects the nodes that a workflow body makes."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.nodes: list[Node] = []
        self._scope: tuple[str, ...] = ()
        self._branch: tuple[tuple[Node, str], ...] = ()

    @contextmanager
    def active(self) -> Iterator[Trace]:
        """Make this the graph that calls of tasks add to."""
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nodes made inside belong to a nested workflow of this name."""
        before = self._scope
        self._scope = (*before, name)
        try:
            yield
        finally:
            self._scope = before

    @contextmanager
    def branch(self, node: Node, side: str) -> Iterator[None]:
        """Nodes made inside run only if ``node`` takes this side."""
        before = self._branch
        self._branch = (*before, (node, side))
        try:
            yield
        finally:
            self._branch = before

    def add(
        self,
        name: str,
        kind: NodeKind,
        target: Any,
        inputs: dict[str, Binding],
        interface: Interface,
        output: Any,
        options: TaskOptions,
        mapped: tuple[str, ...] = (),
    ) -> NodeOutput:
        """Add a node; returns the stand-in for its output."""
        node = Node(
            name=name,
            kind=kind,
            target=target,
            inputs=inputs,
            interface=interface,
            output=output,
            options=options,
            scope=self._scope,
            mapped=mapped,
            branch=self._branch,
        )
        self.nodes.append(node)
        return NodeOutput(Ref(node), output, self)

    def add_gate(self, gate: Gate, value: NodeOutput) -> NodeOutput:
        """Put a gate behind a value; what comes out has the type of what goes in."""
        annotation = base_type(value._type)
        gate.check(current_types(), None if annotation is Any else annotation)
        interface = Interface(inputs={"value": annotation}, outputs=outputs_of(annotation))
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", gate.name)
        return self.add(name, "gate", gate, {"value": value._binding}, interface, annotation, TaskOptions())

    def gated(self, value: NodeOutput) -> NodeOutput:
        """Put the gates of its annotation behind a value."""
        for gate in gates_in(value._type):
            value = self.add_gate(gate, value)
        return value

    def bind(self, owner: str, name: str, annotation: Any, value: Any) -> Binding:
        """Check that ``value`` fits the input ``name`` of ``owner``, and describe where it comes from.

        Raises:
            WiringError: It does not fit; the message names both ends.
        """
        if isinstance(value, NodeOutput):
            if value._trace is not self:
                raise DefinitionError(
                    f"input {name!r} of {owner} is given {value!r}, which belongs to another workflow",
                    who=f"workflow {self.owner!r}",
                    fix="pass the value as an input",
                )
            check_fit(value._type, annotation, repr(value), f"input {name!r} of {owner}")
            return with_effect(value._binding, effect_in(annotation), keep=True)
        if hasattr(type(value), "__dovetail_input__"):  # it makes a node of itself, as the input wants it
            return self.bind(owner, name, annotation, value.__dovetail_input__(annotation))
        collected = _collection(value)
        if collected is not None:
            element = element_type(annotation)
            if base_type(annotation) in _PLAIN:
                raise WiringError(
                    f"a {collected.kind} with results of tasks does not fit input {name!r} of {owner} "
                    f"({type_text(annotation)})",
                    who=f"workflow {self.owner!r}",
                    fix="change the annotation, or pass one result",
                )
            for item in value if element is not None and not isinstance(value, dict) else ():
                self.bind(f"an element of {name!r} of {owner}", name, element, item)
            return with_effect(collected, effect_in(annotation), keep=True)
        try:
            return Const(current_types().accept(value, annotation))
        except DovetailError as error:
            raise WiringError(
                f"a value does not fit input {name!r} of {owner}",
                who=f"workflow {self.owner!r}",
                why=error.what if error.why is None else f"{error.what}; {error.why}",
                fix=error.fix,
            ) from error

    def default(self, owner: str, name: str, interface: Interface) -> Binding:
        """The default of an input; what makes a node of itself does so."""
        value = interface.defaults[name]
        if hasattr(type(value), "__dovetail_input__"):
            return self.bind(owner, name, interface.inputs[name], value)
        return Const(value)


def check_fit(source: Any, target: Any, source_end: str, target_end: str) -> None:
    """Raise WiringError, naming both ends, unless values of ``source`` convert to ``target``."""
    source_base, target_base = base_type(source), base_type(target)
    if target_base is Any or source_base is Any or source_base is target_base:
        return
    try:
        current_types().check_edge(source_base, target_base)
    except (ConversionError, UnknownType, ValueMismatch) as error:
        raise WiringError(
            f"{source_end} ({type_text(source)}) does not fit {target_end} ({type_text(target)})",
            why=error.what if error.why is None else f"{error.what}; {error.why}",
            fix=error.fix or "change one of the two annotations, or put a task between them that converts",
        ) from error


def _collection(value: Any) -> Collect | None:
    """A list, tuple or dict with stand-ins inside; None if there are none."""
    if type(value) in (list, tuple):
        if not any(_has_output(item) for item in value):
            return None
        kind = "list" if isinstance(value, list) else "tuple"
        return Collect(kind, tuple(_binding_of(item) for item in value))  # type: ignore[arg-type]
    if type(value) is dict and any(_has_output(item) for item in value.values()):
        return Collect("dict", tuple(_binding_of(item) for item in value.values()), tuple(value))
    return None


def _has_output(value: Any) -> bool:
    return isinstance(value, NodeOutput) or _collection(value) is not None


def _binding_of(value: Any) -> Binding:
    if isinstance(value, NodeOutput):
        return value._binding
    return _collection(value) or Const(value)


def bind_call(
    trace: Trace, owner: str, interface: Interface, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Binding]:
    """Bind a call's arguments to the inputs of an interface; inputs that are not given take their defaults."""
    given = match_arguments(owner, interface, args, kwargs)
    bound: dict[str, Binding] = {}
    for name, annotation in interface.inputs.items():
        if name in given:
            bound[name] = trace.bind(owner, name, annotation, given[name])
        else:
            bound[name] = trace.default(owner, name, interface)
    return bound


def match_arguments(
    owner: str, interface: Interface, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments by input name; inputs with a default may be absent.

    Raises:
        DefinitionError: Too many arguments, an unknown or repeated name, or a missing input.
    """
    names = list(interface.inputs)
    if len(args) > len(names):
        raise DefinitionError(
            f"{owner} takes {len(names)} inputs, not {len(args)}", fix=f"inputs: {', '.join(names) or 'none'}"
        )
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in interface.inputs:
            raise unknown_input(owner, name, names)
        if name in given:
            raise DefinitionError(f"input {name!r} of {owner} is given twice")
        given[name] = value
    missing = [name for name in names if name not in given and name not in interface.defaults]
    if missing:
        raise DefinitionError(
            f"{owner} misses its input{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}",
            fix=f"pass {', '.join(f'{name}=...' for name in missing)}",
        )
    return given


def unknown_input(owner: str, name: str, names: list[str]) -> DefinitionError:
    """The error for a misspelt input."""
    close = nearest(name, names)
    return DefinitionError(
        f"{owner} has no input {name!r}",
        fix=f"did you mean {close!r}?" if close else f"inputs: {', '.join(names) or 'none'}",
    )
