"""Starting is cheap, whatever is installed: no engine, no plugin, no scan before the first need.

Children run with a path that holds 300 distributions, 50 of them plugins whose import would end the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DISTRIBUTIONS = 300
PLUGINS = 50

HEAVY = {
    "importlib.metadata",
    "stevedore",
    "pluggy",
    "sqlalchemy",
    "pydantic",
    "pyarrow",
    "pandas",
    "polars",
    "numpy",
    "rich",
    "jinja2",
    "cloudpickle",
    "fsspec",
    "dovetail_pandas",
    "dovetail_pandera",
    "dovetail_polars",
    "dovetail_sql",
}

REPORT = "import json, sys; print(); print(json.dumps(sorted(sys.modules)))"
HELP = """
import sys
from dovetail.cli import main
sys.argv = ["dovetail", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 300 installed distributions; importing any of them ends the process."""
    root = tmp_path_factory.mktemp("crowd")
    for number in range(DISTRIBUTIONS):
        folder = root / f"crowd_{number}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: crowd-{number}\nVersion: 1.0\n")
        (folder / "RECORD").write_text(f"crowd_{number}.py,,\n")
        entry_points = f"[console_scripts]\ncrowd-{number} = crowd_{number}:main\n"
        if number < PLUGINS:
            entry_points += f"[dovetail.plugins]\ncrowd{number} = crowd_{number}\n"
        (folder / "entry_points.txt").write_text(entry_points)
        (root / f"crowd_{number}.py").write_text("import os\nos._exit(77)\n")
    return root


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A directory with nothing in it."""
    return tmp_path


def environment(site: Path) -> dict[str, str]:
    """The environment of a child: its own path, no settings of ours, and byte code that is kept."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOVETAIL_", "PYTHON", "COV_"))}
    return kept | {"PYTHONPATH": str(site), "HOME": str(site)}


def modules_after(code: str, site: Path) -> set[str]:
    """Names of the modules that a child has imported after running ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"], env=environment(site), cwd=site, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def cpu_seconds(code: str, site: Path) -> float:
    """CPU time, user and system, of one child."""
    arguments = [sys.executable, "-c", code]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, 1)]
        pid = os.posix_spawn(sys.executable, arguments, environment(site), file_actions=actions)
    finally:
        os.close(null)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime


def extra_cpu(code: str, site: Path, rounds: int = 7) -> float:
    """CPU seconds of ``code`` over bare Python: the least of some rounds each, taken in turn."""
    cpu_seconds(code, site)  # writes the byte code
    pairs = [(cpu_seconds("pass", site), cpu_seconds(code, site)) for _ in range(rounds)]
    return min(ours for _, ours in pairs) - min(bare for bare, _ in pairs)


def needs_cli() -> None:
    """Skip where the command line is not there yet."""
    import dovetail.cli

    if not hasattr(dovetail.cli, "main"):
        pytest.skip("the command line is not there yet")


@pytest.mark.parametrize(
    "module", ["dovetail", "dovetail.errors", "dovetail.spec", "dovetail.config", "dovetail.plugins"]
)
def test_importing_loads_nothing_heavy_and_nothing_that_is_installed(module: str, crowd: Path) -> None:
    loaded = modules_after(f"import {module}", crowd)
    assert module in loaded
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith("crowd_")]


def test_importing_is_the_same_with_300_distributions_installed(crowd: Path, empty: Path) -> None:
    assert modules_after("import dovetail", crowd) == modules_after("import dovetail", empty)


def test_help_loads_nothing_heavy_and_nothing_that_is_installed(crowd: Path, empty: Path) -> None:
    needs_cli()
    loaded = modules_after(HELP, crowd)
    assert not loaded & HEAVY
    assert loaded == modules_after(HELP, empty)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="no CPU time of single children")
def test_import_dovetail_costs_at_most_80_ms_of_cpu(crowd: Path) -> None:
    assert extra_cpu("import dovetail", crowd) <= 0.080


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="no CPU time of single children")
def test_help_costs_at_most_200_ms_of_cpu(crowd: Path) -> None:
    needs_cli()
    assert extra_cpu(HELP, crowd) <= 0.200


def test_listing_imports_no_plugin(crowd: Path) -> None:
    loaded = modules_after(
        "from pathlib import Path\n"
        "from dovetail.config import Settings\n"
        "from dovetail.plugins import list_plugins\n"
        "found = [p.name for p in list_plugins(Settings(Path.cwd())) if p.distribution.startswith('crowd')]\n"
        f"assert len(found) == {PLUGINS}, found",
        crowd,
    )
    assert not [name for name in loaded if name.startswith("crowd_")]
    assert "pluggy" not in loaded


def test_the_catalogue_imports_only_what_policy_lets_in(crowd: Path) -> None:
    loaded = modules_after(
        "import os\n"
        "os.environ['DOVETAIL_DENY'] = ','.join(f'crowd-{n}' for n in range(300))\n"
        "from dovetail.plugins import current_catalogue\n"
        f"assert sum(s.by_policy for s in current_catalogue().skipped) == {PLUGINS}",
        crowd,
    )
    assert not [name for name in loaded if name.startswith("crowd_")]


def test_metadata_is_scanned_once_and_only_when_the_catalogue_is_needed(crowd: Path) -> None:
    modules_after(
        "import os, sys\n"
        "os.environ['DOVETAIL_DISABLE_PLUGINS'] = '1'\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "def scans(): return sum('crowd_299-1.0' in name for name in opened)\n"
        "import dovetail\n"
        "from dovetail.plugins import current_catalogue\n"
        "assert scans() == 0\n"
        "first = current_catalogue()\n"
        "assert scans() == 1, opened\n"
        "assert current_catalogue() is first\n"
        "first.task_types(), first.transformers(), first.converters()\n"
        "assert scans() == 1",
        crowd,
    )
