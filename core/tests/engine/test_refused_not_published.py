"""What a gate refused is never published, on whatever way it comes to the node that publishes."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import dovetail as dt
import pyarrow as pa
import pytest
from dovetail.hub import Hub
from dovetail.quality.checks import not_null

GOOD, BAD = pa.table({"a": [1, 2, 3]}), pa.table({"a": [1, None]})
on = dt.Gate([not_null("a")], name="orders", downstream="continue")
before = dt.Gate([not_null("a")], name="orders", downstream="continue_with_previous")


@dt.task
def read(bad: bool) -> pa.Table:
    return BAD if bad else GOOD


@dt.task
def checked(bad: bool) -> Annotated[pa.Table, on]:
    return BAD if bad else GOOD


@dt.task
def same(flag: bool) -> bool:
    return flag


class Parts(NamedTuple):
    rows: Annotated[pa.Table, on]
    count: int


@dt.task
def parts(bad: bool) -> Parts:
    return Parts(BAD if bad else GOOD, 1)


@dt.workflow
def through_a_choice(bad: bool) -> pa.Table:
    return dt.publish(dt.when(same(True), on(read(bad)), GOOD), "orders")


@dt.workflow
def through_two_choices(bad: bool) -> pa.Table:
    inner = dt.when(same(True), before(read(bad)), GOOD)
    return dt.publish(dt.when(same(False), GOOD, inner), "orders")


@dt.workflow
def nested(bad: bool) -> pa.Table:
    return on(read(bad))


@dt.workflow
def from_a_workflow(bad: bool) -> pa.Table:
    return dt.publish(nested(bad), "orders")


@dt.dynamic
def decided(bad: bool) -> pa.Table:
    return on(read(bad))


@dt.workflow
def from_a_dynamic_node(bad: bool) -> pa.Table:
    return dt.publish(decided(bad), "orders")


@dt.workflow
def a_list(bad: bool) -> list[pa.Table]:
    return dt.publish(dt.map(checked, [False, bad]), "orders")


@dt.workflow
def lists_of_workflows(bad: bool) -> list[pa.Table]:
    return dt.publish(dt.map(nested, [False, bad]), "orders")


@dt.workflow
def a_field(bad: bool) -> pa.Table:
    return dt.publish(parts(bad).rows, "orders")


@dt.workflow
def behind_another_gate(bad: bool) -> pa.Table:
    return dt.publish(on(read(bad)), "orders", gate=dt.Gate([not_null("a")], name="again", fail=5))


WAYS = [
    through_a_choice,
    through_two_choices,
    from_a_workflow,
    from_a_dynamic_node,
    a_list,
    lists_of_workflows,
    a_field,
    behind_another_gate,
]


@pytest.mark.parametrize("workflow", WAYS, ids=lambda each: str(each.name))
def test_a_refused_value_is_not_published(hub: Hub, workflow: Any) -> None:
    hub.run(workflow, bad=False)
    assert [version.version for version in hub.runs.datasets("orders")] == [1]
    result = hub.run(workflow, bad=True)
    assert result.status == "succeeded_with_warnings"
    published = [hub.types.load(each.artifact, hub.artifacts) for each in hub.runs.datasets("orders")]
    tables = [table for each in published for table in (each if isinstance(each, list) else [each])]
    assert all(table.equals(GOOD) for table in tables), "nothing that a gate refused"
