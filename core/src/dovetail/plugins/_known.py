"""Well-known names and the distribution that brings them, for hints where a plugin is not installed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Known:
    """A distribution, and the names that lead to it.

    Attributes:
        requirement: What to install.
        released: Whether it can be installed; until then a hint says what to do meanwhile.
        libraries: First parts of the dotted names of its types and suites.
        task_types: Names of its task types.
        check_engines: Names of its check engines.
        executors: Names of its executors.
        files: Endings of the files of suites that its first check engine reads.
    """

    requirement: str
    released: bool
    libraries: tuple[str, ...] = ()
    task_types: tuple[str, ...] = ()
    check_engines: tuple[str, ...] = ()
    executors: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


_KNOWN = (
    _Known("dovetail", True, (), ("python", "shell"), ("native",), ("threads", "processes")),
    _Known("dovetail[arrow]", True, ("pyarrow",)),
    _Known("dovetail-contracts", True, ("dovetail_contracts",), (), ("contracts",), files=(".odcs.yaml", ".odcs.yml")),
    _Known("dovetail-daft", True, ("daft",)),
    _Known("dovetail-dask", True, ("dask",)),
    _Known("dovetail-datasets", True, ("datasets",)),
    _Known("dovetail-duckdb", True, ("duckdb",)),
    _Known("dovetail-geopandas", True, ("geopandas",)),
    _Known(
        "dovetail-great-expectations",
        True,
        ("great_expectations",),
        (),
        ("great_expectations", "gx"),
        files=(".gx.json", "great_expectations.yml"),
    ),
    _Known("dovetail-ibis", True, ("ibis",)),
    _Known("dovetail-modin", True, ("modin",)),
    _Known("dovetail-numpy", True, ("numpy",)),
    _Known("dovetail-onnx", True, ("onnx",)),
    _Known("dovetail-pandas", True, ("pandas",)),
    _Known("dovetail-pandera", True, ("pandera",), check_engines=("pandera",)),
    _Known("dovetail-polars", True, ("polars",)),
    _Known("dovetail-sklearn", True, ("sklearn",)),
    _Known("dovetail-sql", True, ("sqlalchemy",), ("sql",)),
    _Known("dovetail-tfrecord", True, ("dovetail_tfrecord",)),
    _Known("dovetail-torch", True, ("torch",)),
    _Known("dovetail-vaex", True, ("vaex",)),
    _Known("dovetail-xarray", True, ("xarray",)),
    _Known("dovetail-datafusion", False, ("datafusion",)),
    _Known("dovetail-flink", False, ("pyflink",), ("flink", "flink_sql")),
    _Known("dovetail-ray", False, ("ray",), ("ray",), executors=("ray",)),
    _Known("dovetail-spark", False, ("pyspark",), ("spark",)),
)

_NAMES = {
    kind: {name: known.requirement for known in _KNOWN for name in getattr(known, f"{kind}s")}
    for kind in ("task_type", "check_engine", "executor")
}
_LIBRARIES = {library: known.requirement for known in _KNOWN for library in known.libraries}
_FILES = {ending: known.check_engines[0] for known in _KNOWN for ending in known.files}
_WITH_ENGINE = frozenset(k.requirement for k in _KNOWN if k.released and k.requirement.startswith("dovetail-"))
_UNRELEASED = frozenset(known.requirement for known in _KNOWN if not known.released)


def distribution_for(kind: str, name: str) -> str | None:
    """The distribution that is known to bring this name, released or not; or None.

    Args:
        kind: Kind of name as in ``owners``: ``"task_type"``, ``"type"``, ``"check_engine"``, ...
        name: ``"spark"``, ``"polars.DataFrame"``; for a check engine also the dotted name of a suite's type.
    """
    known = _NAMES.get(kind, {}).get(name)
    if known is None and kind in ("type", "check_engine"):
        known = _LIBRARIES.get(name.partition(".")[0])
    return known


def reader_of(path: str) -> str | None:
    """The check engine that is known to read files of suites that are called like this one, installed or not; or None."""
    return next((found for ending, found in _FILES.items() if path.lower().endswith(ending)), None)


def known_names(kind: str) -> tuple[str, ...]:
    """The well-known names of a kind, for suggestions."""
    return tuple(_NAMES.get(kind, ()))


def known_distributions() -> frozenset[str]:
    """The well-known distributions, released or not."""
    return frozenset(known.requirement.partition("[")[0] for known in _KNOWN)


def is_unreleased(requirement: str) -> bool:
    """True for a well-known distribution that cannot be installed yet."""
    return requirement in _UNRELEASED


def how_to_get(requirement: str, kind: str) -> str:
    """What to do for a name that a well-known distribution brings: install it, or what to do until it is released.

    Args:
        requirement: As :func:`distribution_for` gave it.
        kind: Kind of the name.
    """
    if requirement not in _UNRELEASED:
        # With its engine: whoever asks for the name wants to use it, and what is there already is left alone.
        return pip_install(f"{requirement}[engine]" if requirement in _WITH_ENGINE else requirement)
    page = "write-a-task-type" if kind == "task_type" else "write-a-plugin"
    return (
        f"{requirement} will bring it; it is not released yet. "
        f"Until then: bring the {kind.replace('_', ' ')} yourself, docs/how-to/{page}.md"
    )


def pip_install(requirement: str) -> str:
    """The line that installs a requirement, quoted for a shell where it must be."""
    return f"pip install '{requirement}'" if "[" in requirement else f"pip install {requirement}"


def bring_module(name: str) -> str:
    """What to do for a module that is missing where no distribution says how it is called there.

    What a module is called says little about what to install, so no such line is made up.
    """
    return f"put the module {name} into the project's root directory, or install the library that has it"
