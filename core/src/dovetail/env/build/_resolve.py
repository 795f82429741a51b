"""Resolving: from what is asked for to what is locked."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dovetail.config import canonical_name
from dovetail.env.build._environment import FORMAT
from dovetail.env.build._expand import left_out
from dovetail.env.build._places import Places
from dovetail.env.build._pythons import Interpreter
from dovetail.env.build._request import EnvRequest
from dovetail.env.build._tell import uv_failure
from dovetail.env.build._uv import Uv
from dovetail.errors import EngineUnavailable

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:==(?P<version>[\w.!+-]+)| @ (?P<url>\S+))")
_HASH = re.compile(r"[a-z0-9]+:[0-9a-f]{32,}")


@dataclass(frozen=True)
class Pin:
    """One distribution that is locked.

    Attributes:
        name: Canonical name.
        version: Its version, or ``""`` where it comes from an address.
        url: The address, or ``""``.
        hashes: Of files that may stand for it: ``sha256:...``; none where there is no telling.
    """

    name: str
    version: str
    url: str = ""
    hashes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """As a line of requirements."""
        what = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        return " ".join([what, *(f"--hash={each}" for each in self.hashes)])

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        told: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "url": self.url,
            "hashes": list(self.hashes),
        }
        return {key: value for key, value in told.items() if value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Pin:
        """Read back what :meth:`to_dict` wrote; raises ValueError on anything else."""
        unknown = set(data) - {"name", "version", "url", "hashes"}
        pin = cls(data.get("name", ""), data.get("version", ""), data.get("url", ""), tuple(data.get("hashes", ())))
        texts = (pin.name, pin.version, pin.url, *pin.hashes)
        if unknown or not all(isinstance(each, str) for each in texts):
            raise ValueError(f"a package has name, version, url and hashes, not {sorted(unknown) or data}")
        if not _PIN.fullmatch(f"{pin.name} @ {pin.url}" if pin.url else f"{pin.name}=={pin.version}"):
            raise ValueError(f"{pin.name or data} has neither a version nor an address that can be read")
        wrong = [each for each in pin.hashes if not _HASH.fullmatch(each)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no hash")
        return pin


@dataclass(frozen=True)
class Pins:
    """Everything that is locked for one environment.

    Attributes:
        pins: The distributions, by name.
        minor: The minor version of Python that they were found for: ``3.12``.
        platform: The platform: ``linux-x86_64``.
    """

    pins: tuple[Pin, ...]
    minor: str
    platform: str

    def digest(self, python: Interpreter) -> str:
        """Names the environment that they make with an interpreter."""
        told = [
            FORMAT,
            [python.implementation, python.full, python.platform, python.abi],
            [[each.name, each.version, each.url, sorted(each.hashes)] for each in self.pins],
        ]
        return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()

    @property
    def text(self) -> str:
        """As a file of requirements."""
        return "".join(f"{each.line}\n" for each in self.pins)

    @property
    def hashed(self) -> bool:
        """Whether each has hashes."""
        return all(each.hashes for each in self.pins)

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form."""
        return {"python": self.minor, "platform": self.platform, "packages": [each.to_dict() for each in self.pins]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Pins:
        """Read back what :meth:`to_dict` wrote; raises ValueError, KeyError or TypeError on anything else."""
        pins = tuple(sorted((Pin.from_dict(each) for each in data["packages"]), key=lambda pin: pin.name))
        twice = {a.name for a, b in itertools.pairwise(pins) if a.name == b.name}
        if twice:
            raise ValueError(f"{min(twice)} is locked twice")
        if not isinstance(data["python"], str) or not isinstance(data["platform"], str):
            raise ValueError("python and platform are texts")
        return cls(pins, data["python"], data["platform"])


def resolve(
    request: EnvRequest, requires: Sequence[str], python: Interpreter, uv: Uv, places: Places, keep: Pins | None = None
) -> Pins:
    """What to install for requirements, as uv finds it.

    Args:
        request: For the words of errors.
        requires: The requirements, those of the worker included.
        python: The interpreter.
        uv: Does the work.
        places: For the words of errors.
        keep: Versions that stay where they still fit.

    Raises:
        ConfigError, EngineUnavailable, PlatformError: It cannot be resolved; with uv's reason.
    """
    overrides, output = uv.folder / "overrides.txt", uv.folder / "pins.txt"
    overrides.write_text("".join(f"{each}\n" for each in left_out()), encoding="utf-8")
    output.write_text(keep.text if keep else "", encoding="utf-8")
    flags = [
        "--no-header",
        "--no-annotate",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--quiet",
    ]
    uv.run(
        ["pip", "compile", "-", "-o", output, "--python", python.path, "--overrides", overrides, *flags],
        text="".join(f"{each}\n" for each in requires),
        failed=lambda code, told: uv_failure("be resolved", request, told, offline=uv.offline, root=places.root),
    )
    return Pins(parse_pins(output.read_text(encoding="utf-8"), request), python.minor, python.platform)


def parse_pins(text: str, request: EnvRequest) -> tuple[Pin, ...]:
    """The lines that uv writes.

    Raises:
        EngineUnavailable: They are not what they have always been.
    """
    pins = []
    for line in text.replace("\\\n", " ").splitlines():
        words = line.partition(" ;")[0].split(" --hash=") if not line.lstrip().startswith("#") else []
        if not words or not words[0].strip():
            continue
        found = _PIN.fullmatch(words[0].strip())
        hashes = tuple(sorted(each.strip().partition(" ")[0] for each in line.split(" --hash=")[1:]))
        if found is None:
            raise EngineUnavailable(
                f"environment {request.name} cannot be resolved",
                who=request.who,
                why=f"uv answers with a line that is no pin: {words[0].strip()!r}",
                fix="pip install --upgrade uv",
            )
        pins.append(Pin(canonical_name(found["name"]), found["version"] or "", found["url"] or "", hashes))
    return tuple(sorted(pins, key=lambda pin: pin.name))
