"""What is told of a worker that came to its end."""

from __future__ import annotations

from dovetail.env._home import Home
from dovetail.env._memory import TooMuch
from dovetail.env._process import exit_words
from dovetail.env._worker import Expired, Worker
from dovetail.errors import DovetailError, TaskTimeout, WorkerDied


def too_much(job: str, much: TooMuch) -> WorkerDied:
    """The error for a job that held more memory than it may."""
    return WorkerDied(
        f"the worker process held {much.held / 1e6:,.0f} MB of memory, more than the {much.limit / 1e6:,.0f} MB that the task "
        "may have, and was stopped",
        who=job or None,
        fix="raise the task's memory limit, or give it less data at once",
        memory=much.limit,
    )


def death(worker: Worker, job: str, started: bool, home: Home | None) -> WorkerDied:
    """The error for a worker that went away; ends what is left of it. ``started``: during the job, else before it."""
    tail = worker.stderr_tail()
    words, fix, facts = exit_words(worker.end(0), worker.kills_for_memory())
    if not started and home is not None:
        fix = f"dovetail env rm {home.name}; dovetail env sync {home.name}"
    elif not started:
        fix = "see that the interpreter runs, has dovetail, and has enough memory for both"
    return WorkerDied(
        f"the worker process {words}" + ("" if started else " before it began"),
        who=job or None,
        why=f"its last lines of stderr:\n{tail}" if tail else None,
        fix=fix,
        **facts,
    )


def expiry(job: str, expired: Expired) -> DovetailError:
    """The error for a job whose time is up, or for a worker that took too long to come up or to load the code."""
    if expired.phase == "start":
        return WorkerDied(f"a worker process did not come up within {expired.seconds:g} s", who=job or None)
    if expired.phase == "load":
        return WorkerDied(
            f"a worker process did not get the code of the task loaded within {expired.seconds:g} s, and was stopped",
            who=job or None,
            why="importing what it uses takes that long, or never ends",
            fix="import what hangs inside the function; the timeout of the task then holds for it",
        )
    return TaskTimeout(
        f"the task ran longer than its timeout of {expired.seconds:g} s and was stopped",
        who=job or None,
        fix="raise the task's timeout, or give it less to do",
        timeout=expired.seconds,
    )
