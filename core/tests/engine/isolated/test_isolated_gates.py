"""Gates of tasks in environments: evaluated by the hub, which keeps their reports."""

from __future__ import annotations

import pyarrow as pa
import pytest
from dovetail.errors import GateBlocked

GATED = """
    import pyarrow as pa
    from typing import Annotated

    not_null = dt.Gate(dt.checks.not_null("a"), on_fail="%s", max_quarantined="50%%")

    @dt.task(env="plain")
    def made(n: int) -> Annotated[pa.Table, not_null]:
        return pa.table({"a": pa.array([None, *range(n)], pa.int64())})

    @dt.task(env="plain")
    def rows(table: pa.Table) -> int:
        return table.num_rows

    @dt.workflow
    def flow(n: int = 4) -> int:
        return rows(made(n))
    """


def test_a_gate_on_an_isolated_output_is_evaluated_by_the_hub(pipeline, hub):
    module = pipeline(GATED % "drop")
    result = hub.run(module.flow)
    assert result.value == 4
    assert [report.node_id for report in hub.runs.reports(result.run_id)] == ["made"]
    assert module.flow() == 4


def test_a_gate_that_blocks_fails_the_run_as_data(pipeline, hub):
    module = pipeline(GATED % "block")
    with pytest.raises(GateBlocked):
        hub.run(module.flow)
    with pytest.raises(GateBlocked):
        module.flow()


def test_a_gate_on_an_isolated_input(pipeline, hub):
    module = pipeline(
        """
        import pyarrow as pa
        from typing import Annotated

        @dt.task(env="plain")
        def rows(table: Annotated[pa.Table, dt.Gate(dt.checks.not_null("a"), on_fail="drop", max_quarantined="50%")]) -> int:
            return table.num_rows

        @dt.workflow
        def flow(table: pa.Table) -> int:
            return rows(table)
        """
    )
    table = pa.table({"a": [1, None, 3]})
    assert hub.run(module.flow, table=table).value == 2
    assert module.flow(table) == 2
