"""A run that is stored: its nodes, the cache, and resuming after a failure.

Prints:
    counting to 1000
    failed: node 'divide' raised ValueError: no divisor
    count succeeded, divide failed
    resumed: 249.75
    count cached, divide succeeded
"""

import os
import tempfile

import dovetail as dt


@dt.task(cache=True)
def count(limit: int) -> float:
    print("counting to", limit)
    return sum(range(limit)) / limit


@dt.task
def divide(number: float) -> float:
    if "DIVISOR" not in os.environ:
        raise ValueError("no divisor")
    return number / float(os.environ["DIVISOR"])


@dt.workflow
def quotient(limit: int = 1000) -> float:
    return divide(count(limit))


def states(run_id: str) -> str:
    nodes = hub.runs.nodes(run_id)
    return ", ".join(f"{node.node_id} {'cached' if node.cached else node.status}" for node in nodes)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home, dt.Hub(home=home) as hub:
        try:
            hub.run(quotient)
        except dt.errors.TaskFailed as error:
            print("failed:", error.what)
            print(states(error.details["run_id"]))

        os.environ["DIVISOR"] = "2"
        print("resumed:", hub.resume("latest").value)  # count is not run again
        print(states(hub.run(quotient).run_id))  # a new run: count comes from the cache
