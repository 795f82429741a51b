"""Publishing values as versions of named datasets, and reading the versions that were published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar, get_args

from dovetail.errors import DefinitionError, nearest, shorten
from dovetail.graph._annotations import RESULT, base_type, is_named_tuple, type_text
from dovetail.graph._dataset import checked_dataset
from dovetail.graph._graph import Graph
from dovetail.graph._nodes import Input, Node, NodeOutput, Ref
from dovetail.graph._task import Task
from dovetail.graph._trace import active_trace
from dovetail.quality import Gate
from dovetail.spec import Interface

T = TypeVar("T")
OnConflict = Literal["fail", "retry"]

_VERSION = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Publish:
    """What a node that publishes does: the config of the task type ``publish``.

    Attributes:
        name: Name of the dataset.
        on_conflict: ``"fail"``: if somebody else has published the dataset since the run was started, nothing is published and
            the run fails. ``"retry"``: the version is published after theirs.
    """

    __dovetail_task_type__: ClassVar[str] = "publish"
    name: str
    on_conflict: OnConflict = "fail"

    def __post_init__(self) -> None:
        checked_dataset(self.name)
        if self.on_conflict not in get_args(OnConflict):
            close = nearest(str(self.on_conflict), get_args(OnConflict))
            raise DefinitionError(
                f"on_conflict is 'fail' or 'retry', not {shorten(self.on_conflict)}",
                who=f"dataset {self.name!r}",
                fix=f"did you mean {close!r}?" if close else 'on_conflict="fail" is the default',
            )


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """Stands for a published version of a dataset; made by :func:`dataset`. Also the config of the task type ``dataset``.

    Attributes:
        name: Name of the dataset.
        version: Its number; None: the one that is current when the run starts.
    """

    __dovetail_task_type__: ClassVar[str] = "dataset"
    name: str
    version: int | None = None

    def __post_init__(self) -> None:
        checked_dataset(self.name)
        if self.version is not None and (type(self.version) is not int or self.version < 1):
            raise DefinitionError(
                f"{shorten(self.version)} is no version of a dataset", fix="versions are 1, 2, 3, ..."
            )

    def load(self, kind: Any = Any) -> Any:
        """The value, read now, in this process.

        Args:
            kind: The type that is wanted. Default: the one that was published.

        Raises:
            UsageError: No such version is published; names the nearest.
            ConversionError: It cannot be had as that type.
        """
        return _reader(self, kind)()

    def __dovetail_input__(self, annotation: Any) -> Any:
        """The node that reads it, where it is given to an input of this annotation while a workflow is built."""
        return _reader(self, base_type(annotation))()

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"

    __repr__ = __str__


def dataset(name: str) -> PublishedDataset:
    """A published dataset, to be read: ``clean(dt.dataset("flights/clean"))``, or the default of an input of a workflow.

    A run reads the version that is current when it starts, and when it is resumed the same one.

    Args:
        name: Its name; with a version, ``"flights/clean@3"``, always that one.

    Raises:
        DefinitionError: That is no name of a dataset.
    """
    if not isinstance(name, str):
        raise DefinitionError(f"{shorten(name)} cannot name a dataset", fix='dt.dataset("flights/clean")')
    plain, at, version = name.partition("@")
    if at and not _VERSION.fullmatch(version):
        raise DefinitionError(f"{shorten(name)} names no version of a dataset", fix=f'"{plain}@3", or "{plain}"')
    return PublishedDataset(plain, int(version) if at else None)


def publish(
    value: T,
    name: str,
    *,
    gate: Gate | Sequence[Gate] = (),
    on_conflict: OnConflict = "fail",
) -> T:
    """Publish a result as the next version of a dataset: ``dt.publish(clean(raw), "flights/clean", gate=good)``.

    In a workflow this makes a node for each gate, which audits the stored value, and one that publishes what the gates let
    through: one move of a pointer, done if the dataset is still at the version that was current when the run started. Where a
    gate blocks, the version before stays the current one. A workflow that is called like a function publishes nothing.

    Args:
        value: The result of a task, or an input of the workflow.
        name: Letters, digits, ``_``, ``-`` and ``.``, parts joined by ``/``; at most 128.
        gate: What audits the value before it is published; several in order.
        on_conflict: What happens if somebody else has published the dataset meanwhile. ``"fail"`` (default): nothing is
            published and the run fails. ``"retry"``: the version is published after theirs.

    Returns:
        What was published, for the tasks that come after.

    Raises:
        DefinitionError: The name or a gate cannot be used, or the value consists of several outputs.
        GateBlocked: Outside of a workflow: the gate refuses the value.
    """
    config = Publish(name, on_conflict)
    gates = (gate,) if isinstance(gate, Gate) else tuple(gate)
    for each in gates:
        if not isinstance(each, Gate):
            raise DefinitionError(f"{shorten(each)} is no gate", who=f"dataset {name!r}", fix="gate=dt.Gate(suite)")
    if isinstance(value, PublishedDataset) or (active_trace() is not None and not _is_result(value)):
        raise DefinitionError(
            f"{shorten(value)} cannot be published as {name!r}", why="it is no result of a task", fix="publish a result"
        )
    for each in gates:
        value = each(value)
    if not isinstance(value, NodeOutput):
        return value
    annotation = base_type(value._type)
    if is_named_tuple(annotation):
        raise DefinitionError(
            f"a {type_text(annotation)} has several outputs, and a dataset is one",
            who=f"dataset {name!r}",
            fix=f"publish one of them: dt.publish(result.{annotation._fields[0]}, {name!r})",
        )
    task = Task.from_type(
        task_type="publish",
        config=config,
        interface=Interface({"value": annotation}, {RESULT: annotation}),
        name=_node_name("publish", name),
    )
    published: T = task(value)
    return published


def destination(node: Node, graph: Graph) -> tuple[str | None, tuple[Gate, ...]]:
    """The dataset that the output of a node becomes, and the gates that stand between; None if it becomes none."""
    for other in graph.nodes:
        binding = other.inputs.get("value")
        if not isinstance(binding, Ref) or binding.node is not node or binding.path:
            continue
        if other.kind == "gate":
            name, gates = destination(other, graph)
            if name is not None:
                return name, (other.target, *gates)
        elif isinstance(other.target, Task) and isinstance(other.target.config, Publish):
            return other.target.config.name, ()
    return None, ()


def _is_result(value: object) -> bool:
    return isinstance(value, NodeOutput) and isinstance(value._binding, (Ref, Input))


def _reader(source: PublishedDataset, annotation: Any) -> Task[..., Any]:
    return Task.from_type(
        task_type="dataset",
        config=source,
        interface=Interface({}, {RESULT: annotation}),
        name=_node_name("read", source.name),
    )


def _node_name(verb: str, name: str) -> str:
    return f"{verb}_{re.sub(r'[^A-Za-z0-9]+', '_', name)}"[:128]
