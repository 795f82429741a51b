"""``dovetail.lock``: what the environments of a project hold, in a file that is committed with it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.config import mask_url
from dovetail.env.build._index import to_toml
from dovetail.env.build._places import LOCK_FILE
from dovetail.env.build._request import EnvRequest, hub_minor, python_specifiers
from dovetail.env.build._resolve import Pins
from dovetail.errors import ConfigError, shorten, unwritable

_FORMAT = 1
_HEADER = "# What the environments of this project hold. Written by `dovetail env lock`; commit it, do not edit it.\n"


@dataclass(frozen=True)
class Entry:
    """One environment, as it is locked for one version of Python on one platform.

    Attributes:
        name: Name of the environment.
        requires: What was asked for.
        asked: The Python that was asked for; None: that of the hub.
        pins: What is locked.
    """

    name: str
    requires: tuple[str, ...]
    asked: str | None
    pins: Pins

    def fits(self, request: EnvRequest) -> bool:
        """Whether this is what is asked for now."""
        return self.requires == request.requires and self.asked == request.python


def read_lock(path: Path) -> list[Entry]:
    """The entries of a lock file, none if there is none.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if data.get("format") != _FORMAT:
            raise ValueError(f"its format is {shorten(data.get('format'))}, this dovetail reads {_FORMAT}")
        return [_entry(each) for each in data.get("environment", [])]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(
            "the lock file of the environments cannot be read",
            who=str(path),
            why=why,
            fix="take back the edit, or remove the file and type: dovetail env lock",
        ) from None


def _entry(data: Mapping[str, Any]) -> Entry:
    asked = data.get("asked")
    requires = tuple(data["requires"])
    if not isinstance(data["name"], str) or not all(isinstance(each, str) for each in requires):
        raise ValueError("name is a text, requires a list of texts")
    if asked is not None and not isinstance(asked, str):
        raise ValueError("asked is a text")
    return Entry(data["name"], requires, asked, Pins.from_dict(data))


def write_lock(path: Path, entries: Iterable[Entry]) -> None:
    """Replace a lock file as a whole.

    Raises:
        ConfigError: What is locked comes from an address that holds credentials.
        UsageError, PlatformError: The file cannot be written.
    """
    ordered = sorted(entries, key=lambda each: (each.name, each.pins.platform, each.pins.minor))
    tables = []
    for each in ordered:
        for pin in each.pins.pins:
            if pin.url and mask_url(pin.url) != pin.url:
                raise ConfigError(
                    f"{pin.name} comes from an address that holds credentials, which are never written to {LOCK_FILE}",
                    who=f"environment {each.name}",
                    fix="leave them out of it, and give them to uv: a netrc file, a keyring, or UV_INDEX_<NAME>_PASSWORD",
                )
        asked = {"asked": each.asked} if each.asked is not None else {}
        told = {"name": each.name, "requires": list(each.requires), **asked}
        tables.append(_table(told | {"python": each.pins.minor, "platform": each.pins.platform}, each.pins))
    text = _HEADER + f"format = {_FORMAT}\n" + "".join(tables)
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise unwritable("the lock file", path, error, "make it writable") from error


def _table(told: Mapping[str, Any], pins: Pins) -> str:
    lines = ["\n[[environment]]\n", to_toml(told)]
    lines += [f"\n[[environment.packages]]\n{to_toml(pin.to_dict())}" for pin in pins.pins]
    return "".join(lines).replace('", "sha256:', '",\n    "sha256:')


def entry_for(
    request: EnvRequest, entries: Iterable[Entry], platform: str, path: Path, configured: bool
) -> Entry | None:
    """What a lock file says about a request; None if it does not name the environment, and need not.

    Args:
        request: What is asked for.
        entries: Those of the lock file.
        platform: That of this machine.
        path: The lock file.
        configured: The environment is one of the project's own, which a lock file that is there has to name.

    Raises:
        ConfigError: It names another request, or nothing for this platform and version of Python.
    """
    every = list(entries)
    named = [each for each in every if each.name == request.name]
    if not named:
        if every and configured:
            raise _stale(request, path, f"it holds no environment {request.name}")
        return None
    fitting = [each for each in named if each.fits(request)]
    if not fitting:
        raise _stale(request, path, _difference(named[0], request))
    allowed = python_specifiers(request.python, request.who)
    here = [each for each in fitting if each.pins.platform == platform and f"{each.pins.minor}.0" in allowed]
    if not here:
        known = ", ".join(f"Python {each.pins.minor} on {each.pins.platform}" for each in fitting)
        raise _stale(
            request, path, f"it holds {request.name} for {known}, and this is Python {hub_minor()} on {platform}"
        )
    return next((each for each in here if each.pins.minor == hub_minor()), here[-1])


def _difference(entry: Entry, request: EnvRequest) -> str:
    added = [each for each in request.requires if each not in entry.requires]
    gone = [each for each in entry.requires if each not in request.requires]
    told = [f"asked for now: {', '.join(added)}"] if added else []
    told += [f"locked and no longer asked for: {', '.join(gone)}"] if gone else []
    if entry.asked != request.python:
        told.append(
            f"Python {entry.asked or 'of the hub'} is locked, {request.python or 'that of the hub'} is asked for"
        )
    return "; ".join(told)


def _stale(request: EnvRequest, path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path.name} no longer fits environment {request.name}",
        who=request.who,
        why=why,
        fix=f"dovetail env lock {request.name}",
    )
