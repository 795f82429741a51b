"""dovetail's own run store on PostgreSQL: the tests that core has for it, on a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

STORE_TESTS = Path(__file__).resolve().parents[4] / "core" / "tests" / "store"


@pytest.mark.parametrize("file", ["test_run_lifecycle.py", "test_run_queries.py", "test_dataset_moves.py"])
def test_the_run_store_keeps_its_promises_on_postgresql(postgresql, tmp_path: Path, file: str) -> None:
    url = URL.create(**postgresql.parts).render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests"),
         str(STORE_TESTS / file)],
        env={**os.environ, "DOVETAIL_TEST_RUN_STORE": url},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) >= 12
    assert postgresql.admin("select count(*) from run") != []  # it was this server that they used
