"""What the benchmarks share: their common options, how figures are printed, and CPU time of fresh processes."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def options_parser(description: str) -> argparse.ArgumentParser:
    """A parser with the options of all benchmarks: ``--json`` and ``--check``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="figures as JSON on standard output")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    return parser


def report(options: argparse.Namespace, figures: Any, lines: Iterable[str], missed: Sequence[str]) -> int:
    """Print what was found; returns the exit code: 1 with ``--check`` when a bar is missed.

    Args:
        options: Of :func:`options_parser`.
        figures: All of them, as JSON can hold them.
        lines: The same for people.
        missed: What misses its bar.
    """
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for line in lines:
            print(line)
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if options.check and missed else 0


def cpu_ms(commands: Mapping[str, list[str]], path: str, repeats: int) -> dict[str, float]:
    """Median CPU milliseconds, user and system, of each command in fresh processes, after one that writes the bytecode.

    A round runs every command once, so that a busy machine slows all alike.
    """
    env = clean_environment(path)
    costs: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats + 1):
        for name, command in commands.items():
            before = children_ms()
            subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
            costs[name].append(children_ms() - before)
    return {name: statistics.median(each[1:]) for name, each in costs.items()}


def clean_environment(path: str) -> dict[str, str]:
    """The environment without settings of Python's and ours, and with one more directory to import from."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DOVETAIL_"))}
    return env | ({"PYTHONPATH": path} if path else {})


def children_ms() -> float:
    """CPU milliseconds of all ended children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e3
