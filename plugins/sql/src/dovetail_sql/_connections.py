"""Connections by name: from the configuration to a checked URL, without ever showing a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dovetail.config import Secret, Settings
from dovetail.errors import ConfigError, DefinitionError, EngineUnavailable, UsageError, listing, nearest
from dovetail.graph import seconds
from dovetail.plugins import Catalogue, current_catalogue

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_PARTS = ("drivername", "username", "password", "host", "port", "database", "query")
_KEYS = ("url", *_PARTS, "read_only", "statement_timeout")
_EMBEDDED = ("duckdb", "sqlite", "chdb")
_SECRET_QUERY = ("password", "passwd", "pwd", "token", "secret")


@dataclass(frozen=True)
class Connection:
    """Where statements go.

    Attributes:
        name: As the user wrote it: a name of the configuration or a URL.
        url: SQLAlchemy URL; holds the password, so it stays out of ``repr``.
        shown: The URL for people, its password masked.
        dialect: ``"duckdb"``, ``"sqlite"``, ``"postgresql"``, ...
        read_only: Statements that write are refused.
        path: Absolute path of the file of an embedded database; None in memory and for servers.
        statement_timeout: Seconds that one statement may take; None: as long as it does.
    """

    name: str
    url: URL = field(repr=False)
    shown: str
    dialect: str
    read_only: bool = False
    path: Path | None = None
    statement_timeout: float | None = None

    @property
    def in_memory(self) -> bool:
        """True for an embedded database that ends with the process, or sooner."""
        return self.dialect in _EMBEDDED and self.path is None and not str(self.url.database or "").startswith("md:")

    @property
    def described(self) -> str:
        """For messages: ``connection 'warehouse' (duckdb:////data/warehouse.duckdb)``."""
        return f"connection {self.name!r}" + ("" if "://" in self.name else f" ({self.shown})")


def check_reference(connection: object, who: str) -> None:
    """Check, at definition, that a connection is named without a secret.

    Raises:
        DefinitionError: It is no text, no URL that can be read, or a URL with a password in it.
    """
    if not isinstance(connection, str) or not connection.strip():
        raise DefinitionError(
            f"connection= takes a name or a URL, not {type(connection).__name__}",
            who=who,
            fix='connection="warehouse", or connection="sqlite:///data.db"',
        )
    if "://" not in connection:
        return
    try:
        url = _parse_url(connection)
    except ConfigError as error:
        raise DefinitionError(error.what, who=who, fix=error.fix) from None
    if url.password or any(word in key.lower() for key in url.query for word in _SECRET_QUERY):
        raise DefinitionError(
            "a connection URL in code must not hold a password",
            who=who,
            why="definitions are recorded with every run, and secrets never are",
            fix="give the connection a name in dovetail.toml:\n" + _example("warehouse", drivername=url.drivername),
        )


def resolve_connection(name: str, settings: Settings) -> Connection:
    """The connection of a name or URL.

    Args:
        name: A key of ``[connections]`` in the configuration, or a URL such as ``sqlite:///data.db``.
        settings: Tells the connections and the project root, which relative paths start from.

    Raises:
        UsageError: There is no connection of that name.
        ConfigError: The connection is malformed, or its secret is missing.
        PluginError: The plugin that brings its source of secrets cannot be used.
        EngineUnavailable: The directory of its file does not exist.
    """
    if "://" in name:
        return _checked(name, _parse_url(name), read_only=False, settings=settings)
    table = settings.connections.get(name)
    if table is None:
        close = nearest(name, settings.connections)
        raise UsageError(
            f"there is no connection {name!r}",
            who=str(settings.source) if settings.source else "no dovetail.toml or pyproject.toml was found",
            why=f"connections: {listing(settings.connections)}",
            fix=(f"write {close!r}, or add to " if close else "add to ")
            + f"{_file(settings)}:\n"
            + _example(name, settings),
        )
    return _from_table(name, table, settings)


def _from_table(name: str, table: Mapping[str, Any], settings: Settings) -> Connection:
    who = f"connection {name!r} in {settings.source or 'the configuration'}"
    for key in table:
        if key not in _KEYS:
            close = nearest(key, _KEYS)
            raise ConfigError(
                f"unknown key {key!r}", who=who, fix=f"write {close!r}" if close else f"use: {', '.join(_KEYS)}"
            )
    catalogue = current_catalogue()  # its plugins may bring sources of secrets
    try:
        values = _reveal(catalogue.resolve_secrets(dict(table), settings=settings))
        _refuse_unresolved(values, catalogue)
    except ConfigError as error:
        error.who = error.who or who
        raise
    read_only = values.pop("read_only", False)
    if not isinstance(read_only, bool):
        raise ConfigError("read_only is true or false", who=who, fix="read_only = true")
    try:
        limit = _limit_of(values.pop("statement_timeout", None))
        url = _url_of(values)
    except ConfigError as error:
        error.who = who
        raise
    return _checked(name, url, read_only, settings, limit)


def _limit_of(value: object) -> float | None:
    if value is None:
        return None
    try:
        return seconds(value if isinstance(value, int | float) else str(value), "statement_timeout")
    except DefinitionError as error:
        raise ConfigError(error.what, fix=error.fix or 'statement_timeout = "5m"') from None


def _refuse_unresolved(values: dict[str, Any], catalogue: Catalogue) -> None:
    """A table that is still there names a source of secrets that nobody brings."""
    for key, value in values.items():
        if key != "query" and isinstance(value, Mapping):
            sources, known = list(value), ("env", "file", *catalogue.secrets())
            close = nearest(str(sources[0]), known) if sources else None
            raise ConfigError(
                f"{key} is a text, or a secret from one source"
                + ("" if len(sources) != 1 else f", not {sources[0]!r}"),
                why=f"the sources here are {', '.join(known)}",
                fix=f"write {close!r}" if close else "correct the name, or install the plugin that brings the source",
            )


def _url_of(values: dict[str, Any]) -> URL:
    if "url" in values:
        if "drivername" in values or (len(values) > 1 and set(values) - {"url", "username", "password", "query"}):
            raise ConfigError("a connection has either a url or its parts", fix="drop the url, or drop the parts")
        url = _parse_url(values.pop("url"))
        return url.set(**_typed(values)) if values else url
    if "drivername" not in values:
        raise ConfigError("a connection needs a url or a drivername", fix='url = "duckdb:///warehouse.duckdb"')
    from sqlalchemy.engine import URL

    return URL.create(**_typed(values))


def _typed(values: dict[str, Any]) -> dict[str, Any]:
    typed = dict(values)
    for key in ("drivername", "username", "password", "host", "database"):
        if key in typed and not isinstance(typed[key], str):
            raise ConfigError(f"{key} is a text", fix=f'{key} = "..."')
    if "port" in typed:
        try:
            typed["port"] = int(typed["port"])
        except (TypeError, ValueError):
            raise ConfigError("port is a whole number", fix="port = 5432") from None
    query = typed.get("query", {})
    if not isinstance(query, Mapping):
        raise ConfigError("query is a table", fix='query = { sslmode = "require" }')
    if query:
        typed["query"] = {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in query.items()}
    return typed


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: _reveal(item) for key, item in value.items()}
    return value


