"""Run everything CI checks and count it: `make test`.

    python scripts/test_all.py [--only NAME ...] [--jobs N] [--list]

Steps are `lint` (ruff, import contracts, news, docs), `types` (mypy strict) and the test suites: core, each plugin in an
environment that holds core and that plugin alone, and the suites under `tests/`. A step that fails does not stop the next
one. Two run side by side where there are two cores: what a step says is then shown as a whole when it ends. The last line
is `N passed, N failed[, N skipped]` over all suites; the exit code is 0 only when every step passed and every suite ran at
least one test.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from tooling import (
    ROOT,
    Distribution,
    ToolError,
    distributions,
    ensure_uv,
    make_environment,
    python_of,
    uv_environment,
)

SUITE_SECONDS = 1500
TEST_SECONDS = 300  # a test that hangs shows where, and ends its suite
LANES = 2  # at most, unless more are asked for: one step takes up to 6 GB of memory
LONG_SECONDS = {"system": 445, "core": 440, "pairs": 140, "sql": 120}  # about; these begin first, all others fill up
GRACE_SECONDS = 10  # for what is interrupted to clean up
PLAIN_CODES = (0, 1)  # pytest: all passed, some failed; anything else means that the counts are not the whole story


@dataclass
class Outcome:
    """What one step came to."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    output: IO[str] | None = None  # where what the step says goes; None: standard output

    @property
    def good(self) -> bool:
        """Nothing failed and nothing else went wrong."""
        return not self.failed and not self.wrong


