"""The result record of a gate: one schema for every engine. Reports, events and history are made from it alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from dovetail.errors import DefinitionError, GateBlocked
from dovetail.quality._policy import Decision, Status
from dovetail.quality._profile import ColumnProfile

SCHEMA_VERSION = 1

_T = TypeVar("_T")


@dataclass(slots=True)
class CheckReport:
    """What became of one check.

    Attributes:
        check_id: Stable over runs; does not depend on thresholds.
        name: For people.
        kind: Engine-neutral kind: ``not_null``, ``unique``, ``in_range``, ...
        columns: Columns that it reads.
        status: ``pass``, ``warn``, ``fail``, ``error`` (could not be evaluated) or ``skipped``.
        severity: ``error``, or ``warning`` for a check that never does more than warn.
        row_scoped: True if single rows can fail it.
        dimension: Quality dimension as in the Open Data Contract Standard, or None.
        n_evaluated: Values or rows looked at.
        n_failed: How many failed; recorded also when the check passes.
        fraction: ``n_failed / n_evaluated``; 0 when nothing was evaluated.
        n_keys: For uniqueness: keys that occur more than once.
        expected: What was expected, for people.
        observed: For aggregate checks: what was found.
        thresholds: ``{"warn": ..., "fail": ...}``; empty for checks that are not row-scoped.
        message: Reason of an error or a skip.
        duration_ms: Wall time, milliseconds.
        sample: At most 20 failing rows: ``{"row": ordinal, "values": {column: text}}``.
        history: For limits from history: ``points``, ``previous``, ``delta``, ``median``, ``mad``, ``score`` (distance from the
            median in MADs); else None.
    """

    check_id: str
    name: str
    kind: str
    columns: list[str]
    status: Status
    severity: str = "error"
    row_scoped: bool = True
    dimension: str | None = None
    n_evaluated: int = 0
    n_failed: int = 0
    fraction: float = 0.0
    n_keys: int | None = None
    expected: str = ""
    observed: Any = None
    thresholds: dict[str, int | str] = field(default_factory=dict)
    message: str = ""
    duration_ms: float = 0.0
    sample: list[dict[str, Any]] = field(default_factory=list)
    history: dict[str, Any] | None = None


@dataclass(slots=True)
class Report:
    """The result record of one evaluation of one gate.

    Attributes:
        gate: Name of the gate.
        version: Hash of the checks; changes when a check changes.
        decision: ``publish``, ``publish_with_warnings``, ``publish_clean_quarantine_rest`` or ``block``.
        reason: Why, for people.
        policy: The gate's policy as it was.
        suite: Name of the suite.
        engine: ``{"name": ..., "version": ...}`` of the check engine.
        checks: One record per check.
        rows_in: Rows that came in. Always ``rows_clean + rows_quarantined + rows_dropped + rows_blocked``.
        rows_clean: Rows that were let through.
        rows_quarantined: Rows that were set aside.
        rows_dropped: Rows that were dropped.
        rows_blocked: Rows that were refused together with the whole value.
        rows_failed: Distinct rows that failed a row-scoped check, whatever became of them.
        run_id: The run, or None for a call in process.
        node_id: The node, or ``""``.
        attempt: 1 for the first.
        dataset: ``{"namespace", "name", "version", "artifact"}`` as far as known, or None.
        value_type: Type name of the value: ``"polars.DataFrame"``.
        quarantine: Where the quarantined rows are: the artifact as a dict, or None.
        started: ISO 8601, UTC.
        ended: ISO 8601, UTC.
        cpu_ms: CPU time of this thread, milliseconds.
        downstream: What those got who read a refused value, where the run went on: reader (``"total.orders"``) to ``skip``,
            ``continue_with_previous`` or ``continue``.
        profile: What stands in each column that came in, where the gate was asked to look; else None.
        schema_version: Version of this record.
    """

    gate: str
    version: str
    decision: Decision
    reason: str
    policy: dict[str, Any]
    suite: str = ""
    engine: dict[str, str] = field(default_factory=dict)
    checks: list[CheckReport] = field(default_factory=list)
    rows_in: int = 0
    rows_clean: int = 0
    rows_quarantined: int = 0
    rows_dropped: int = 0
    rows_blocked: int = 0
    rows_failed: int = 0
    run_id: str | None = None
    node_id: str = ""
    attempt: int = 1
    dataset: dict[str, Any] | None = None
    value_type: str = ""
    quarantine: dict[str, Any] | None = None
    started: str = ""
    ended: str = ""
    cpu_ms: float = 0.0
    downstream: dict[str, str] = field(default_factory=dict)
    profile: list[ColumnProfile] | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def blocked(self) -> bool:
        """True if nothing may be published."""
        return self.decision == "block"

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """Read back what :meth:`to_dict` wrote; fields that this version does not know are left out.

        Raises:
            DefinitionError: It is not such a record, or its schema is newer.
        """
        try:
            if int(data["schema_version"]) > SCHEMA_VERSION:
                raise DefinitionError(
                    f"the report has schema version {data['schema_version']}, this dovetail reads up to {SCHEMA_VERSION}",
                    fix="pip install --upgrade dovetail",
                )
            checks = [_known(CheckReport, check) for check in data["checks"]]
            columns = data.get("profile")
            profile = None if columns is None else [_known(ColumnProfile, column) for column in columns]
            return _known(cls, {**data, "checks": checks, "profile": profile})
        except (KeyError, TypeError, ValueError) as error:
            raise DefinitionError("this is not a gate's report", why=f"{type(error).__name__}: {error}") from error

    def summary(self) -> str:
        """One line for people: ``gate flights: 335,102 of 336,776 rows clean, 1,674 quarantined (2 of 9 checks failed)``."""
        counts = [f"{self.rows_clean:,} of {self.rows_in:,} rows clean"]
        for number, word in (
            (self.rows_quarantined, "quarantined"),
            (self.rows_dropped, "dropped"),
            (self.rows_blocked, "blocked"),
        ):
            if number:
                counts.append(f"{number:,} {word}")
        tally = {
            word: sum(check.status == word for check in self.checks) for word in ("fail", "error", "warn", "skipped")
        }
        words = {"fail": "failed", "error": "could not be evaluated", "warn": "warned", "skipped": "skipped"}
        told = [f"{n} {words[word]}" for word, n in tally.items() if n]
        verdict = f"{', '.join(told)} of {len(self.checks)} checks" if told else f"all {len(self.checks)} checks passed"
        return f"gate {self.gate}: {', '.join(counts)} ({verdict})"


def _known(cls: type[_T], data: dict[str, Any]) -> _T:
    names = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in data.items() if name in names})


def report_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of :meth:`Report.to_dict`: what ``report-1.schema.json`` of this package holds."""
    import json
    from importlib.resources import files

    found: dict[str, Any] = json.loads(files("dovetail.quality").joinpath("report-1.schema.json").read_text("utf-8"))
    return found


