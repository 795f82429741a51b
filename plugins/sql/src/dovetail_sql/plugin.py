"""The hook implementations of dovetail-sql. Imports no engine."""

from __future__ import annotations

from dovetail.spec import (
    CheckEngineSpec,
    CodecSpec,
    CommandSpec,
    ConverterSpec,
    TaskTypeSpec,
    TransformerSpec,
    hookimpl,
)

DOVETAIL_API = 1

_CODE = "dovetail_sql.query"
_QUERY = "dovetail_sql.Query"
_STORED = "dovetail_sql.checks.StoredTable"


@hookimpl
def dovetail_task_types() -> list[TaskTypeSpec]:
    """The task type ``sql``. It names no engine: SQLite needs none, and the driver depends on the connection."""
    return [
        TaskTypeSpec(
            name="sql",
            code="dovetail_sql.task:SqlTask",
            config="dovetail_sql.config:SqlConfig",
            install="pip install 'dovetail-sql[engine]'",
            summary="SQL statements, table reads and table writes: DuckDB, SQLite and what SQLAlchemy connects to",
        )
    ]


@hookimpl
def dovetail_type_transformers() -> list[TransformerSpec]:
    """``dovetail_sql.Query``: rows that stay in the database until they are needed; and what audits look at."""
    return [
        TransformerSpec(
            _QUERY,
            f"{_CODE}:QueryTransformer",
            converters=(
                ConverterSpec(_QUERY, "pyarrow.Table", f"{_CODE}:to_arrow", "collect"),
                ConverterSpec("pyarrow.Table", _QUERY, f"{_CODE}:from_arrow", "view", lazy=True),
                ConverterSpec(_QUERY, "pyarrow.RecordBatchReader", f"{_CODE}:to_reader", "view", lazy=True),
                ConverterSpec("pyarrow.dataset.Dataset", _QUERY, f"{_CODE}:from_dataset", "view", lazy=True),
            ),
            codecs=(
                CodecSpec("parquet", f"{_CODE}:QueryParquet", ".parquet"),
                CodecSpec("arrow", f"{_CODE}:QueryIpc", ".arrow"),
            ),
            aliases=("dovetail_sql.query.Query",),
            install="pip install dovetail-sql",
            summary="rows that stay in the database, or in their file, until they are needed",
        ),
        TransformerSpec(
            _STORED,
            "dovetail_sql.checks:StoredTableTransformer",
            converters=(ConverterSpec(_STORED, "pyarrow.Table", "dovetail_sql.checks:to_arrow", "collect"),),
            install="pip install dovetail-sql",
            summary="a table in a database that a gate looks at",
        ),
    ]


@hookimpl
def dovetail_check_engines() -> list[CheckEngineSpec]:
    """Native checks, in the database."""
    return [
        CheckEngineSpec(
            "sql",
            "dovetail_sql.checks:SqlTableChecks",
            suites=(),
            summary="native checks on tables of a database, as SQL",
            native=(_STORED,),
        )
    ]


@hookimpl
def dovetail_commands() -> list[CommandSpec]:
    """The command ``dovetail connections``."""
    return [
        CommandSpec("connections", "dovetail_sql.command:connections", "the databases of the project: list, test, add")
    ]
