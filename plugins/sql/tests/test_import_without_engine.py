"""Tasks are defined where no engine is installed, and a missing one is told when it is used.

That the hook module needs no engine is a check of the conformance kit.
"""

import subprocess
import sys

import pytest

CODE = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Blocked())
{body}
heavy = {{"duckdb", "sqlalchemy", "polars", "pandas"}} & set(sys.modules)
assert {used} or not heavy, heavy
"""


def run(body: str, *blocked: str, used: bool = False) -> subprocess.CompletedProcess[str]:
    code = CODE.format(blocked=set(blocked) or "()", body=body, used=used)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_face_imports_no_engine() -> None:
    done = run("from dovetail_sql import sql, sql_file, execute, table, to_table, SqlConfig", "duckdb")
    assert done.returncode == 0, done.stderr


def test_the_hook_module_is_light() -> None:
    done = run("import dovetail_sql.plugin; assert 'dovetail.graph' not in sys.modules")
    assert done.returncode == 0, done.stderr


def test_the_face_is_what_it_says() -> None:
    import dovetail_sql

    assert {name: getattr(dovetail_sql, name).__name__ for name in dovetail_sql.__all__} == {
        name: name for name in dovetail_sql.__all__
    }
    with pytest.raises(AttributeError, match="tables"):
        _ = dovetail_sql.tables


def test_a_missing_engine_is_told_when_it_is_used() -> None:
    body = """
from dovetail_sql import sql
from dovetail.errors import EngineUnavailable
task = sql("select 1", connection="duckdb:///:memory:", output=int)
try:
    task()
except EngineUnavailable as error:
    assert "pip install 'dovetail-sql[engine]'" in error.fix, error
else:
    raise AssertionError("duckdb is blocked")
assert sql("select 1", connection="sqlite:///:memory:", output=int)() == 1
"""
    done = run(body, "duckdb", used=True)
    assert done.returncode == 0, done.stderr
