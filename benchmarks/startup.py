"""What starting costs: `import dovetail` and `dovetail --help`, in CPU time over a bare interpreter.

    python benchmarks/startup.py [--json] [--check] [--distributions 300]

Every figure is the median of several fresh processes, after one that writes the bytecode. The second round puts a number of
made-up distributions on the path, each with a plugin to be found: neither command may look at them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _report import cpu_ms, options_parser, report

IMPORT_MS = 80.0
HELP_MS = 200.0
MORE_MS = 15.0  # what other distributions may add, within the noise of the measurement


def fill(folder: Path, distributions: int) -> None:
    """Distributions that hold nothing but metadata, each with one plugin that raises when it is imported."""
    for number in range(distributions):
        name = f"crowd_{number:03d}"
        metadata = folder / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text(f"[dovetail.plugins]\n{name} = {name}\n", encoding="utf-8")
        (folder / f"{name}.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")


def run_all(distributions: int, repeats: int) -> dict[str, float]:
    """Milliseconds over bare Python, alone and in a crowd."""
    commands = {
        "import dovetail": [sys.executable, "-c", "import dovetail"],
        "dovetail --help": [str(Path(sys.executable).with_name("dovetail")), "--help"],
    }
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), distributions)
        for suffix, path in (("", ""), (f", {distributions} distributions more", folder)):
            costs = cpu_ms({"bare python": [sys.executable, "-c", "pass"], **commands}, path, repeats)
            bare = costs.pop("bare python")
            figures[f"bare python{suffix}"] = round(bare, 1)
            figures |= {name + suffix: round(cost - bare, 1) for name, cost in costs.items()}
    return figures


def verdicts(figures: dict[str, float], distributions: int) -> list[str]:
    """What misses its bar."""
    wrong = []
    for name, bar in {"import dovetail": IMPORT_MS, "dovetail --help": HELP_MS}.items():
        if figures[name] > bar:
            wrong.append(f"{name}: {figures[name]} ms over bare Python, the bar is {bar}")
        more = figures[f"{name}, {distributions} distributions more"] - figures[name]
        if more > MORE_MS:
            wrong.append(f"{name}: {more:.1f} ms more with {distributions} distributions more")
    return wrong


def main() -> int:
    """Returns the exit code: 1 with `--check` when a bar is missed."""
    parser = options_parser("CPU time of starting.")
    parser.add_argument("--distributions", type=int, default=300, help="made-up distributions in the second round")
    parser.add_argument("--repeats", type=int, default=11, help="fresh processes per figure")
    options = parser.parse_args()
    figures = run_all(options.distributions, options.repeats)
    lines = [
        f"{name:45s}{cost:8.1f} ms CPU{'' if name.startswith('bare') else ' over bare Python'}"
        for name, cost in figures.items()
    ]
    return report(options, figures, lines, verdicts(figures, options.distributions))


if __name__ == "__main__":
    raise SystemExit(main())
