"""What a plugin declares: frozen, serialisable records whose code and types are named by string.

A declaration never imports what it names, so a hook module that only builds declarations costs next to nothing and works
where the engine is missing. ``to_dict`` and ``declaration_from_dict`` write declarations to a manifest and read them back.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

from dovetail.errors import DefinitionError, shorten

API_VERSION = 1
"""The version of the hook API. A plugin states the version it was written for as ``DOVETAIL_API`` in its hook module."""

Cost = Literal["zero-copy", "view", "copy", "collect"]
"""What a converter does: shares the memory, wraps lazily, copies the data, or collects it to this process."""

Preference = Literal["auto", "isolated"]
"""Where a plugin's engine runs best: here if it is here and fits, or in its environment always."""

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")

_T = TypeVar("_T", bound="Declaration")


@dataclass(frozen=True)
class Declaration:
    """Base of all declarations; ``hook`` names the hook that collects the kind."""

    hook: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form, with the kind under ``"kind"``."""
        return {"kind": type(self).__name__, **asdict(self)}


def _check_figures(declaration: Declaration, *names: str) -> None:
    for name in names:
        figure = getattr(declaration, name)
        if figure is not None and not (type(figure) in (int, float) and 0 <= figure < math.inf):
            raise DefinitionError(
                f"{type(declaration).__name__}.{name} is {shorten(figure)}", fix="give a number of at least 0"
            )


@dataclass(frozen=True)
class TaskTypeSpec(Declaration):
    """A task type.

    Attributes:
        name: Short name, unique in a hub: ``"spark"``.
        code: ``"module:attribute"`` of the :class:`~dovetail.spec.TaskType` subclass.
        config: ``"module:attribute"`` of its frozen config dataclass, or None.
        engine: Import name of the engine (``"pyspark"``), or None if it needs none.
        install: What to type when the engine is missing: ``"pip install 'dovetail-spark[engine]'"``.
        summary: One line for people.
    """

    hook: ClassVar[str] = "dovetail_task_types"
    name: str
    code: str
    config: str | None = None
    engine: str | None = None
    install: str | None = None
    summary: str = ""


@dataclass(frozen=True)
class ConverterSpec(Declaration):
    """One edge of the conversion graph: a function of one argument, the value.

    Attributes:
        source: Type name of what goes in: ``"polars.DataFrame"``.
        target: Type name of what comes out: ``"pyarrow.Table"``. One of the two ends may be a plain type: ``"float"``.
        code: ``"module:function"``.
        cost: Shares the memory, wraps lazily, copies the data, or collects it to this process.
        lossy: None if the conversion is faithful; else what is lost, for people.
        lazy: What comes out is a plan; the work is done when somebody asks for its rows.
        max_bytes: Largest value that the function takes, in bytes; None: any.
        fixed: Cost of a call whatever the size, in units of about 100 microseconds; None: as the kind of ``cost`` has it.
        per_mb: Cost of each megabyte (10**6 bytes) on top, in the same unit; None: as the kind of ``cost`` has it.

    Raises:
        DefinitionError: A figure is negative, or no number.
    """

    source: str
    target: str
    code: str
    cost: Cost = "copy"
    lossy: str | None = None
    lazy: bool = False
    max_bytes: int | None = None
    fixed: float | None = None
    per_mb: float | None = None

    def __post_init__(self) -> None:
        _check_figures(self, "max_bytes", "fixed", "per_mb")


@dataclass(frozen=True)
class CodecSpec(Declaration):
    """How values of a type are stored.

    Attributes:
        format: Short name of the format: ``"parquet"``. Not ``"json"``, ``"tree"`` or ``"bytes"``, which are the core's own.
        code: ``"module:attribute"`` of a :class:`~dovetail.spec.Codec` class.
        suffix: File name suffix with the dot: ``".parquet"``.
        is_directory: The codec writes a directory of files rather than one file.
        min_bytes: Values that are smaller in memory than this are stored so only if somebody asks for the format.
        max_bytes: Values that are larger in memory than this are stored so only if somebody asks for the format; None: no limit.

    Raises:
        DefinitionError: A figure is negative, or no number.
    """

    format: str
    code: str
    suffix: str = ""
    is_directory: bool = False
    min_bytes: int = 0
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        _check_figures(self, "min_bytes", "max_bytes")


@dataclass(frozen=True)
class TransformerSpec(Declaration):
    """A type transformer.

    Attributes:
        type: Public dotted name of the type: ``"polars.DataFrame"``. Its module is never imported to look at a value.
        code: ``"module:attribute"`` of the :class:`~dovetail.spec.TypeTransformer` subclass.
        converters: Edges of the conversion graph that this plugin brings.
        codecs: The first whose limits hold the value is the default.
        aliases: Other dotted names of the same type.
        install: What to type when the type's library is missing.
        summary: One line for people.
    """

    hook: ClassVar[str] = "dovetail_type_transformers"
    type: str
    code: str
    converters: tuple[ConverterSpec, ...] = ()
    codecs: tuple[CodecSpec, ...] = ()
    aliases: tuple[str, ...] = ()
    install: str | None = None
    summary: str = ""


@dataclass(frozen=True)
class CheckEngineSpec(Declaration):
    """An engine that evaluates suites.

    Attributes:
        name: Short name: ``"pandera"``.
        code: ``"module:attribute"`` of the :class:`~dovetail.spec.CheckEngine` subclass.
        suites: Dotted names of the suite types it accepts. An object is accepted if it is an instance, or a subclass, of one.
        engine: Import name of the library, or None.
        install: What to type when the library is missing.
        summary: One line for people.
        native: Type names of frames of which it evaluates native suites, in place of the core's engine for Arrow tables.
        annotations: Dotted names of generic frame types whose argument is a suite: the annotation ``Frame[Suite]`` of such a type
            is the frame that it derives from, behind a gate of that suite.
        files: Endings of files that hold suites of it: ``(".odcs.yaml",)``.
        reader: ``"module:attribute"`` of the function that reads such a file: ``reader(path, name, allow_unsupported)`` with the
            path, the name of one suite of several or None, and whether rules that it cannot evaluate are skipped, with a reason,
            rather than errors; returns the suite.
    """

    hook: ClassVar[str] = "dovetail_check_engines"
    name: str
    code: str
    suites: tuple[str, ...]
    engine: str | None = None
    install: str | None = None
    summary: str = ""
    native: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    reader: str | None = None


@dataclass(frozen=True)
class ExecutorSpec(Declaration):
    """Where ready nodes are dispatched.

    Attributes:
        name: Short name, as in ``executor="ray"``.
        code: ``"module:attribute"`` of the :class:`~dovetail.spec.Executor` subclass.
        summary: One line for people.
    """

    hook: ClassVar[str] = "dovetail_executors"
    name: str
    code: str
    summary: str = ""


@dataclass(frozen=True)
class ArtifactStoreSpec(Declaration):
    """An artifact store for URLs of some schemes.

    Attributes:
        name: Short name.
        schemes: Schemes of the URLs that it takes: ``("s3", "s3a")``.
        code: ``"module:function"`` that takes the URL and returns a :class:`~dovetail.spec.BlobStore`.
        summary: One line for people.
    """

    hook: ClassVar[str] = "dovetail_artifact_stores"
    name: str
    schemes: tuple[str, ...]
    code: str
    summary: str = ""


@dataclass(frozen=True)
class SecretProviderSpec(Declaration):
    """A source of secrets.

    Attributes:
        name: Short name, the key of a reference in config: ``{ vault = "db/password" }``.
        code: ``"module:function"``: takes the key, returns the secret, or None where there is none.
        summary: One line for people.
    """

    hook: ClassVar[str] = "dovetail_secrets"
    name: str
    code: str
    summary: str = ""


@dataclass(frozen=True)
class CommandSpec(Declaration):
    """A command below ``dovetail``.

    Attributes:
        name: Name of the command. Not one of the core's own.
        code: ``"module:attribute"`` of the ``click.Command``. What it writes: ``dovetail.cli.write_result``.
        summary: One line for people.
    """

    hook: ClassVar[str] = "dovetail_commands"
    name: str
    code: str
    summary: str = ""


@dataclass(frozen=True)
class EnvironmentSpec(Declaration):
    """The environment that a plugin's engine has of its own where it is not installed beside dovetail.

    Which versions of the engine are supported is not said again here: the requirements of the extra say it.

    Attributes:
        name: Name of the environment: ``"vaex"``. A table ``[envs.vaex]`` of config adds requirements to it.
        engine: Import name of the engine: ``"vaex"``.
        extra: Extra of the plugin's distribution that brings the engine.
        python: Versions of Python that the engine runs on, as a specifier: ``"<3.13"``; ``""``: all that dovetail runs on.
        prefer: ``"auto"``: in the hub's process if the engine is installed there in a version that the extra allows and
            Python fits, else in the environment. ``"isolated"``: in the environment unless somebody says otherwise.

    Raises:
        DefinitionError: The name holds other characters than letters, digits, ``.``, ``-`` and ``_``.
    """

    hook: ClassVar[str] = "dovetail_environments"
    name: str
    engine: str
    extra: str = "engine"
    python: str = ""
    prefer: Preference = "auto"

    def __post_init__(self) -> None:
        if isinstance(self.name, str) and not _ENVIRONMENT_NAME.fullmatch(self.name):
            raise DefinitionError(
                f"{self.name!r} is no name of an environment", fix="use letters, digits, '.', '-' and '_'"
            )


DECLARATION_KINDS: dict[str, type[Declaration]] = {
    cls.__name__: cls
    for cls in (
        TaskTypeSpec,
        TransformerSpec,
        ConverterSpec,
        CodecSpec,
        CheckEngineSpec,
        ExecutorSpec,
        ArtifactStoreSpec,
        SecretProviderSpec,
        CommandSpec,
        EnvironmentSpec,
    )
}


def declaration_from_dict(data: dict[str, Any]) -> Declaration:
    """Read back what :meth:`Declaration.to_dict` wrote.

    Raises:
        DefinitionError: The kind is unknown, or a field is missing, unknown or of the wrong type.
    """
    values = dict(_table(data))
    kind = values.pop("kind", None)
    cls = DECLARATION_KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise DefinitionError(f"unknown kind of declaration {kind!r}", fix=f"use one of {', '.join(DECLARATION_KINDS)}")
    return _build(cls, values)


def _table(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DefinitionError(f"a declaration is a table, not {shorten(data)}")
    return data


def _build(cls: type[_T], values: dict[str, Any]) -> _T:
    known = {f.name: f for f in fields(cls)}
    for name in values:
        if name not in known:
            raise DefinitionError(f"{cls.__name__} has no field {name!r}", fix=f"fields: {', '.join(known)}")
    read = dict(values)
    for name, nested in (("converters", ConverterSpec), ("codecs", CodecSpec)):
        if name in read and name in known:
            items = read[name]
            if not isinstance(items, (list, tuple)):
                raise DefinitionError(f"{cls.__name__}.{name} is a list, not {shorten(items)}")
            read[name] = tuple(_build(nested, {k: v for k, v in _table(item).items() if k != "kind"}) for item in items)
    for name, value in read.items():
        if isinstance(value, list):
            read[name] = tuple(value)
    try:
        return cls(**read)
    except TypeError as error:
        raise DefinitionError(f"{cls.__name__} cannot be built from the manifest", why=str(error)) from error


@dataclass(frozen=True)
class Manifest:
    """All that one plugin declares.

    Attributes:
        name: Name of the entry point.
        distribution: Name of the distribution, or ``""`` for a module that is not packaged.
        version: Version of the distribution, or ``""``.
        module: Import name of the hook module.
        api: Hook API version that the plugin states.
        declarations: In the order of the hooks.
    """

    name: str
    distribution: str
    version: str
    module: str
    api: int = API_VERSION
    declarations: tuple[Declaration, ...] = field(default=())

    @property
    def key(self) -> str:
        """``distribution:name``, unique in an environment."""
        return f"{self.distribution or self.module}:{self.name}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form of the manifest."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "module": self.module,
            "api": self.api,
            "declarations": [d.to_dict() for d in self.declarations],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Manifest:
        """Read back what :meth:`to_dict` wrote; raises DefinitionError on anything else."""
        try:
            return cls(
                name=str(data["name"]),
                distribution=str(data["distribution"]),
                version=str(data["version"]),
                module=str(data["module"]),
                api=int(data["api"]),
                declarations=tuple(declaration_from_dict(d) for d in data["declarations"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:  # OverflowError: an infinite api
            raise DefinitionError("the manifest is malformed", why=f"{type(error).__name__}: {error}") from error
