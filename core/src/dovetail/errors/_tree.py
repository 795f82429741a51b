"""The exception tree. Instances survive pickling, because they cross processes."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

Kind = Literal["user", "data", "platform"]


class DovetailError(Exception):
    """Base of every error that dovetail raises on purpose.

    Args:
        what: One sentence: what went wrong.
        who: The task, node, plugin (with distribution and version) or file it went wrong in.
        why: The reason, as far as it is known.
        fix: What to type, or change, next.
        details: Further JSON-able facts for programs, kept under ``details``.
    """

    kind: ClassVar[Kind] = "platform"
    exit_code: ClassVar[int] = 3

    def __init__(
        self, what: str, *, who: str | None = None, why: str | None = None, fix: str | None = None, **details: Any
    ) -> None:
        super().__init__(what)
        self.what = what
        self.who = who
        self.why = why
        self.fix = fix
        self.details = details

    def __str__(self) -> str:
        parts = [self.what]
        for label, text in (("who", self.who), ("why", self.why), ("fix", self.fix)):
            if text:
                parts.append(f"  {label}: " + text.replace("\n", "\n       "))
        return "\n".join(parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.what, self.who, self.why, self.fix, self.details), None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: ``type``, ``kind``, ``what``, ``who``, ``why``, ``fix``, ``details``."""
        return {
            "type": type(self).__name__,
            "kind": self.kind,
            "what": self.what,
            "who": self.who,
            "why": self.why,
            "fix": self.fix,
            "details": self.details,
        }


def _rebuild(
    cls: type[DovetailError], what: str, who: str | None, why: str | None, fix: str | None, details: dict[str, Any]
) -> DovetailError:
    return cls(what, who=who, why=why, fix=fix, **details)


class UserError(DovetailError):
    """Your code, your input or your configuration. Exit code 2."""

    kind = "user"
    exit_code = 2


class UsageError(UserError):
    """A name or value that was typed wrongly."""


class PublishConflict(UsageError):
    """Somebody else has published the dataset meanwhile.

    ``details`` holds ``name``, ``node_id``, ``expected`` and ``current`` (versions; 0 for none).
    """


class ConfigError(UserError):
    """A setting that is unknown or malformed."""


class DefinitionError(UserError):
    """A task or workflow that cannot be built."""


class WiringError(DefinitionError):
    """Two ends of an edge that do not fit."""


class ValueMismatch(UserError):
    """A value that does not fit its annotation."""


class ConversionError(UserError):
    """No converter leads from one type to the other, or only a lossy one that was not allowed."""


class UnknownType(UserError):
    """A type that no installed plugin knows."""


class TaskFailed(UserError):
    """The function of a task raised.

    ``details`` holds ``type`` (the exception's class name), ``message`` and ``traceback`` (text that begins in the
    user's file). ``__cause__`` is the exception itself when it was raised in this process.
    """


class TaskTimeout(UserError):
    """A task ran longer than its timeout and was stopped."""


class DataError(DovetailError):
    """The data is not what was promised. Exit code 1."""

    kind = "data"
    exit_code = 1


class GateBlocked(DataError):
    """A gate refused to publish. ``details["report"]`` is the gate's result record as a dict."""


class PlatformError(DovetailError):
    """A plugin, an engine, a store or dovetail itself. Exit code 3."""


class PluginError(PlatformError):
    """A plugin that cannot be used."""


class PluginLoadError(PluginError):
    """A plugin whose code raised, exited or misses a dependency."""


class PluginConflict(PluginError):
    """Two plugins own one name."""


class ApiMismatch(PluginError):
    """A plugin that was written for another version of the hook API."""


class EngineUnavailable(PlatformError):
    """The external engine is missing or cannot be reached."""


class MemoryLimit(PlatformError):
    """A value that is larger than this process may take. ``details`` holds ``size`` (or None) and ``limit``, in bytes."""


class WorkerDied(PlatformError):
    """A worker process exited, was killed, or broke protocol."""


class StoreError(PlatformError):
    """The run store or the artifact store."""


class StoreLocked(StoreError):
    """Another process holds the store."""


class StoreUnwritable(StoreError):
    """The store cannot be written: no space, no permission, read-only."""


class StoreVersion(StoreError):
    """The store was written by a newer dovetail."""


class ArtifactNotFound(StoreError):
    """The artifact is not in the store."""


class ArtifactCorrupt(StoreError):
    """The bytes of the artifact are not those that were written."""


class RunInterrupted(PlatformError):
    """The run was cancelled, or the process that owned it died. It can be resumed."""


for _class in [each for each in globals().values() if isinstance(each, type) and issubclass(each, DovetailError)]:
    _class.__module__ = "dovetail.errors"  # the public name, which tracebacks and pickles show
