"""A dynamic node connects the same nodes when its run is resumed, or the run says that it does not."""

from __future__ import annotations

from pathlib import Path

import dovetail as dt
import pytest
from dovetail.errors import TaskFailed, UsageError
from dovetail.hub import Hub

WIDTH = [2]
FAIL = [True]


@dt.task
def one(i: int) -> int:
    return i


@dt.task
def last(values: list[int]) -> int:
    if FAIL[0]:
        raise OSError("not yet")
    return sum(values)


@dt.dynamic
def spread(x: int) -> int:
    return last([one(i) for i in range(WIDTH[0])])


@dt.workflow
def wf(xs: list[int]) -> list[int]:
    return [spread(one(5)), spread(one(6))]


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    WIDTH[0], FAIL[0] = 2, True
    hub = Hub(home=tmp_path)
    with pytest.raises(TaskFailed):
        hub.run(wf, xs=[1], run_id="one")
    FAIL[0] = False
    return hub


def test_the_same_graph_is_resumed_and_written_down_once(hub: Hub) -> None:
    assert hub.resume("one").value == [1, 1]
    nodes = [event.node_id for event in hub.runs.events("one") if event.type == "node.expanded"]
    assert sorted(set(nodes)) == ["spread", "spread-2"]
    succeeded = [event.node_id for event in hub.runs.events("one") if event.type == "node.succeeded"]
    assert len(succeeded) == len(set(succeeded))
    hub.close()


def test_another_graph_is_refused_by_the_name_of_its_node(hub: Hub) -> None:
    WIDTH[0] = 3
    with pytest.raises(
        UsageError, match="the body of dynamic node 'spread' connects other nodes than before"
    ) as caught:
        hub.resume("one")
    assert "nothing but its inputs" in str(caught.value.fix)
    WIDTH[0] = 2
    assert hub.resume("one").value == [1, 1]
    hub.close()
