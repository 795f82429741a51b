"""Hubs: several in one process, several threads on one, and runs inside tasks."""

from __future__ import annotations

import threading
from pathlib import Path

import dovetail as dt
from dovetail.hub import Hub


@dt.task
def inc(x: int) -> int:
    return x + 1


@dt.workflow
def chain(x: int) -> int:
    return inc(inc(inc(x)))


class Nothing:
    """A plugin that declares nothing, so that its hub has a catalogue of its own."""

    DOVETAIL_API = 1


def all_at_once(jobs: list[object]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_one_hub_and_its_stores(tmp_path: Path) -> None:
    hub = Hub(home=tmp_path)
    start = threading.Barrier(6)
    stores: list[object] = []
    values: list[int] = []

    def job() -> None:
        start.wait()
        stores.append(hub.runs)
        values.append(hub.run(chain, x=1).value)

    all_at_once([job] * 6)
    assert len(set(map(id, stores))) == 1
    assert values == [4] * 6
    assert len(hub.runs.list_runs()) == 6
    hub.close()


def test_two_hubs_run_one_workflow_at_the_same_time(tmp_path: Path) -> None:
    hubs = [Hub(home=tmp_path / "a"), Hub(home=tmp_path / "b", plugins=[Nothing()])]
    assert hubs[0].catalogue is not hubs[1].catalogue
    values: list[int] = []

    def job(hub: Hub) -> None:
        values.extend(hub.run(chain, x=x).value - x for x in range(15))

    all_at_once([lambda hub=hub: job(hub) for hub in hubs])
    assert values == [3] * 30
    assert [len(hub.runs.list_runs()) for hub in hubs] == [15, 15]


def test_a_run_inside_a_task_is_recorded_where_its_task_is(tmp_path: Path) -> None:
    @dt.task
    def outer(x: int) -> int:
        value: int = dt.run(chain, x=x).value
        return value

    @dt.workflow
    def wf(x: int) -> int:
        return outer(x)

    for plugins in ([], [Nothing()]):
        with Hub(home=tmp_path / str(len(plugins)), plugins=plugins) as hub:
            assert hub.run(wf, x=1).value == 4
            assert sorted(run.workflow for run in hub.runs.list_runs()) == ["chain", "wf"]


def test_a_closed_hub_opens_again_at_need(tmp_path: Path) -> None:
    hub = Hub(home=tmp_path)
    hub.run(chain, x=1)
    hub.close()
    hub.close()
    assert hub.run(chain, x=1).value == 4
    hub.close()
