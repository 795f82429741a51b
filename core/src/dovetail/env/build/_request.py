"""What somebody asks of an environment: requirements and a version of Python, read and put into one form."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dovetail.config import canonical_name, mask_url, mask_urls
from dovetail.errors import ConfigError, shorten

if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

Tell = Callable[[str], None]
"""Takes lines for people."""

WORKER_REQUIRES: tuple[str, ...] = (
    "cloudpickle>=2.2",
    "fsspec>=2023.1",
    "pluggy>=1.5",
    "pyarrow>=16.1",
    "pydantic>=2.10,<3",
)
"""What the side of dovetail that runs in a worker needs, in every environment. dovetail itself comes from the hub."""

SUPPORTED_PYTHON = ">=3.11,<3.14"
"""The Pythons that dovetail runs on, and so its workers."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_OPERATORS = re.compile(r"\s*(===|~=|==|!=|<=|>=|<|>|,|\[|\])\s*")
_VERSION = re.compile(r"\d+(?:\.\d+){0,2}")


@dataclass(frozen=True)
class EnvRequest:
    """What an environment shall hold.

    Attributes:
        name: What people call it: that of ``[envs.NAME]``, of a plugin's environment, or ``auto-`` and 8 hexadecimal digits.
        requires: Requirements as in PEP 508, in one form and order. What a worker needs is added when it is built.
        python: A version (``"3.12"``), or versions (``">=3.11,<3.13"``), of Python. None: the hub's minor version.
        source: Who asks, for people: ``"[envs.old-pandas] of dovetail.toml"``, ``"plugin dovetail-vaex"``.
    """

    name: str
    requires: tuple[str, ...]
    python: str | None = None
    source: str = ""

    @property
    def who(self) -> str:
        """For people: the environment, and who asks for it."""
        return f"environment {self.name}" + (f" ({self.source})" if self.source else "")


def make_request(name: str, requires: Iterable[str], python: str | None, source: str) -> EnvRequest:
    """A request in one form: what means the same is the same, as far as that can be told without looking closely."""
    return EnvRequest(name, tuple(sorted({_one_form(each) for each in requires})), python or None, source)


def anonymous_name(requires: Iterable[str], python: str | None) -> str:
    """The name of an environment that has none."""
    told = json.dumps([sorted({_one_form(each) for each in requires}), python])
    return f"auto-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _one_form(requirement: str) -> str:
    head, marker, rest = requirement.partition(";")
    head = " ".join(head.split())
    if "@" not in head:
        head = _OPERATORS.sub(r"\1", head)
    name = name_of(head)
    head = canonical_name(name) + head[len(name) :] if name else head
    return f"{head} ; {' '.join(rest.split())}" if marker else head


def name_of(requirement: str) -> str:
    """The name of the distribution that a requirement begins with, as it is written; ``""`` if it begins with none."""
    found = _NAME.match(requirement.strip())
    return found[0] if found else ""


def parse_requirement(text: str, who: str) -> Requirement:
    """Read one requirement.

    Raises:
        ConfigError: It is none, holds credentials, or names a directory, whose content nothing pins.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        told = str(error).splitlines()
        raise ConfigError(
            f"{mask_urls(shorten(text))} is not a requirement",
            who=who,
            why=mask_urls(told[0].strip()) if told else None,
            fix="write it as in PEP 508: 'name', 'name>=1.2,<2', 'name[extra]==1.5.*' or 'name @ https://.../name.whl'",
        ) from None
    if found.url is None:
        return found
    if mask_url(found.url) != found.url:
        raise ConfigError(
            f"the address of {found.name!r} holds credentials",
            who=who,
            fix="leave them out of it, and give them to uv: a netrc file, a keyring, or UV_INDEX_<NAME>_PASSWORD",
        )
    if found.url.startswith("file:") and not found.url.partition("#")[0].endswith((".whl", ".tar.gz", ".zip")):
        raise ConfigError(
            f"{found.name!r} is to come from a directory",
            who=who,
            why="what lies there may change, and the environment would not",
            fix="build a wheel (uv build --wheel), and name that",
        )
    return found


def parse_all(requires: Sequence[str], who: str) -> list[Requirement]:
    """Read requirements. Raises as :func:`parse_requirement`."""
    return [parse_requirement(each, who) for each in requires]


def python_specifiers(python: str | None, who: str) -> SpecifierSet:
    """The versions of Python that are asked for.

    Raises:
        ConfigError: It is neither a version nor versions, or one that dovetail's workers do not run on.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    text = (python or hub_minor()).strip()
    plain = _VERSION.fullmatch(text)
    if plain:
        text = f"=={text}" if text.count(".") == 2 else f"=={text}.*"
    try:
        found = SpecifierSet(text)
    except InvalidSpecifier:
        raise ConfigError(
            f"{shorten(python)} is no version of Python",
            who=who,
            fix="write a version such as '3.12', or versions such as '>=3.11,<3.13'",
        ) from None
    supported = SpecifierSet(SUPPORTED_PYTHON)
    if not any(v in found & supported for v in _all_versions()):
        raise ConfigError(
            f"no Python that dovetail runs on is {python}",
            who=who,
            why=f"its workers need {SUPPORTED_PYTHON}",
            fix="ask for one of these",
        )
    return found & supported


def _all_versions() -> Iterable[str]:
    return (f"3.{minor}.{patch}" for minor in range(11, 14) for patch in range(60))


def hub_minor() -> str:
    """The version of Python of this process, as ``3.12``."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
