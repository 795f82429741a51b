"""What tasks log in other processes stands in the run's log like what is logged here."""

from __future__ import annotations

import logging

import pytest
from dovetail.graph import current_context

SPOKEN = """
    import logging

    @dt.task(WHERE)
    def speak(text: str) -> str:
        from dovetail.config import Secret
        Secret("geheim-4711")
        dt.context().log.info("told %s", text)
        logging.getLogger("mine").warning("the key is %s", "geheim-4711")
        return text

    @dt.workflow
    def flow(text: str = "this") -> str:
        return speak(text)
    """


@pytest.fixture
def heard():
    """What reaches a handler of the hub: node, logger, level and text."""
    found = []

    class Ear(logging.Handler):
        def emit(self, record):
            if record.name != "dovetail.engine":
                found.append((current_context().node_id, record.name, record.levelname, record.getMessage()))

    ear = Ear()
    logging.getLogger().addHandler(ear)
    logging.getLogger("dovetail").setLevel(logging.INFO)
    yield found
    logging.getLogger("dovetail").setLevel(logging.NOTSET)
    logging.getLogger().removeHandler(ear)


@pytest.mark.parametrize("where", ['env="plain"', ""])
def test_what_a_task_logs_has_its_node_and_level_wherever_it_runs(pipeline, hub, heard, where):
    module = pipeline(SPOKEN.replace("WHERE", where))
    hub.run(module.flow, executor="threads")
    secret = "***" if where else "geheim-4711"  # it is the handler that masks, for what is logged here
    assert heard == [
        ("speak", "dovetail.task", "INFO", "told this"),
        ("speak", "mine", "WARNING", f"the key is {secret}"),
    ]
    heard.clear()
    module.flow(text="that")
    assert [line[1:3] for line in heard] == [("dovetail.task", "INFO"), ("mine", "WARNING")]


def test_what_a_task_logs_in_a_process_has_its_node_too(pipeline, hub, heard):
    module = pipeline(SPOKEN.replace("WHERE", ""))
    hub.run(module.flow, executor="processes")
    assert [line[:3] for line in heard] == [("speak", "dovetail.task", "INFO"), ("speak", "mine", "WARNING")]