def _parse_url(text: object) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(text if isinstance(text, str) else "")
    except (ArgumentError, ValueError):
        # the text may hold a password, so it is not repeated
        raise ConfigError(
            "the connection URL cannot be read",
            why="it is not of the form dialect+driver://user:password@host:port/database",
            fix='url = "duckdb:///warehouse.duckdb", or "sqlite:////absolute/path.db"',
        ) from None


def _checked(name: str, url: URL, read_only: bool, settings: Settings, limit: float | None = None) -> Connection:
    dialect = url.get_backend_name()
    path: Path | None = None
    if url.password:
        Secret(url.password)  # from now on masked in every text, also when it stood in the file in the open
    if dialect in _EMBEDDED:
        database = url.database or ":memory:"
        if database != ":memory:" and not database.startswith(("file:", "md:")):
            path = (settings.project_root / Path(database).expanduser()).resolve()
            url = url.set(database=str(path))
    connection = Connection(name, url, url.render_as_string(hide_password=True), dialect, read_only, path, limit)
    if path is not None:
        _check_path(connection, path)
    return connection


def _check_path(connection: Connection, path: Path) -> None:
    if path.is_dir() and connection.dialect != "chdb":
        raise EngineUnavailable(
            f"{path} is a directory, not a database", who=connection.described, fix="name a file inside it"
        )
    if not path.parent.is_dir():
        raise EngineUnavailable(
            f"the directory {path.parent} does not exist",
            who=connection.described,
            why=f"the database {path.name} would lie in it",
            fix=f"mkdir -p {path.parent}",
        )
    if connection.read_only and not path.exists():
        raise EngineUnavailable(
            f"the database {path} does not exist",
            who=connection.described,
            why="the connection is read_only, so it is not created",
            fix="create it first, or correct the path",
        )


def _file(settings: Settings) -> str:
    """Where the configuration is written, or should be."""
    return settings.source.name if settings.source else "dovetail.toml"


def _example(name: str, settings: Settings | None = None, drivername: str = "duckdb") -> str:
    """The table of a connection, as the file that holds the configuration spells it."""
    in_pyproject = settings is not None and _file(settings) == "pyproject.toml"
    key = name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else '"..."'
    head = f"[{'tool.dovetail.' if in_pyproject else ''}connections.{key}]\n"
    if drivername in _EMBEDDED:
        return f'{head}url = "{drivername}:///{key}.{drivername}"'
    return (
        f'{head}drivername = "{drivername}"\nusername = "..."\npassword = {{ env = "DATABASE_PASSWORD" }}\n'
        'host = "..."\ndatabase = "..."'
    )
