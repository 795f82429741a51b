"""The package of the stores: what it exports, what it imports, and that its statements suit a server as well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dovetail.store
import pytest
from dovetail.config import Settings
from dovetail.store import _schema, _statements, open_artifact_store, open_run_store
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable


def test_every_exported_name_is_there() -> None:
    for name in dovetail.store.__all__:
        assert getattr(dovetail.store, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dovetail.store.nothing


def test_importing_it_brings_no_heavy_library() -> None:
    heavy = ("sqlalchemy", "fsspec", "sqlite3", "pydantic", "pyarrow")
    script = f"import sys, dovetail.store; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_stores_of_a_project_lie_in_its_home(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    with open_run_store(settings) as runs:
        assert runs.list_runs() == []
    open_artifact_store(settings).add_bytes(b"x", "x")
    assert sorted(path.name for path in settings.home.iterdir()) == ["artifacts", "runs.db"]


@pytest.mark.parametrize(
    "dialect", [sqlite.dialect(), postgresql.dialect(paramstyle="pyformat")], ids=["sqlite", "postgresql"]
)
def test_tables_and_statements_can_be_written_for(dialect) -> None:
    for table in _schema.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
    statements = {
        n: s for n, s in vars(_statements.Statements(dialect)).items() if isinstance(s, _statements.Statement)
    }
    assert len(statements) > 15
    for name, statement in statements.items():
        assert statement.sql, name
    if dialect.name == "postgresql":
        assert statements["owned"].sql.endswith("FOR UPDATE")
        assert statements["owned"].bind(("r1",)) == {"run": "r1"}
