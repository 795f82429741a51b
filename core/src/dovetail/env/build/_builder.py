"""Building environments: what is done when one is not there."""

from __future__ import annotations

import sysconfig
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dovetail.config import Settings
from dovetail.env.build._environment import Environment, read_environment, touch
from dovetail.env.build._expand import expanded
from dovetail.env.build._install import build
from dovetail.env.build._lockfile import Entry, entry_for, read_lock, write_lock
from dovetail.env.build._places import Places, lock_path, locked, read_json, write_json
from dovetail.env.build._pythons import Interpreter, choose_python
from dovetail.env.build._request import WORKER_REQUIRES, EnvRequest, Tell
from dovetail.env.build._resolve import Pins, resolve
from dovetail.env.build._tell import masked, place_failure, silent
from dovetail.env.build._uv import Uv, find_uv, uv_for


class Builder:
    """Resolves, locks and builds environments.

    Args:
        settings: Those of the project.
        places: Where environments lie.
        progress: Called with lines for people.
        offline: Use no network.
        upgrade: Resolve anew, to the newest versions.
    """

    def __init__(
        self, settings: Settings, places: Places, progress: Tell | None, *, offline: bool, upgrade: bool
    ) -> None:
        self.settings = settings
        self.places = places
        self.offline = offline
        self.upgrade = upgrade
        self._tell = _safely(progress)

    def sync(self, request: EnvRequest, key: str, lock: str) -> Environment:
        """Build the environment of a request; see ``Environments.sync``.

        Args:
            request: What is asked for.
            key: Names what it leads to as long as no lock file says otherwise.
            lock: Digest of the lock file, or ``""``.
        """
        tell = self._tell
        try:
            with uv_for(self.settings, offline=self.offline, tell=tell) as uv:
                pins, python = self._pins(request, key, uv, tell, self.upgrade)
                environment = self._built(request, pins, python, uv, tell)
                self._remember(request, key, lock, environment.digest)
        except OSError as error:
            raise place_failure(request, self.places.root, error) from error
        return environment

    def _pins(self, request: EnvRequest, key: str, uv: Uv, tell: Tell, upgrade: bool) -> tuple[Pins, Interpreter]:
        """What to install, and into which Python: from the lock file, from an earlier resolution, or resolved now."""
        entry = self._locked_entry(request)
        if entry is not None:
            return entry.pins, choose_python(request, self.places, minor=entry.pins.minor, uv=uv, tell=tell)
        place = self.places.pins(key)
        with locked(place.with_suffix(".lock"), waiting=_waits(request, tell)):
            kept = None if upgrade else _read_pins(place)
            if kept is not None:
                return kept, choose_python(request, self.places, minor=kept.minor, uv=uv, tell=tell)
            python = choose_python(request, self.places, uv=uv, tell=tell)
            pins = self._resolved(request, python, uv, tell, None)
            write_json(place, pins.to_dict())
            return pins, python

    def _resolved(self, request: EnvRequest, python: Interpreter, uv: Uv, tell: Tell, keep: Pins | None) -> Pins:
        tell(f"resolving environment {request.name} for Python {python.full}")
        requires = expanded(request, python, WORKER_REQUIRES)
        return resolve(request, requires, python, uv, self.places, keep)

    def check(self, request: EnvRequest) -> None:
        """Raise what would keep the environment from being built, as far as that can be told at once."""
        self._locked_entry(request)
        find_uv()

    def _locked_entry(self, request: EnvRequest) -> Entry | None:
        path = lock_path(self.settings)
        configured = request.name in self.settings.envs and not request.source.startswith("plugin ")
        return entry_for(request, read_lock(path), _platform(), path, configured)

    def _built(self, request: EnvRequest, pins: Pins, python: Interpreter, uv: Uv, tell: Tell) -> Environment:
        digest = pins.digest(python)
        with locked(self.places.lock(digest), waiting=_waits(request, tell)) as lock:
            found = read_environment(self.places, digest, request.name)
            if found is not None:
                touch(found.path)
                return found
            return build(request, pins, python, places=self.places, settings=self.settings, uv=uv, lock=lock, tell=tell)

    def _remember(self, request: EnvRequest, key: str, lock: str, digest: str) -> None:
        path = self.places.request(key)
        with locked(path.with_suffix(".lock")):
            told = read_json(path)
            digests = told.get("digests", {}) if isinstance(told, dict) else {}
            digests = {**{k: v for k, v in list(digests.items())[-20:] if k != lock}, lock: digest}
            write_json(
                path,
                {
                    "name": request.name,
                    "requires": list(request.requires),
                    "python": request.python,
                    "source": masked(request.source),
                    "project": str(self.settings.project_root.absolute()),
                    "used": time.time(),
                    "digests": digests,
                },
            )

    def lock(self, requests: Iterable[EnvRequest], configured: Mapping[str, EnvRequest]) -> Path:
        """Resolve environments and write them to the lock file; its path. See ``Environments.lock``.

        Args:
            requests: What to lock.
            configured: What the project asks for now.
        """
        tell, path = self._tell, lock_path(self.settings)
        wanted = {each.name: each for each in requests}
        entries = read_lock(path)
        with uv_for(self.settings, offline=self.offline, tell=tell) as uv:
            for request in wanted.values():
                python = choose_python(request, self.places, uv=uv, tell=tell)
                here = (request.name, python.minor, _platform())
                old = next((e for e in entries if (e.name, e.pins.minor, e.pins.platform) == here), None)
                pins = self._resolved(request, python, uv, tell, old.pins if old and not self.upgrade else None)
                entries = [e for e in entries if e is not old and (e.name != request.name or e.fits(request))]
                entries.append(Entry(request.name, request.requires, request.python, pins))
        known = {*configured, *wanted}
        write_lock(path, [each for each in entries if each.name in known])
        return path


def _platform() -> str:
    return sysconfig.get_platform()


def _read_pins(path: Path) -> Pins | None:
    try:
        told: Any = read_json(path)
        return Pins.from_dict(told) if isinstance(told, dict) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _safely(progress: Tell | None) -> Tell:
    if progress is None:
        return silent
    return lambda line: progress(masked(line))


def _waits(request: EnvRequest, tell: Tell) -> Tell:
    return lambda who: tell(f"waiting for {who}, which builds environment {request.name}")
