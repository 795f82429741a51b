"""What a run gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dovetail.engine._values import MISSING, Slot, Values
from dovetail.errors import DataError
from dovetail.graph import base_type
from dovetail.quality import Report
from dovetail.spec import Artifact

if TYPE_CHECKING:
    from dovetail.store import NodeRecord, RunRecord, RunStore


class RunResult:
    """A run that has ended.

    Attributes:
        run_id: Its id, for ``dovetail runs show``.
        outputs: Stored outputs of the workflow by name.
    """

    def __init__(self, run_id: str, annotation: Any, slot: Slot, values: Values, runs: RunStore) -> None:
        self.run_id = run_id
        self.outputs: dict[str, Artifact] = slot.artifacts
        self._annotation = annotation
        self._slot = slot
        self._values = values
        self._runs = runs

    @property
    def value(self) -> Any:
        """The output of the workflow, of its annotated type; loaded from the store if it is not in memory.

        Raises:
            DataError: There is none: a gate refused what it would have been made of, and the run went on.
            ArtifactNotFound: It was removed from the store.
            ArtifactCorrupt: Its bytes are not those that were written.
        """
        if self._slot.lost:
            raise DataError(
                f"run {self.run_id} has no result", why=self._slot.lost, fix=f"dovetail gates show {self.run_id}"
            )
        if self._slot.value is MISSING and base_type(self._annotation) is type(None):
            return None
        return self._values.whole(self._slot)

    @property
    def record(self) -> RunRecord:
        """The run as the store holds it: status, times, error."""
        return self._runs.get_run(self.run_id)

    @property
    def status(self) -> str:
        """``succeeded`` or ``succeeded_with_warnings``."""
        return self.record.status

    @property
    def nodes(self) -> list[NodeRecord]:
        """The nodes with their states, times and outputs."""
        return list(self._runs.nodes(self.run_id))

    @property
    def reports(self) -> list[Report]:
        """The reports of all gates, in order."""
        return [Report.from_dict(record.report) for record in self._runs.reports(self.run_id)]

    def __repr__(self) -> str:
        return f"<run {self.run_id} {self.status}>"
