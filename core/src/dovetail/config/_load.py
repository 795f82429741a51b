"""Where settings come from: the nearest config file, then the environment, then overrides; the last word wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from dovetail.config._settings import Settings, env_name, setting_fields
from dovetail.errors import ConfigError, listing, nearest, shorten

_PREFIX = "DOVETAIL_"


def load_settings(
    start: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings of the project that ``start`` lies in.

    The config file is the nearest ``dovetail.toml`` (keys at the top), or ``pyproject.toml`` with ``[tool.dovetail]``,
    from ``start`` upward; in one directory ``dovetail.toml`` comes first. Environment variables ``DOVETAIL_*`` win over
    the file, ``overrides`` over both. An empty variable counts as not set.

    Args:
        start: Directory, or a file in it. Default: the current directory.
        overrides: Values by key, typed or as text, such as flags of a command; None as value means not given.
        environ: Environment to read. Default: that of this process.

    Raises:
        ConfigError: A key is unknown, a value is malformed, or the file cannot be read.
    """
    here = Path.cwd()
    base = (here / start) if start is not None else here
    if base.is_file():
        base = base.parent
    source, table = _find(base)
    root = source.parent if source is not None else base
    known = setting_fields()
    values: dict[str, Any] = {}
    if source is not None:
        for key, raw in table.items():
            setting = _known(key, known, str(source))
            values[key] = _read(setting, raw, f"{key} in {source}", text=False)
    values |= _from_environment(known, os.environ if environ is None else environ, here)
    for key, raw in (overrides or {}).items():
        if raw is None:
            continue
        setting = _known(key, known, "overrides")
        values[key] = _from_here(_read(setting, raw, f"override {key}", text=True), here)
    return Settings(project_root=root, source=source, **values)


def _find(base: Path) -> tuple[Path | None, dict[str, Any]]:
    for directory in (base, *base.parents):
        own = directory / "dovetail.toml"
        text = _text(own)
        if text is not None:
            return own, _toml(own, text)
        shared = directory / "pyproject.toml"
        text = _text(shared)
        # Most files on the way up have nothing to do with us: they are not parsed, and may be broken.
        if text is not None and "dovetail" in text:
            tool = _toml(shared, text).get("tool")
            table = tool.get("dovetail") if isinstance(tool, dict) else None
            if table is not None:
                if not isinstance(table, dict):
                    raise ConfigError("tool.dovetail is not a table", who=str(shared), fix="write [tool.dovetail]")
                return shared, table
    return None, {}


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the config file cannot be read", who=str(file), why=str(error), fix="make it a readable UTF-8 file"
        ) from error


def _toml(file: Path, text: str) -> dict[str, Any]:
    import tomllib  # not needed where there is no config file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "the config file is not valid TOML", who=str(file), why=str(error), fix="mend the line that is named"
        ) from error


def _known(key: str, known: Mapping[str, Field[Any]], where: str) -> Field[Any]:
    if key in known:
        return known[key]
    close = nearest(key.replace("-", "_"), known)
    raise ConfigError(
        f"unknown setting {key!r}",
        who=where,
        why=f"the settings are {listing(known, limit=20)}",
        fix=f"did you mean {close!r}?" if close else "remove it, or correct its name",
    )


def _read(setting: Field[Any], raw: object, where: str, *, text: bool) -> Any:
    try:
        return setting.metadata["parse"](raw, text)
    except ValueError as error:
        # A malformed connection may hold a password.
        shown = f": {shorten(raw)}" if setting.repr else ""
        raise ConfigError(f"{setting.name} has a value that cannot be used{shown}", who=where, fix=str(error)) from None


def _from_environment(known: Mapping[str, Field[Any]], environ: Mapping[str, str], here: Path) -> dict[str, Any]:
    by_variable = {variable: setting for setting in known.values() if (variable := env_name(setting))}
    values: dict[str, Any] = {}
    for variable, raw in environ.items():
        if not variable.startswith(_PREFIX) or not raw.strip():
            continue
        setting = by_variable.get(variable)
        if setting is not None:
            values[setting.name] = _from_here(_read(setting, raw, f"environment variable {variable}", text=True), here)
        else:
            _refuse_misspelt(variable, by_variable)
    return values


def _refuse_misspelt(variable: str, known: Mapping[str, object]) -> None:
    # Other programs, and other versions of dovetail, may use variables of this prefix: only an evident slip is an
    # error, because a misspelt DOVETAIL_DENY would load what was to be kept out.
    import difflib

    short = {name.removeprefix(_PREFIX): name for name in known}
    close = difflib.get_close_matches(variable.removeprefix(_PREFIX), short, n=1, cutoff=0.85)
    if close:
        raise ConfigError(
            f"unknown environment variable {variable}", fix=f"did you mean {short[close[0]]}? If not, unset {variable}"
        )


def _from_here(value: Any, here: Path) -> Any:
    return here / value if isinstance(value, Path) else value