def raise_for_decision(report: Report) -> None:
    """Raise if the gate refused to publish.

    Raises:
        GateBlocked: The decision is ``block``; ``details["report"]`` is the report as a dict.
    """
    if not report.blocked:
        return
    lines = [
        f"{check.name}: " + (check.message or f"{check.n_failed:,} of {check.n_evaluated:,} failed")
        for check in report.checks
        if check.status in ("fail", "error")
    ]
    where = f"gate {report.gate!r}" + (f" of node {report.node_id!r}" if report.node_id else "")
    raise GateBlocked(
        f"{where} blocked {report.rows_in:,} rows: {report.reason}",
        who=" ".join(part for part in (report.engine.get("name", ""), report.engine.get("version", "")) if part)
        or None,
        why="\n".join(lines[:12]) or None,
        fix=_advice(report),
        report=report.to_dict(),
    )


def _advice(report: Report) -> str:
    if any(check.status == "error" for check in report.checks):
        return "make the checks that could not be evaluated fit the data; what cannot be evaluated blocks"
    rows_only = all(check.row_scoped for check in report.checks if check.status == "fail")
    if rows_only and report.policy.get("on_fail") == "block":
        return 'mend the data, or set the failing rows aside with on_fail="quarantine"'
    return "mend the data, or change the gate's limits"
