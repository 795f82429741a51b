"""Task types of plugins that are installed in an environment alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from dovetail.errors import PlatformError
from dovetail.spec import Interface, Manifest, TaskCall, TaskType, TaskTypeSpec


class LivesElsewhere(TaskType):
    """Stands here for a task type whose code is in an environment, where the real one is made.

    Args:
        spec: Its declaration.
        owner: The plugin.
    """

    def __init__(self, spec: TaskTypeSpec, owner: Manifest) -> None:
        self.name = spec.name  # type: ignore[misc]  # of each such task type its own
        self._version = f"{owner.distribution} {owner.version}"

    def validate(self, config: Any, interface: Interface, function: Callable[..., Any] | None) -> None:
        """Leave that to the worker, which has the code: it looks before the first call."""

    def resource_key(self, config: Any) -> Hashable | None:
        """One for each config: what the real one opens is kept open for the run."""
        return repr(config)

    def execute(self, call: TaskCall) -> Any:
        """Never called: tasks of this type are placed in the environment."""
        raise PlatformError(f"task type {self.name!r} was called in a process that does not have it")

    def fingerprint(self, config: Any, function: Callable[..., Any] | None) -> str:
        """That of the config, and the version of the plugin, which the real one cannot be asked about here."""
        return f"{self._version}\0{config!r}"
