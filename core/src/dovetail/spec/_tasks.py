"""The contract of task types."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    import logging

JobState = Literal["pending", "running", "succeeded", "failed", "cancelled", "lost"]


@dataclass(frozen=True, slots=True)
class Interface:
    """The typed inputs and outputs of a task or workflow.

    Attributes:
        inputs: Name -> annotation, in order. An annotation is a type, or a :class:`TypeRef` where it is not importable here.
        defaults: Values of the inputs that have one.
        outputs: Name -> annotation. One output is called ``"result"``; none at all is an empty mapping.
        help: Name -> text for people, for inputs that have one.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    help: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class TaskContext:
    """What a task type may know about where it runs.

    Attributes:
        node_id: Path of the node in its run: ``"clean"``, ``"score[3]"``.
        run_id: None when the workflow is called like a function.
        attempt: 1 for the first.
        idempotency_key: The same for every attempt of one node of one run; "" when not in a run.
        settings: The hub's :class:`~dovetail.config.Settings`.
        log: Logger of the node.
        cancelled: True once the run was asked to stop; long work polls it.
    """

    node_id: str
    run_id: str | None = None
    attempt: int = 1
    idempotency_key: str = ""
    settings: Any = None
    log: logging.Logger | None = None
    cancelled: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class TaskCall:
    """One attempt of one node.

    Attributes:
        config: The config object that was given to the task, e.g. ``Spark(master="local[2]")``; None if there is none.
        inputs: Values by name, already converted to the annotated types.
        interface: The task's typed inputs and outputs.
        context: Where it runs.
        function: What ``@task`` decorated; None for a task that is the work itself.
        resource: What :meth:`TaskType.open` returned.
    """

    config: Any
    inputs: dict[str, Any]
    interface: Interface
    context: TaskContext
    function: Callable[..., Any] | None = None
    resource: Any = None


class TaskType:
    """A kind of work: subclass it, implement :meth:`execute`, and declare it with a :class:`TaskTypeSpec`.

    One instance serves a whole process; keep state in what :meth:`open` returns. ``execute`` may be called from several
    threads at once unless ``concurrent`` is False.
    """

    name: ClassVar[str] = ""
    concurrent: ClassVar[bool] = True
    in_process: ClassVar[bool] = True
    """False: never moved to another process, even if the task asks for it (it holds sessions or connections)."""

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """Check a task at its definition; raise :class:`~dovetail.errors.DefinitionError` if it can't work."""

    def resource_key(self, config: Any) -> Hashable | None:
        """Nodes of a run with the same key share one opened resource. None: nothing is opened."""
        return None

    def open(self, config: Any, context: TaskContext) -> Any:
        """Open what the nodes share, such as a session. Called once per key and run."""

    def close(self, resource: Any) -> None:
        """Close what :meth:`open` returned. Called once, also after failures."""

    def execute(self, call: TaskCall) -> Any:
        """Do the work and return the output, of a type that converts to the annotated one.

        An exception is the user's, unless it is a :class:`~dovetail.errors.DovetailError` of another kind.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement execute()")

    def cancel(self, call: TaskCall) -> None:
        """Stop a running :meth:`execute` from another thread, where the engine can."""

    def fingerprint(self, config: Any, function: Callable[..., Any] | None) -> str:
        """What, besides the inputs, decides the output: part of the cache key. Default: the config's repr.

        The function's code is added by dovetail.
        """
        return repr(config)

    def kept_rows(self, place: Mapping[str, Any], settings: Any) -> Any:
        """Rows that a gate of one of its tasks set aside where the task writes to, such as a table of a database.

        Only for a task type whose reports say in ``quarantine["place"]`` where that is.

        Args:
            place: What the report says: ``task_type``, ``shown``, and what the task type put beside them.
            settings: The hub's :class:`~dovetail.config.Settings`.

        Returns:
            A ``pyarrow.Table`` with the columns that every quarantine has: ``_dv_checks`` (list<string>), ``_dv_row``, ...
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement kept_rows()")

    def forget_rows(self, place: Mapping[str, Any], settings: Any) -> None:
        """Delete the rows of :meth:`kept_rows`, and no others. Those that are gone already are no error."""
        raise NotImplementedError(f"{type(self).__name__} does not implement forget_rows()")


@dataclass(frozen=True, slots=True)
class JobStatus:
    """State of a remote job, with a message for people."""

    state: JobState
    message: str = ""

    @property
    def done(self) -> bool:
        """True when the job will not change any more."""
        return self.state not in ("pending", "running")


class RemoteTaskType(TaskType):
    """Work that runs elsewhere. The handle is a small JSON value; it is stored before waiting begins, so that a later
    process can re-attach to the job instead of submitting it twice.
    """

    in_process: ClassVar[bool] = False
    """The hub itself submits and watches: a worker process that dies would take the handle with it."""
    poll_interval: ClassVar[float] = 1.0
    """Seconds between two looks at the status."""

    def submit(self, call: TaskCall) -> Any:
        """Start the job and return its handle: anything that JSON can hold."""
        raise NotImplementedError(f"{type(self).__name__} does not implement submit()")

    def status(self, handle: Any, config: Any) -> JobStatus:
        """Look at the job once, without waiting."""
        raise NotImplementedError(f"{type(self).__name__} does not implement status()")

    def result(self, handle: Any, call: TaskCall) -> Any:
        """The output of a succeeded job."""
        raise NotImplementedError(f"{type(self).__name__} does not implement result()")

    def logs(self, handle: Any, config: Any) -> Iterable[str]:
        """Lines that the job has printed so far."""
        return ()

    def cancel_job(self, handle: Any, config: Any) -> None:
        """Stop the job."""
