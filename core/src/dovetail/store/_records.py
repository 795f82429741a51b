"""What goes into the run store and what comes out: frozen records, all JSON-able by ``to_dict``.

Times are seconds since the epoch (UTC), as floats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from dovetail.spec import Artifact
from dovetail.store._owner import Owner

NodeStatus = Literal["pending", "running", "succeeded", "failed", "skipped", "blocked", "cancelled"]
"""State of a node. A node that a gate blocked is ``failed`` with an error of kind ``data``; it is ``blocked`` if the run goes on
without its output. ``skipped``: a choice fell the other way, or (``because`` in its info) it lacks what a gate refused."""

RunStatus = Literal[
    "pending",
    "running",
    "succeeded",
    "succeeded_with_warnings",
    "failed",
    "blocked",
    "cancelled",
    "interrupted",
    "crashed",
]
"""State of a run. ``crashed`` is never stored: it is what a reader sees of a running run whose owner is gone."""

NODE_STATUSES: frozenset[str] = frozenset(NodeStatus.__args__)  # type: ignore[attr-defined]
RUN_STATUSES: frozenset[str] = frozenset(RunStatus.__args__)  # type: ignore[attr-defined]
ENDED: frozenset[str] = frozenset(
    ("succeeded", "succeeded_with_warnings", "failed", "blocked", "cancelled", "interrupted")
)


def to_jsonable(value: Any) -> Any:
    """Records, artifacts and containers of them as plain JSON values."""
    if isinstance(value, Artifact | Owner):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_jsonable(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(item) for item in value]
    return value


class _Record:
    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        result: dict[str, Any] = to_jsonable(self)
        return result


@dataclass(frozen=True, slots=True)
class NewRun(_Record):
    """A run to be created.

    Attributes:
        run_id: Letters, digits, ``.``, ``_`` and ``-``; at most 100; not ``latest``.
        workflow: Name of the workflow.
        source: Where the workflow comes from, so that a later process can load it: ``{"file": ..., "name": ...}``.
        inputs: Stored inputs by name.
        graph_hash: Of the traced graph, so that a resume can see that the workflow changed.
        options: Options of the run, JSON-able.
    """

    run_id: str
    workflow: str
    source: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Artifact] = field(default_factory=dict)
    graph_hash: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunRecord(_Record):
    """A run as it is seen now.

    Attributes:
        status: See :data:`RunStatus`; ``crashed`` if it is recorded as running but its lease expired or its owner is dead.
        owner: Who drives it, or drove it last; None before the first claim.
        lease_expires: When the owner counts as dead unless it renews.
        error: What ended it, as :meth:`dovetail.errors.DovetailError.to_dict` gives it.
        warnings: Number of gates that published with warnings or without the quarantined rows.
        counts: Number of recorded nodes by status.
        claims: How often the run was started or resumed.
        cancel_requested: Somebody asked it to stop.
    """

    run_id: str
    workflow: str
    source: dict[str, Any]
    inputs: dict[str, Artifact]
    graph_hash: str
    options: dict[str, Any]
    status: str
    created: float
    started: float | None = None
    ended: float | None = None
    owner: Owner | None = None
    lease_expires: float | None = None
    error: dict[str, Any] | None = None
    outputs: dict[str, Artifact] = field(default_factory=dict)
    warnings: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    claims: int = 0
    cancel_requested: bool = False


@dataclass(frozen=True, slots=True)
class NodeUpdate(_Record):
    """The new state of one node; it replaces the stored one as a whole.

    Attributes:
        node_id: Path of the node in its run: ``"clean"``, ``"score[3]"``.
        task: Name of the task.
        status: See :data:`NodeStatus`.
        outputs: Stored outputs by name; None while there are none.
        cache_key: Key under which the outputs can be found again.
        cached: The outputs were taken from the cache.
        error: What failed it, as ``DovetailError.to_dict`` gives it.
        handle: Handle of a remote job; any JSON value.
        info: Further facts for people: durations, rows, conversions.
    """

    node_id: str
    task: str
    status: str
    attempt: int = 1
    started: float | None = None
    ended: float | None = None
    outputs: dict[str, Artifact] | None = None
    cache_key: str | None = None
    cached: bool = False
    error: dict[str, Any] | None = None
    handle: Any = None
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeRecord(NodeUpdate):
    """A node as it is stored; ``run_id`` is its run."""

    run_id: str = ""


@dataclass(frozen=True, slots=True)
class CacheEntry(_Record):
    """Outputs that a cache key stands for."""

    key: str
    outputs: dict[str, Artifact]


@dataclass(frozen=True, slots=True)
class Publication(_Record):
    """An output of a node that becomes the current version of a dataset.

    Attributes:
        name: Name of the dataset.
        node_id: The node.
        output: Name of its output.
        artifact: The stored value.
        path: Where a plain copy was exported, if it was.
        expected: The version that must still be the current one; 0: there must be none; None: whatever is.
        own: One that the same run has published is as good as the expected one.
        gates: Node id and gate of the audits that the value has passed.
    """

    name: str
    node_id: str
    output: str
    artifact: Artifact
    path: str | None = None
    expected: int | None = None
    own: bool = False
    gates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetVersion(_Record):
    """One published version of a dataset.

    Attributes:
        name: Name of the dataset.
        version: 1 for the first.
        artifact: The stored value.
        run_id: The run.
        node_id: The node.
        output: Name of its output.
        path: Where a plain copy was exported, if it was.
        created: When it was published.
        current: It is the one that consumers get.
        previous: The version that was the current one before, or None.
        forced: It was published although its gate had refused it.
        who: Who published it, where that was a person.
        reason: Why it was published, where that was said.
        gates: Node id and gate of the audits that it has passed; of the one that refused it, if forced.
    """

    name: str
    version: int
    artifact: Artifact
    run_id: str
    node_id: str
    output: str
    path: str | None
    created: float
    current: bool
    previous: int | None = None
    forced: bool = False
    who: str = ""
    reason: str = ""
    gates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetMove(_Record):
    """One move of the pointer that says which version of a dataset is the current one.

    Attributes:
        name: Name of the dataset.
        move: 1 for the first.
        kind: ``published``, ``forced`` (although its gate had refused it) or ``rolled_back``.
        version: The version that became the current one.
        previous: The one that was, or None.
        time: When.
        who: Who, where that was a person.
        reason: Why, where that was said.
        gates: Node id and gate of the audits.
    """

    name: str
    move: int
    kind: str
    version: int
    previous: int | None
    time: float
    who: str = ""
    reason: str = ""
    gates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Staged(_Record):
    """A value that a gate refused, kept so that it can be audited again.

    Attributes:
        run_id: The run; filled in by the store when left empty.
        node_id: The node.
        gate: Name of the gate.
        artifact: Id of the stored value.
        dataset: Name of the dataset that it was to become, or ``workflow/node``.
        created: When it was refused; filled in by the store when left 0.
        forgotten: When it was forgotten, or None.
    """

    node_id: str
    gate: str
    artifact: str
    dataset: str
    run_id: str = ""
    created: float = 0.0
    forgotten: float | None = None


@dataclass(frozen=True, slots=True)
class ReportRecord(_Record):
    """The report of one gate at one node, as the quality floor wrote it."""

    node_id: str
    gate: str
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CheckResult(_Record):
    """One line of the history of a check.

    Attributes:
        dataset: Name of the dataset that the gate guards, or ``workflow/node`` where it has none.
        value: What an aggregate check observed, if a number; else the failed fraction; None if nothing was evaluated.
        n_evaluated: Values or rows looked at.
        n_failed: How many failed.
    """

    check_id: str
    dataset: str
    run_id: str
    node_id: str
    gate: str
    time: float
    status: str
    value: float | None
    n_evaluated: int
    n_failed: int


@dataclass(frozen=True, slots=True)
class Quarantined(_Record):
    """Rows that a gate set aside.

    Attributes:
        decision: What the gate decided; ``block`` if it refused the other rows as well.
        dataset: Name of the dataset that the gate guards, or ``workflow/node`` where it has none.
        created: When the report was written.
        artifact_id: Id of the artifact that holds, or held, the rows; where ``place`` says where they are, an id of that.
        rows: How many.
        bytes: Size of its files.
        purged: When it was forgotten, ISO 8601; None while it is there.
        artifact: The artifact; None once it was forgotten, and where ``place`` says where the rows are.
        place: Where a task type keeps the rows itself, such as a table of a database: ``task_type``, ``shown`` (for people),
            and what that task type needs to find them. None if they are, or were, an artifact.
    """

    run_id: str
    node_id: str
    gate: str
    decision: str
    dataset: str
    created: float
    artifact_id: str
    rows: int
    bytes: int
    purged: str | None = None
    artifact: Artifact | None = None
    place: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EventRecord(_Record):
    """An event of the outbox.

    Attributes:
        type: ``"node.succeeded"``.
        data: JSON-able facts.
        node_id: ``""`` for an event of the run.
        time: When it happened.
        id: Unique, so that a receiver can drop repeats.
        run_id: Filled in by the store when left empty.
        seq: Grows with every stored event; 0 before it is stored.
    """

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    node_id: str = ""
    time: float = 0.0
    id: str = ""
    run_id: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Batch(_Record):
    """All that one commit writes: everything of it, or nothing.

    Attributes:
        run_id: The run.
        owner_id: :attr:`Owner.id` of the committing owner; the commit is refused if it no longer owns the run.
        artifacts: Stored values that no output names, such as quarantined rows.
        staged: Values that gates refused; they are among ``artifacts``.
    """

    run_id: str
    owner_id: str
    nodes: tuple[NodeUpdate, ...] = ()
    cache: tuple[CacheEntry, ...] = ()
    publications: tuple[Publication, ...] = ()
    reports: tuple[ReportRecord, ...] = ()
    events: tuple[EventRecord, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    staged: tuple[Staged, ...] = ()
