"""Every combination of parts is a package as we would write one: clean, typed, and green in its own tests as it is."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from dovetail.scaffold import PARTS, NewPlugin, new_plugin

pytestmark = pytest.mark.slow

COMBINATIONS = [parts for size in (1, 2, 3) for parts in itertools.combinations(PARTS, size)]
SHORTEST, LONGEST = "ab", "acme" + "-ledger" * 5


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy knows of the libraries, which is the same for all."""
    return tmp_path_factory.mktemp("mypy")


def must(*words: str | Path, cwd: Path, **variables: str) -> str:
    """Run a tool of this environment; its output. Fails with what it says."""
    first = Path(sys.executable).with_name(str(words[0]))
    done = subprocess.run(
        [str(first), *map(str, words[1:])],
        cwd=cwd,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def check_style(made: NewPlugin, cache: Path) -> None:
    must("ruff", "check", "--no-cache", ".", cwd=made.directory)
    must("ruff", "format", "--check", "--diff", "--no-cache", ".", cwd=made.directory)
    must("mypy", "--cache-dir", cache, "src", "tests", cwd=made.directory)


@pytest.mark.parametrize("parts", COMBINATIONS, ids="+".join)
def test_a_new_plugin_is_clean_and_passes_its_own_tests(
    parts: tuple[str, ...], cache: Path, tooling: ModuleType, tmp_path: Path
) -> None:
    made = new_plugin("ledger", tmp_path / "ledger", parts=parts, author="Ada")
    check_style(made, cache)
    # Installed where only this run looks: the environment of the tests stays what it is.
    site = tmp_path / "site"
    uv = tooling.ensure_uv()
    words = [uv, "pip", "install", "--quiet", "-p", sys.executable, "--target", site, "--no-deps", made.directory]
    tooling.run(words, env=tooling.uv_environment(uv), cwd=tmp_path)
    told = must("pytest", "-q", cwd=made.directory, PYTHONPATH=str(site), CONFORMANCE_EXAMPLES="5")
    assert "conformance: dovetail-ledger:" in told


@pytest.mark.parametrize("name", [SHORTEST, LONGEST])
def test_no_name_breaks_a_line_or_leaves_one_broken(name: str, cache: Path, tmp_path: Path) -> None:
    check_style(new_plugin(name, tmp_path / "made", author="Ada", description="w" * 200), cache)
