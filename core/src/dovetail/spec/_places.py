"""Where a task is run: in the hub's process, or in an environment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

EngineChoice = Literal["auto", "here", "isolated"]
"""What may be asked for: where the engine is, in the hub's process, or in the engine's environment."""


NO_ENGINE = "it needs no engine"
"""The reason of a task that is run here because nothing speaks for another place."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task is run, and why; recorded with its nodes.

    Attributes:
        where: ``"here"``: in the hub's process, or wherever its executor has put the node; ``"isolated"``: in a worker
            process of an environment.
        environment: Name of the environment; None here.
        reason: Why, for people: ``"vaex-core 4.19.0 is here"``, ``"vaex is not installed here"``, ``"the task asks for it"``.
        digest: Digest of the environment, which tells its lock and its Python apart from every other; ``""`` here, and
            before the environment is built.
    """

    where: Literal["here", "isolated"]
    environment: str | None = None
    reason: str = ""
    digest: str = ""

    @property
    def isolated(self) -> bool:
        """True if it is run in an environment."""
        return self.where == "isolated"

    @property
    def telling(self) -> bool:
        """True if an engine, or somebody's word, decided; false for a task that could have been run anywhere."""
        return self.isolated or self.reason != NO_ENGINE

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Place:
        """Read back what :meth:`to_dict` wrote; fields that are not known are passed over."""
        where: Literal["here", "isolated"] = "isolated" if data.get("where") == "isolated" else "here"
        environment = data.get("environment")
        return cls(
            where,
            environment if isinstance(environment, str) else None,
            str(data.get("reason", "")),
            str(data.get("digest", "")),
        )
