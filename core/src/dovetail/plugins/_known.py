"""Well-known names and the distribution that brings them, for hints where a plugin is not installed."""

from __future__ import annotations

_NAMES: dict[str, dict[str, str]] = {
    "task_type": {
        "python": "dovetail",
        "shell": "dovetail",
        "duckdb": "dovetail-duckdb",
        "flink": "dovetail-flink",
        "flink_sql": "dovetail-flink",
        "ray": "dovetail-ray",
        "spark": "dovetail-spark",
        "sql": "dovetail-sql",
    },
    "check_engine": {
        "native": "dovetail",
        "great_expectations": "dovetail-great-expectations",
        "gx": "dovetail-great-expectations",
        "pandera": "dovetail-pandera",
    },
    "executor": {"threads": "dovetail", "processes": "dovetail", "ray": "dovetail-ray"},
}

# Types and suites go by the library: the first part of the dotted name.
_LIBRARIES = {
    "datafusion": "dovetail-datafusion",
    "duckdb": "dovetail-duckdb",
    "geopandas": "dovetail-geopandas",
    "great_expectations": "dovetail-great-expectations",
    "pandas": "dovetail-pandas",
    "pandera": "dovetail-pandera",
    "polars": "dovetail-polars",
    "pyarrow": "dovetail[arrow]",
    "pyflink": "dovetail-flink",
    "pyspark": "dovetail-spark",
    "ray": "dovetail-ray",
    "sqlalchemy": "dovetail-sql",
    "tensorflow": "dovetail-tfrecord",
    "vaex": "dovetail-vaex",
}


def distribution_for(kind: str, name: str) -> str | None:
    """The distribution that is known to bring this name, or None.

    Args:
        kind: Kind of name as in ``owners``: ``"task_type"``, ``"type"``, ``"check_engine"``, ...
        name: ``"spark"``, ``"polars.DataFrame"``; for a check engine also the dotted name of a suite's type.
    """
    known = _NAMES.get(kind, {}).get(name)
    if known is None and kind in ("type", "check_engine"):
        known = _LIBRARIES.get(name.partition(".")[0])
    return known


def known_names(kind: str) -> tuple[str, ...]:
    """The well-known names of a kind, for suggestions."""
    return tuple(_NAMES.get(kind, ()))


def pip_install(requirement: str) -> str:
    """The line that installs a requirement, quoted for a shell where it must be."""
    return f"pip install '{requirement}'" if "[" in requirement else f"pip install {requirement}"
