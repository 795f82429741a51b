"""What listing plugins costs in a crowd: 300 distributions, 50 of them plugins, in CPU time over `import importlib.metadata`.

    python benchmarks/listing.py [--json] [--check] [--distributions 300] [--plugins 50]

Starts are medians of fresh processes, measured side by side: a round runs every command once, so that a busy machine slows all
alike. Collecting is measured with half and with all of the plugins; looking up a type in a warm catalogue.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from _report import clean_environment, cpu_ms, options_parser, report

LISTING_MS = 60.0
LOOKUP_US = 1.0
LINEAR = 2.6  # cost of twice as many plugins over that of as many; 2 and the noise of the measurement

HOOKS = """from dovetail.spec import TaskTypeSpec, TransformerSpec, hookimpl

DOVETAIL_API = 1


@hookimpl
def dovetail_task_types():
    return [TaskTypeSpec("{name}", "{name}.task:Task", engine="{name}_engine", install="pip install {name}-engine")]
"""

COLLECT = """
import sys, time
from pathlib import Path
from dovetail.config import Settings
from dovetail.plugins import build_catalogue
times = []
for _ in range(7):
    begun = time.process_time()
    catalogue = build_catalogue(Settings(Path.cwd(), allow=tuple(sys.argv[1:])), builtins=())
    times.append(time.process_time() - begun)
assert len(catalogue.task_types()) == len(sys.argv) - 1
print(min(times) * 1e3)
"""

LOOKUP = """
import sys, timeit
from pathlib import Path
from dovetail.config import Settings
from dovetail.plugins import build_catalogue
from dovetail.types import TypeEngine
settings = Settings(Path.cwd())
catalogue = build_catalogue(settings)
types = TypeEngine(catalogue)
types.acceptor(int)
names = {"catalogue.task_type": lambda: catalogue.task_type("crowd_000"), "types.acceptor": lambda: types.acceptor(int)}
for name, call in names.items():
    print(name, min(timeit.repeat(call, number=20_000, repeat=5)) / 20_000 * 1e6)
"""


def fill(folder: Path, distributions: int, plugins: int) -> None:
    """Distributions of which some are plugins that ship a manifest; importing any of them ends the process."""
    for number in range(distributions):
        name = f"crowd_{number:03d}"
        metadata = folder / f"{name}-1.0.dist-info"
        metadata.mkdir()
        readme = "A line of a README that nobody should have to parse.\n" * 200
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: One of a crowd\n\n"
        (metadata / "METADATA").write_text(head + readme, encoding="utf-8")
        entry_points = f"[console_scripts]\n{name} = {name}:main\n"
        if number < plugins:
            entry_points += f"\n[dovetail.plugins]\n{name} = {name}.plugin\n"
            package = folder / name
            package.mkdir()
            (package / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
            hooks = HOOKS.format(name=name)
            (package / "plugin.py").write_text(hooks, encoding="utf-8")
            declared = {
                "kind": "TaskTypeSpec",
                "name": name,
                "code": f"{name}.task:Task",
                "engine": f"{name}_engine",
                "install": f"pip install {name}-engine",
            }
            manifest = {
                "format": 1,
                "api": 1,
                "source": hashlib.sha256(hooks.encode()).hexdigest(),
                "listens": False,
                "declarations": [declared],
            }
            (package / "plugin.dovetail.json").write_text(json.dumps(manifest), encoding="utf-8")
        (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def ask(program: str, folder: Path, *words: str) -> str:
    """What a program prints that runs in the crowd."""
    command = [sys.executable, "-c", program, *words]
    done = subprocess.run(command, env=clean_environment(str(folder)), check=True, capture_output=True, text=True)
    return done.stdout


def run_all(distributions: int, plugins: int, repeats: int) -> dict[str, float]:
    """The figures: milliseconds over `import importlib.metadata`, of collecting, and microseconds of a lookup."""
    dovetail = str(Path(sys.executable).with_name("dovetail"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, distributions, plugins)
        costs = cpu_ms(
            {
                "python -c 'import importlib.metadata'": [sys.executable, "-c", "import importlib.metadata"],
                "dovetail plugins list": [dovetail, "plugins", "list"],
                "dovetail plugins list --json": [dovetail, "plugins", "list", "--json"],
            },
            str(folder),
            repeats,
        )
        bare = costs.pop("python -c 'import importlib.metadata'")
        figures = {"python -c 'import importlib.metadata' (ms)": round(bare, 1)}
        figures |= {f"{command}, over that (ms)": round(cost - bare, 1) for command, cost in costs.items()}
        names = [f"crowd-{number:03d}" for number in range(plugins)]
        for count in (0, plugins // 2, plugins):
            figures[f"collecting {count} plugins (ms)"] = round(float(ask(COLLECT, folder, *names[:count])), 2)
        for line in ask(LOOKUP, folder).splitlines():
            what, cost = line.split()
            figures[f"{what}, hot (us)"] = round(float(cost), 3)
    return figures


def verdicts(figures: dict[str, float], plugins: int) -> list[str]:
    """What misses its bar."""
    wrong = [
        f"{name}: {cost}, the bar is {LISTING_MS}"
        for name, cost in figures.items()
        if "over that" in name and cost > LISTING_MS
    ]
    scan, half, full = (figures[f"collecting {count} plugins (ms)"] for count in (0, plugins // 2, plugins))
    if full - scan > LINEAR * max(half - scan, 0.1):
        wrong.append(f"collecting {plugins} plugins: {full - scan:.2f} ms, half of them {half - scan:.2f} ms")
    wrong += [
        f"{name}: {cost}, the bar is {LOOKUP_US}"
        for name, cost in figures.items()
        if "(us)" in name and cost > LOOKUP_US
    ]
    return wrong


def main() -> int:
    """Returns the exit code: 1 with `--check` when a bar is missed."""
    parser = options_parser("CPU time of listing plugins.")
    parser.add_argument("--distributions", type=int, default=300, help="made-up distributions")
    parser.add_argument("--plugins", type=int, default=50, help="how many of them are plugins")
    parser.add_argument("--repeats", type=int, default=15, help="fresh processes per figure")
    options = parser.parse_args()
    figures = run_all(options.distributions, options.plugins, options.repeats)
    lines = [f"{name:55s}{cost:10}" for name, cost in figures.items()]
    return report(options, figures, lines, verdicts(figures, options.plugins))


if __name__ == "__main__":
    raise SystemExit(main())
