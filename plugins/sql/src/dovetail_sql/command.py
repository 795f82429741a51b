"""``dovetail connections``: which databases the project knows, whether they answer, and one more."""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from dovetail.cli import json_option, write_result
from dovetail.config import Settings, mask_url, redact, unset_variables
from dovetail.errors import DovetailError, UsageError
from dovetail.plugins import current_catalogue

from dovetail_sql._connections import check_reference, resolve_connection
from dovetail_sql.task import open_database

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@click.group("connections")
def connections() -> None:
    """The databases of the project: list them, test them, add one."""


@connections.command("list")
@json_option
def list_connections() -> None:
    """Every connection of the configuration. Nothing is opened, and no secret is read."""
    found = [_listed(name, table) for name, table in _settings().connections.items()]
    write_result({"connections": found}, _lines(found))


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        yield "no connections; add one: dovetail connections add warehouse --url duckdb:///warehouse.duckdb"
    width = max((len(each["name"]) for each in found), default=0)
    for each in found:
        notes = [*(["read-only"] if each["read_only"] else []), *(f"{name} is not set" for name in each["unset"])]
        yield f"{each['name']:{width}}  {each['where']}" + (f"  ({', '.join(notes)})" if notes else "")


@connections.command("test")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def test_connections(names: tuple[str, ...]) -> None:
    """Open connections, all or those named, and ask each for one row. Exit code 3 if one does not answer."""
    settings = _settings()
    results = [_tested(name, settings) for name in names or settings.connections]
    write_result(
        {"connections": results},
        (
            f"{each['name']}: ok, {each['version']}, {each['seconds'] * 1000:.0f} ms"
            if each["ok"]
            else f"{each['name']}: {each['error']}"
            for each in results
        ),
    )
    if not all(each["ok"] for each in results):
        raise click.exceptions.Exit(3)


@connections.command("add")
@click.argument("name")
@click.option("--url", help="SQLAlchemy URL without a password: sqlite:///data.db")
@click.option("--url-env", metavar="VARIABLE", help="Environment variable that holds the whole URL.")
@click.option("--drivername", help="Instead of a URL: postgresql+psycopg, mariadb+pymysql, ...")
@click.option("--username", help="Who to connect as.")
@click.option("--password-env", metavar="VARIABLE", help="Environment variable that holds the password.")
@click.option("--password-file", metavar="PATH", help="File that holds the password.")
@click.option("--host", help="Where the server runs.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port.")
@click.option("--database", help="Name of the database.")
@click.option("--read-only", is_flag=True, help="Nothing can be written.")
@click.option("--statement-timeout", metavar="TIME", help='How long one statement may take: "5m".')
@json_option
def add_connection(name: str, **options: Any) -> None:
    """Write a connection into the configuration. Secrets are named, never given."""
    settings = _settings()
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a connection", fix="use letters, digits, - and _")
    if name in settings.connections:
        raise UsageError(
            f"there is a connection {name!r} already",
            who=str(settings.source),
            fix="take another name, or edit the file",
        )
    table = _table(options)
    file = settings.source or settings.project_root / "dovetail.toml"
    head = "tool.dovetail." if file.name == "pyproject.toml" else ""
    lines = [f"{key} = {_toml(value)}" for key, value in table.items()]
    _append(file, "\n".join([f"[{head}connections.{name}]", *lines]) + "\n")
    told = f"added {name} to {file}; try it: dovetail connections test {name}"
    write_result({"name": name, "file": str(file), "connection": table}, [told])


def _settings() -> Settings:
    return current_catalogue().settings


def _listed(name: str, table: Any) -> dict[str, Any]:
    url, where = table.get("url"), ""
    if isinstance(url, str):
        where = mask_url(url)
    elif url is not None:
        where = f"(a URL from {_source(url)})"
    else:
        server = f"{table.get('host', '')}" + (f":{table['port']}" if "port" in table else "")
        where = f"{table.get('drivername', '?')}://{server}/{table.get('database', '')}"
    return {
        "name": name,
        "where": redact(where),
        "read_only": table.get("read_only") is True,
        "unset": unset_variables(table),
    }


def _source(reference: Any) -> str:
    return " ".join(f"{key} {value}" for key, value in reference.items()) if isinstance(reference, dict) else "a secret"


def _tested(name: str, settings: Settings) -> dict[str, Any]:
    began = time.monotonic()
    try:
        database = open_database(resolve_connection(name, settings))
        try:
            version = database.ping()
        finally:
            database.close()
    except DovetailError as error:
        said = redact(str(error).strip())
        return {"name": name, "ok": False, "kind": error.kind, "error": said, "fix": redact(error.fix or "")}
    return {"name": name, "ok": True, "version": version, "seconds": round(time.monotonic() - began, 4)}


def _table(options: dict[str, Any]) -> dict[str, Any]:
    """The table to write, in the order in which people read it."""
    given = {key: value for key, value in options.items() if value not in (None, False)}
    url, url_env = given.pop("url", None), given.pop("url_env", None)
    if sum(each is not None for each in (url, url_env, given.get("drivername"))) != 1:
        raise UsageError(
            "a connection needs one of --url, --url-env and --drivername", fix="--url duckdb:///warehouse.duckdb"
        )
    if url is not None:
        check_reference(url if "://" in url else f"{url}://", "--url")
        given = {"url": url, **given}
    if url_env is not None:
        given = {"url": {"env": url_env}, **given}
    if "password_env" in given and "password_file" in given:
        raise UsageError("the password has one source", fix="drop --password-env or --password-file")
    for source in ("env", "file"):
        if (key := given.pop(f"password_{source}", None)) is not None:
            given["password"] = {source: key}
    return given


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)  # strings, numbers and booleans are written alike


def _append(file: Path, text: str) -> None:
    """Add a table at the end of a TOML file, which is replaced as a whole or not at all."""
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    after = before + ("" if not before or before.endswith("\n") else "\n") + ("\n" if before else "") + text
    try:
        tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{file} cannot be added to", why=str(error), fix=f"add these lines by hand:\n{text}"
        ) from None
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(after)
        Path(name).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
