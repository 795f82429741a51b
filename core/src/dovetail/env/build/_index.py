"""Where packages come from: what the user has told uv or pip, and nothing that would change what is built otherwise.

uv reads its own variables and the files of the user and of the system itself. Two things it would miss: the configuration
of pip, for users who have told pip alone, and the index settings of the project, since uv is started far from it.
"""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dovetail.config import remember_url_secrets
from dovetail.errors import ConfigError

_DROPPED = {
    "UV_PYTHON",
    "UV_PYTHON_PREFERENCE",
    "UV_MANAGED_PYTHON",
    "UV_NO_MANAGED_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_BREAK_SYSTEM_PACKAGES",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
    "UV_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE",
    "UV_BUILD_CONSTRAINT",
    "UV_REQUIRE_HASHES",
    "UV_RESOLUTION",
    "UV_PRERELEASE",
    "UV_CUSTOM_COMPILE_COMMAND",
    "UV_VENV_CLEAR",
    "UV_VENV_SEED",
    "UV_VENV_RELOCATABLE",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
}
"""Variables of the user's shell that would decide what is built, or with which interpreter."""
_KEPT_OF_CONDA = {"CONDA_PKGS_DIRS"}

_TELLING = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_CONFIG_FILE")
_INDEX_KEYS = (
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "no-index",
    "index-strategy",
    "keyring-provider",
    "allow-insecure-host",
    "native-tls",
    "system-certs",
)
"""Keys of uv's configuration that say where packages come from."""
_PATHS = ("find-links",)


def uv_environment(uv: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables for uv.

    Args:
        uv: The program.
        environ: Variables to start from. Default: those of this process.
    """
    given = os.environ if environ is None else environ
    env = {
        name: value
        for name, value in given.items()
        if name not in _DROPPED
        and not name.startswith("PYTHON")
        and (not name.startswith("CONDA_") or name in _KEPT_OF_CONDA)
    }
    for name, value in _from_pip(given).items():
        env.setdefault(name, value)
    env |= {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_NO_ENV_FILE": "1"}
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"):
        for word in env.get(name, "").replace(",", " ").split():
            remember_url_secrets(word.partition("=")[2] if "=" in word.partition("://")[0] else word)
    for name, value in env.items():
        if name.startswith("UV_INDEX_") and name.endswith("_PASSWORD") and value:
            remember_url_secrets(f"https://user:{value}@host")
    return env


def _from_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip was told, as variables for uv; the indexes only where uv was told none."""
    pip = pip_settings(environ)
    found = {}
    if not _uv_was_told(environ):
        for variable, key in (("UV_DEFAULT_INDEX", "index-url"), ("UV_INDEX", "extra-index-url")):
            if pip.get(key):
                found[variable] = " ".join(pip[key].split())
        if pip.get("extra-index-url"):
            found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # how pip itself weighs its indexes
        if pip.get("trusted-host"):
            found["UV_INSECURE_HOST"] = " ".join(pip["trusted-host"].split())
    if pip.get("find-links"):
        found["UV_FIND_LINKS"] = ",".join(_absolute(each) for each in pip["find-links"].split())
    if pip.get("cert"):
        found["SSL_CERT_FILE"] = pip["cert"]
    if pip.get("proxy"):
        found["ALL_PROXY"] = pip["proxy"]
    return found


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())


def _uv_was_told(environ: Mapping[str, str]) -> bool:
    if any(environ.get(name) for name in _TELLING):
        return True
    config = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".config")
    return any(path.is_file() for path in (config / "uv" / "uv.toml", Path("/etc/uv/uv.toml")))


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip is configured to do, by option; its variables win over its files, the user's files over the system's."""
    found: dict[str, str] = {}
    for path in _pip_files(environ):
        parser = configparser.RawConfigParser()
        with suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read(path, encoding="utf-8")
            for section in ("global", "install"):
                if parser.has_section(section):
                    found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def _pip_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """The files that pip reads, those that win last."""
    stated = environ.get("PIP_CONFIG_FILE")
    if stated == os.devnull:
        return
    home = Path(environ.get("HOME") or "~").expanduser()
    for folder in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if stated:
        yield Path(stated)


def index_settings(root: Path, environ: Mapping[str, str] | None = None) -> str:
    """The text of a ``uv.toml`` with what neither uv's variables nor its own files can say. Arguments and errors as for
    :func:`project_index`, and :func:`uv_environment`."""
    given = os.environ if environ is None else environ
    told = project_index(root)
    no_index = pip_settings(given).get("no-index", "").lower() in ("1", "true", "yes", "on")
    if no_index and not _uv_was_told(given) and "no-index" not in told:
        return "no-index = true\n" + told
    return told


def project_index(root: Path) -> str:
    """The text of a ``uv.toml`` with what the project says about indexes, ``""`` if it says nothing.

    Args:
        root: The project's directory. As for uv, the nearest ``uv.toml``, or ``pyproject.toml`` with ``[tool.uv]``, counts.

    Raises:
        ConfigError: The file is no TOML.
    """
    for folder in (root, *root.parents):
        for name in ("uv.toml", "pyproject.toml"):
            try:
                text = (folder / name).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if name == "pyproject.toml" and "tool.uv" not in text:
                continue
            table = _toml(folder / name, text)
            table = table if name == "uv.toml" else table.get("tool", {}).get("uv", {})
            told = {key: _rooted(key, table[key], folder) for key in _INDEX_KEYS if key in table}
            pip = {
                key: _rooted(key, value, folder) for key, value in table.get("pip", {}).items() if key in _INDEX_KEYS
            }
            return to_toml(told | ({"pip": pip} if pip else {}))
    return ""


def _toml(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "the configuration of uv is not valid TOML",
            who=str(file),
            why=str(error),
            fix="mend the line that is named",
        ) from error


def _rooted(key: str, value: Any, folder: Path) -> Any:
    """A value as it means the same from elsewhere."""
    if key == "index" and isinstance(value, list):
        return [{**each, "url": _rooted("find-links", [each.get("url", "")], folder)[0]} for each in value]
    if key not in _PATHS or not isinstance(value, list):
        return value
    return [each if "://" in str(each) else str(folder / Path(str(each)).expanduser()) for each in value]


def to_toml(table: Mapping[str, Any]) -> str:
    """A table of texts, numbers, lists and tables of those as TOML."""
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_tables(value)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{_key(key)}]", to_toml(value).rstrip("\n")]
        elif _is_tables(value):
            for each in value:
                lines += ["", f"[[{_key(key)}]]", to_toml(each).rstrip("\n")]
    return "\n".join(lines) + "\n"


def _is_tables(value: Any) -> bool:
    tables = isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping) or tables


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
    escaped = "".join(_ESCAPES.get(c, c if c.isprintable() else f"\\u{ord(c):04x}") for c in str(value))
    return f'"{escaped}"'


_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