@dataclass(frozen=True)
class Step:
    """One thing to run, by a name that `--only` takes."""

    name: str
    action: Callable[[Outcome], None]
    is_suite: bool = False


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Run everything CI checks.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these steps alone")
    lanes = min(os.cpu_count() or 1, LANES)
    parser.add_argument("--jobs", type=int, default=lanes, metavar="N", help="steps at once  [here: %(default)s]")
    parser.add_argument("--list", action="store_true", help="name the steps and stop")
    options = parser.parse_args()
    steps = all_steps()
    known = [step.name for step in steps]
    if options.list:
        print("\n".join(known))
        return 0
    unknown = set(options.only or ()) - set(known)
    if unknown:
        parser.error(f"no step {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    chosen = [step for step in steps if not options.only or step.name in options.only]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        ensure_uv()  # once, before two steps could want to make it
        outcomes = carry_out_all(chosen, options.jobs)
    except ToolError as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted", flush=True)
        return 130
    report(outcomes, suites=any(step.is_suite for step in chosen))
    return 0 if all(outcome.good for outcome in outcomes) else 1


def all_steps() -> list[Step]:
    """Static checks first, since they are quick to tell."""
    steps = [Step("lint", lint), Step("types", types)]
    for member in distributions():
        steps.append(Step(member.short, partial(alone, member), is_suite=True))
    steps += [Step(folder.name, partial(together, folder), is_suite=True) for folder in shared_suites()]
    return steps


def shared_suites() -> list[Path]:
    """The folders of ``tests/`` that hold tests, but for a project with tests of its own."""
    return [folder for folder in sorted((ROOT / "tests").glob("*/")) if any(folder.glob("test_*.py"))]


def carry_out_all(steps: Sequence[Step], jobs: int) -> list[Outcome]:
    """Run steps side by side, those that take longest first; the outcomes are in the order of the steps.

    KeyboardInterrupt ends all processes that were started before it goes on.
    """
    lanes = max(1, min(jobs, len(steps)))
    order = sorted(steps, key=lambda step: (step.is_suite, -LONG_SECONDS.get(step.name, 0)))
    with ThreadPoolExecutor(lanes) as pool:
        try:
            running = {step.name: pool.submit(carry_out if lanes == 1 else carry_out_aside, step) for step in order}
            return [running[step.name].result() for step in steps]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            CHILDREN.stop()
            raise


def carry_out(step: Step, output: IO[str] | None = None) -> Outcome:
    """Run one step; what it raises is its failure, not the end of the others."""
    print(f"\n=== {step.name} ===", file=output, flush=True)
    outcome = Outcome(step.name, output=output)
    began = time.monotonic()
    try:
        step.action(outcome)
    except Exception as error:
        outcome.wrong.append(str(error) if isinstance(error, ToolError | OSError) else repr(error))
    outcome.seconds = time.monotonic() - began
    return outcome


def carry_out_aside(step: Step) -> Outcome:
    """The same while others run: what it says is kept, and shown as a whole."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        with SHOWING:
            print(f"{step.name} begins", flush=True)
        outcome = carry_out(step, output)
        output.seek(0)
        with SHOWING:
            print(output.read(), end="", flush=True)
        return outcome


SHOWING = threading.Lock()


class Children:
    """The processes of steps, each the head of a group of its own: none outlives this one."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._changed = threading.Condition()
        self._stopped = False

    def run(
        self, words: Sequence[str], outcome: Outcome, env: Mapping[str, str], seconds: float | None = None
    ) -> int | None:
        """The exit code, or None when the time ran out and the whole process group was killed."""
        errors = None if outcome.output is None else subprocess.STDOUT
        with self._changed:
            if self._stopped:
                raise ToolError("interrupted")
            child = subprocess.Popen(
                words, cwd=ROOT, env=env, stdout=outcome.output, stderr=errors, start_new_session=True
            )
            self._running.add(child)
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            with self._changed:
                self._running.discard(child)
                self._changed.notify_all()

    def stop(self) -> None:
        """End all of them, as Ctrl-C would where it helps; from now on none is started."""
        with self._changed:
            self._stopped = True
            for number in (signal.SIGINT, signal.SIGKILL):
                for child in self._running:
                    with suppress(ProcessLookupError):
                        os.killpg(child.pid, number)
                self._changed.wait_for(lambda: not self._running, timeout=GRACE_SECONDS)


CHILDREN = Children()


def lint(outcome: Outcome) -> None:
    """Style, import contracts, news fragments, documentation."""
    tools = python_of(ROOT / ".venv").parent
    commands: list[list[str | Path]] = [
        [tools / "ruff", "check", "--quiet", "."],
        [tools / "ruff", "format", "--check", "--quiet", "."],
        [tools / "lint-imports", "--no-cache"],  # its cache has been seen to report a line that was gone
        [tools / "python", "scripts/news.py", "check"],
        [tools / "python", "scripts/docs_check.py"],
        [tools / "python", "scripts/reference.py", "check"],
    ]
    for command in commands:
        check(command, outcome)


def types(outcome: Outcome) -> None:
    """mypy in strict mode over what is shipped, then over the scripts."""
    mypy = python_of(ROOT / ".venv").parent / "mypy"
    packages = [word for member in distributions() for package in member.packages for word in ("-p", package)]
    check([mypy, *packages], outcome)
    check([mypy, *sorted((ROOT / "scripts").glob("*.py"))], outcome, MYPYPATH=str(ROOT / "scripts"))


def check(command: list[str | Path], outcome: Outcome, **extra: str) -> None:
    """One command whose exit code says all."""
    words = [str(word) for word in command]
    shown = " ".join([Path(words[0]).name, *words[1:4], *(["..."] if len(words) > 4 else [])])
    code = CHILDREN.run(words, outcome, {**clean_environment(), **extra})
    print(f"{'ok  ' if code == 0 else 'FAIL'} {shown}", file=outcome.output, flush=True)
    if code != 0:
        outcome.wrong.append(f"{shown}: exit code {code}")


def alone(member: Distribution, outcome: Outcome) -> None:
    """The tests of one distribution where only core and that distribution are installed, with its engine."""
    venv = ROOT / ".venvs" / member.short
    local = {other.name: other for other in distributions()}
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = local["dovetail"].editable(["arrow"]) + member.engine()
    for line in [*root["dependency-groups"]["test"], *member.test_group]:
        name, _, extras = line.partition("[")
        if name in local:  # a neighbour whose frames the tests need: from this tree, never from an index
            wanted += local[name].editable(extras.rstrip("]").split(","))
        else:
            wanted.append(line)
    inputs = [member.lock, ROOT / "pyproject.toml", *(other.path / "pyproject.toml" for other in local.values())]
    installs: list[list[str | Path]] = [["-c", member.lock, *dict.fromkeys(pairs(wanted))]]
    make_environment(venv, str(python_of(ROOT / ".venv")), inputs, installs, outcome.output)
    suite(python_of(venv), member.path / "tests", outcome)


def together(folder: Path, outcome: Outcome) -> None:
    """One suite of ``tests/``, where everything is installed."""
    suite(python_of(ROOT / ".venv"), folder, outcome)


def pairs(words: list[str]) -> list[str]:
    """``-e PATH`` as one word ``--editable=PATH``, so that repeated ones can be told."""
    joined, editable = [], False
    for word in words:
        if word == "-e":
            editable = True
            continue
        joined.append(f"--editable={word}" if editable else word)
        editable = False
    return joined


def suite(python: Path, folder: Path, outcome: Outcome) -> None:
    """One pytest run; its counts come from the JUnit file, so that a run that dies is not taken for a quiet one."""
    if not folder.is_dir():
        outcome.wrong.append(f"{folder} is not there: every distribution has tests")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o1777)  # as the usual one: a server that tests start may be another user's
        results = Path(scratch) / "junit.xml"
        words = [str(python), "-m", "pytest", "-q", "-o", "junit_family=xunit1", f"--junitxml={results}"]
        words += ["-o", f"faulthandler_timeout={TEST_SECONDS}", "-o", "faulthandler_exit_on_timeout=true"]
        words += ["-o", f"cache_dir={ROOT / '.pytest_cache' / outcome.name}", str(folder)]
        # Temporary files of its own, so that no suite finds, or removes, those of one that runs beside it.
        code = CHILDREN.run(words, outcome, {**clean_environment(), "TMPDIR": scratch}, SUITE_SECONDS)
        if results.exists():
            count(results, outcome)
    total = outcome.passed + outcome.failed
    if total == 0:
        outcome.wrong.append("no test ran")
    if code not in PLAIN_CODES:
        outcome.wrong.append(
            f"stopped after {SUITE_SECONDS} s" if code is None else f"pytest ended with exit code {code}"
        )
    if code == 1 and not outcome.failed:
        outcome.wrong.append("pytest failed outside of a test")


