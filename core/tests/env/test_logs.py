"""What a job logs, as the hub's own logging has it."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest
from dovetail.env._frames import BrokenProtocol
from dovetail.env._logs import log_here


def say(request: dict[str, Any]) -> dict[str, Any]:
    log = logging.getLogger(request["name"])
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.log(level, "level %s", level)
    return {}


def raised(request: dict[str, Any]) -> dict[str, Any]:
    try:
        {}["missing"]
    except KeyError:
        logging.getLogger("mine").exception("it went %s", "wrong")
    return {}


def flood(request: dict[str, Any]) -> dict[str, Any]:
    def write() -> None:
        for _ in range(500):
            logging.getLogger("mine").warning("x" * 1000)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logging.getLogger("mine").warning("y" * 1_000_000)
    return {"done": True}


def forked(request: dict[str, Any]) -> dict[str, Any]:
    pid = os.fork()
    if not pid:
        logging.getLogger("mine").warning("from a fork")
        os._exit(0)
    os.waitpid(pid, 0)
    return {}


def misused(request: dict[str, Any]) -> dict[str, Any]:
    logging.getLogger("mine").warning("%d", "no number")
    return {"done": True}


def test_records_keep_their_logger_and_level_and_pass_as_the_hub_says(call, caplog):
    caplog.set_level(logging.INFO)
    call(say, {"name": "mine"})
    found = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    assert found == [("mine", level, f"level {level}") for level in (20, 30, 40)]
    caplog.clear()
    caplog.set_level(logging.ERROR, "mine")
    caplog.set_level(logging.DEBUG, "dovetail")
    call(say, {"name": "mine"})
    call(say, {"name": "dovetail.x"})
    found = [(record.name, record.levelno) for record in caplog.records]
    assert found == [("mine", 40), *(("dovetail.x", level) for level in (10, 20, 30, 40))]


def test_what_was_raised_is_told_with_its_place(call, caplog):
    call(raised)
    (record,) = caplog.records
    assert record.getMessage() == "it went wrong"
    assert "KeyError: 'missing'" in record.exc_text
    assert (record.funcName, os.path.basename(record.pathname)) == ("raised", os.path.basename(__file__))


def test_records_of_many_threads_arrive_whole_and_long_ones_are_cut(call, caplog):
    assert call(flood) == {"done": True}
    texts = [record.getMessage() for record in caplog.records]
    assert texts[:-1] == ["x" * 1000] * 2000
    assert len(texts[-1]) < 11_000
    assert texts[-1].endswith("990,000 characters left out")


def test_a_fork_of_the_job_cannot_break_the_protocol(call, caplog):
    lines = []
    call(forked, on_output=lambda stream, line: lines.append((stream, line)))
    assert call(say, {"name": "mine"}) == {}
    assert lines == [("stderr", "from a fork")]


def test_a_record_that_cannot_be_told_harms_nobody(call, caplog):
    lines = []
    assert call(misused, on_output=lambda stream, line: lines.append(line)) == {"done": True}
    assert any("--- Logging error ---" in line for line in lines)


@pytest.mark.parametrize("change", [{"name": 1}, {"level": "high"}, {"text": None}, {"raised": 3}, {"line": True}])
def test_what_is_no_record_is_refused(change):
    record = {"name": "x", "level": 30, "text": "t", "raised": None, "file": "f", "line": 1, "function": None}
    log_here(record)
    with pytest.raises(BrokenProtocol):
        log_here(record | change)
