"""Building a workflow by code, without a traced function: what other decorators, or YAML, are made with."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from dovetail.errors import DefinitionError, shorten
from dovetail.graph._annotations import base_type, is_named_tuple, markers, outputs_of
from dovetail.graph._control import map_, when
from dovetail.graph._nodes import Input, Node, NodeOutput, Ref, checked_name, references
from dovetail.graph._published import OnConflict, publish
from dovetail.graph._references import Importer
from dovetail.graph._replay import body_of, named_tuple_of
from dovetail.graph._task import Task, task
from dovetail.graph._trace import Trace, match_arguments
from dovetail.graph._workflow import Dynamic, Workflow
from dovetail.quality import Gate
from dovetail.spec import Interface

T = TypeVar("T")
_MISSING: Any = object()


class WorkflowBuilder:
    """Makes a workflow step by step; what :meth:`build` gives is like one that ``@dt.workflow`` made of the same calls.

    >>> builder = dt.WorkflowBuilder("daily")
    >>> month = builder.input("month", int, default=1)
    >>> raw = builder.add(flights, month=month)
    >>> builder.output(builder.add(clean, raw))
    >>> daily = builder.build()

    Results of :meth:`add`, :meth:`map` and :meth:`when` stand for values, as inside a traced function: pass them on, take
    fields of them, call ``.after``, ``.named`` and ``.options`` on them. Wiring is checked by every call. Threads may share a
    builder; the order of their calls is that of the nodes.

    Args:
        name: Name of the workflow, for people and the ids of its nodes.
        doc: What it is for; the first line is shown in listings.

    Raises:
        DefinitionError: The name cannot be used.
    """

    def __init__(self, name: str, *, doc: str | None = None) -> None:
        self.name = checked_name(name, "workflow")
        self.doc = doc
        self._module = str(sys._getframe(1).f_globals.get("__name__", ""))
        self._trace = Trace(name)
        self._inputs: dict[str, Any] = {}
        self._defaults: dict[str, Any] = {}
        self._help: dict[str, str] = {}
        self._output: Any = type(None)
        self._returned: Any = None
        self._has_output = False
        self._built = False
        self._calls = 0
        self._lock = threading.RLock()

    def input(self, name: str, type: Any = Any, *, default: Any = _MISSING, help: str = "") -> NodeOutput:
        """Declare an input; returns what stands for it.

        Args:
            name: A Python name, since it becomes an argument and a flag.
            type: Its annotation, or its name as text, such as ``"list[int]"``; gates in ``Annotated`` work. Default: any.
            default: Its value where none is given; an input without one must be given.
            help: For people.

        Raises:
            DefinitionError: The name is no Python name, or is taken.
        """
        self._open()
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
            raise self._error(
                f"{shorten(name)} cannot name an input", fix="start with a letter; then letters, digits and '_'"
            )
        if name in self._inputs:
            raise self._error(f"there is an input {name!r} already", fix="give one of them another name")
        type = self._annotation(type, f"input {name!r}")
        self._inputs[name] = type
        if default is not _MISSING:
            self._defaults[name] = default
        texts = [marker for marker in markers(type) if isinstance(marker, str)]
        if help or texts:
            self._help[name] = help or texts[-1]
        return NodeOutput(Input(name), type, self._trace)

    def add(
        self,
        target: Any,
        /,
        *args: Any,
        name: str | None = None,
        after: NodeOutput | Iterable[NodeOutput] = (),
        options: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Any:
        """Add a node; returns what stands for its output.

        Args:
            target: A task, a gate, another workflow, what ``@dt.dynamic`` made, or a plain function with typed arguments.
            args: Its first inputs: results, inputs of the workflow, or values.
            name: Name of the node; default is made of the target's.
            after: Results that must be there before, although no value passes.
            options: How the node is run: ``retries``, ``timeout``, ``cache``, ... (see ``dt.task``).
            inputs: Inputs by name, for inputs that are called like an argument of this method.
            named: Inputs by name.

        Raises:
            WiringError: Two ends do not fit; the message names both.
            DefinitionError: An input is unknown or missing, a name is taken, or the target is nothing that can be a node.
        """
        target = self._target(target)
        given = self._given(target, inputs, named)
        if isinstance(target, Gate):
            self._check_gate(target, args, given)
        with self._adding() as fresh:
            return self._changed(target(*args, **given), fresh, name, after, options)

    def map(
        self,
        target: Any,
        /,
        *values: Any,
        name: str | None = None,
        after: NodeOutput | Iterable[NodeOutput] = (),
        options: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        **fixed: Any,
    ) -> Any:
        """Run a task or workflow once for each element, as ``dt.map``; the other arguments are those of :meth:`add`.

        Raises:
            WiringError: The elements do not fit.
            DefinitionError: As for :meth:`add`, or there is nothing to map over.
        """
        target = self._target(target)
        given = self._given(target, inputs, fixed)
        with self._adding() as fresh:
            return self._changed(map_(target, *values, **given), fresh, name, after, options)

    def when(
        self,
        condition: Any,
        then: Callable[[], T] | T,
        otherwise: Callable[[], T] | T | None = None,
        *,
        name: str | None = None,
    ) -> Any:
        """Take one of two sides, as ``dt.when``: ``builder.when(large, lambda: builder.add(heavy, x), lambda: x)``.

        Args:
            condition: A result or input that is a bool.
            then, otherwise: A function that calls the builder, or a result, or a value.
            name: Name of the node.

        Raises:
            WiringError: The condition is no bool.
        """
        with self._adding() as fresh:
            return self._changed(when(condition, then, otherwise), fresh, name, (), None)

    def publish(
        self,
        value: Any,
        dataset: str,
        *,
        gate: Gate | Sequence[Gate] = (),
        on_conflict: OnConflict = "fail",
        name: str | None = None,
        after: NodeOutput | Iterable[NodeOutput] = (),
    ) -> Any:
        """Publish a result as the next version of a dataset, as ``dt.publish``; returns what stands for what was published.

        Args:
            value: A result, or an input of the workflow.
            dataset: Name of the dataset, such as ``"flights/clean"``.
            gate: What audits the value before; several in order.
            on_conflict: ``"fail"`` or ``"retry"``.
            name, after: As for :meth:`add`.

        Raises:
            DefinitionError: The name or a gate cannot be used, or the value is no result of this builder.
        """
        with self._adding() as fresh:
            self._check_own(value)
            return self._changed(publish(value, dataset, gate=gate, on_conflict=on_conflict), fresh, name, after, None)

    def output(self, value: Any = None, type: Any = None, /, **several: Any) -> None:
        """Say what the workflow returns: one value, or several by name.

        Args:
            value: A result, an input, a value, or a NamedTuple of those.
            type: Its annotation or its name; gates and ``dt.Dataset`` in ``Annotated`` work. Default: that of the result.
            several: Several outputs by name; they come out as a NamedTuple.

        Raises:
            DefinitionError: The output was declared before, both forms are mixed, or a result is of another builder.
        """
        self._open()
        if self._has_output:
            raise self._error("the output is declared twice", fix="call output() once; several outputs go by name")
        for item in (value, *several.values()):
            self._check_own(item)
        if several and (value is not None or type is not None):
            raise self._error("output() takes one value, or several by name, not both")
        self._has_output = True
        if several:
            kind = named_tuple_of(self.name, {field: _type_of(item) for field, item in several.items()})
            self._output, self._returned = kind, kind(**several)
        else:
            self._output = _type_of(value) if type is None else self._annotation(type, "the output")
            self._returned = value

    def build(self) -> Workflow[..., Any]:
        """The workflow. The builder is used up by it.

        Raises:
            WiringError: The output does not fit its type.
            DefinitionError: Names of nodes clash, or nodes wait for each other in a circle.
        """
        self._open()
        if self._calls:
            raise self._error("build() is called by a side of a choice", fix="call it when all nodes are added")
        self._check_nodes()
        self._built = True
        interface = Interface(self._inputs, outputs_of(self._output), self._defaults, self._help)
        body = body_of(self._trace.nodes, self._returned, self.name, self.doc, self._module)
        return Workflow(body, self.name, interface, self._output)

    # -- inside -------------------------------------------------------------------------------

    @contextmanager
    def _adding(self) -> Iterator[Callable[[], list[Node]]]:
        """Inside, calls add nodes; those of a call that fails are taken out again, so that another can be tried.

        One thread at a time. Gives what says which nodes were added.
        """
        with self._lock:
            self._open()
            nodes = self._trace.nodes
            before = len(nodes)
            self._calls += 1
            try:
                with self._trace.active():
                    yield lambda: nodes[before:]
            except BaseException:
                del nodes[before:]
                raise
            finally:
                self._calls -= 1

    def _changed(
        self,
        made: Any,
        fresh: Callable[[], list[Node]],
        name: str | None,
        after: Any,
        options: Mapping[str, Any] | None,
    ) -> Any:
        """The result of a call, its node named, ordered and set as the call says."""
        others = (after,) if not isinstance(after, Iterable) or isinstance(after, (NodeOutput, str)) else tuple(after)
        if options is not None and not isinstance(options, Mapping):
            raise self._error(f"options are a mapping, not {shorten(options)}", fix='options={"retries": 2}')
        node = made._binding.node if isinstance(made, NodeOutput) and isinstance(made._binding, Ref) else None
        if ((name is not None or options) and node not in fresh()) or (others and not fresh()):
            raise self._error(
                "the call adds no node that could be named, ordered or given options",
                why="the workflow that it nests returns several results, or what it was given",
                fix="name the nodes inside that workflow, or wrap it in a task",
            )
        if name is not None:
            made.named(name)
        for other in others:
            self._check_own(other)
        if others:
            made.after(*others)
        if options:
            made.options(**options)
        return made

    def _check_own(self, value: Any) -> None:
        """Refuse results and inputs of other builders."""
        if isinstance(value, NodeOutput) and value._trace is not self._trace:
            raise self._error(f"{value!r} belongs to another workflow", fix="pass the value as an input")
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
            self._check_own(item)

    def _check_nodes(self) -> None:
        """Refuse results of calls that failed, and nodes of other builders, to which ``.after()`` on a result may lead."""
        own = set(self._trace.nodes)
        for node in self._trace.nodes:
            for other in (*(ref.node for b in node.inputs.values() for ref in references(b)), *node.controls):
                if other not in own:
                    raise self._error(
                        f"node {node.label()!r} needs {other.label()!r}, which is no node of this workflow",
                        why="it belongs to another workflow, or the call that added it failed",
                    )

    def _annotation(self, given: Any, where: str) -> Any:
        """The annotation itself, where its name is given: modules that the name names are imported, nothing is evaluated."""
        return Importer().type(given, f"{where} of workflow {self.name!r}") if isinstance(given, str) else given

    def _target(self, target: Any) -> Any:
        if isinstance(target, (Task, Gate, Workflow, Dynamic)):
            return target
        if callable(target) and not isinstance(target, (type, NodeOutput)):
            return task(target)
        raise self._error(
            f"{shorten(target)} cannot be a node",
            fix="give a task, a gate, a workflow, or a function whose arguments are typed",
        )

    def _given(self, target: Any, inputs: Mapping[str, Any] | None, named: dict[str, Any]) -> dict[str, Any]:
        if inputs is not None and not isinstance(inputs, Mapping):
            raise self._error(f"inputs are a mapping, not {shorten(inputs)}", fix='inputs={"rows": result}')
        for name in inputs or {}:
            if name in named:
                raise self._error(f"input {name!r} of {getattr(target, 'name', target)!r} is given twice")
        return {**(inputs or {}), **named}

    def _check_gate(self, gate: Gate, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        value = match_arguments(f"gate {gate.name!r}", Interface({"value": Any}, {}), args, given)["value"]
        if not isinstance(value, NodeOutput):
            raise self._error(
                f"gate {gate.name!r} is given no result of a node", fix="pass what add() or input() returned"
            )

    def _open(self) -> None:
        if self._built:
            raise self._error("it is built already", fix="begin another one: dt.WorkflowBuilder(name)")

    def _error(self, what: str, fix: str | None = None, why: str | None = None) -> DefinitionError:
        return DefinitionError(what, who=f"the builder of workflow {self.name!r}", why=why, fix=fix)

    def __repr__(self) -> str:
        return f"<builder of workflow {self.name}: {len(self._trace.nodes)} nodes>"


def _type_of(value: Any) -> Any:
    if isinstance(value, NodeOutput):
        return base_type(value._type)
    return type(value) if value is None or is_named_tuple(type(value)) else Any