def count(results: Path, outcome: Outcome) -> None:
    """Add the test cases of a JUnit file to the outcome. A case that failed and then broke in teardown counts once."""
    verdicts: dict[tuple[str, ...], str] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        key = tuple(case.get(name, "") for name in ("file", "classname", "name"))
        tags = {child.tag for child in case}
        verdict = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        if verdicts.get(key) != "failed":
            verdicts[key] = verdict
    outcome.passed = sum(verdict == "passed" for verdict in verdicts.values())
    outcome.failed = sum(verdict == "failed" for verdict in verdicts.values())
    outcome.skipped = sum(verdict == "skipped" for verdict in verdicts.values())


def clean_environment() -> dict[str, str]:
    """The environment of the steps: uv on PATH, and nothing of ours or pytest's that a shell may have set."""
    env = uv_environment(ensure_uv())
    for name in list(env):
        if name.startswith(("DOVETAIL_", "PYTEST_")) or name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH"):
            del env[name]
    return env


def report(outcomes: list[Outcome], *, suites: bool) -> None:
    """The table, what went wrong, and the counts as the last line. What broke outside of a test counts as one failure."""
    print("\nstep            passed  failed  skipped  seconds")
    for outcome in outcomes:
        counts = f"{outcome.passed:8d}{outcome.failed:8d}{outcome.skipped:9d}"
        print(f"{outcome.name:14s}{counts}{outcome.seconds:9.1f}  {'ok' if outcome.good else 'FAILED'}")
    for outcome in outcomes:
        for wrong in outcome.wrong:
            print(f"{outcome.name}: {wrong}")
    if suites:
        failed = sum(outcome.failed + len(outcome.wrong) for outcome in outcomes)
        skipped = sum(outcome.skipped for outcome in outcomes)
        passed = sum(outcome.passed for outcome in outcomes)
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)


if __name__ == "__main__":
    sys.exit(main())
