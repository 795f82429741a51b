"""The environments of one project: asked for, found, built, locked, removed."""

from __future__ import annotations

import hashlib
import json
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.config import Settings, canonical_name
from dovetail.env.build._care import Collected, Listed, Removed, known_requests, list_built, remove
from dovetail.env.build._environment import Environment, read_environment, touch
from dovetail.env.build._places import Places, lock_path, read_json, stamp
from dovetail.env.build._request import (
    WORKER_REQUIRES,
    EnvRequest,
    Tell,
    anonymous_name,
    hub_minor,
    make_request,
    name_of,
    parse_all,
    python_specifiers,
)
from dovetail.errors import UsageError, listing, nearest
from dovetail.plugins import plugin_metadata
from dovetail.spec import EnvironmentSpec

if TYPE_CHECKING:
    from dovetail.env.build._builder import Builder

_FORMAT = 1


def facts_of(requires: Iterable[str]) -> list[list[str]]:
    """What the hub's installed metadata add to these requirements: changes with them. Reads no more than it must."""
    names = {canonical_name(name_of(each)) for each in requires}
    found = plugin_metadata(names)
    return [[name, *found[name].requires] for name in sorted(found)]


class Environments:
    """The environments that a project may ask for. Cheap to make; reads nothing until it is asked.

    Args:
        settings: ``envs`` are the project's own, ``env_dir`` is where they are built.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.places = Places(settings)

    # -- asking ----------------------------------------------------------------------------------

    def configured(self) -> dict[str, EnvRequest]:
        """The environments of ``[envs.NAME]``, by name."""
        return {name: self._of_config(name) for name in self.settings.envs}

    def request(self, name: str) -> EnvRequest:
        """That of ``[envs.NAME]``.

        Raises:
            UsageError: There is none of that name; says the nearest.
            ConfigError: A requirement, or the version of Python, cannot be read.
        """
        if name not in self.settings.envs:
            raise unknown(name, self.settings.envs)
        return self._checked(self._of_config(name))

    def named(self, name: str, requires: Iterable[str], python: str | None, source: str) -> EnvRequest:
        """An environment that somebody else names: a plugin.

        Args:
            name: Its name.
            requires: Requirements as in PEP 508; ``dovetail-x[engine]`` stands for what that extra of the hub's plugin requires.
            python: A version, or versions, of Python. None: the hub's minor version.
            source: Who asks, for people: ``"plugin dovetail-x"``.

        Raises:
            ConfigError: A requirement, or the version of Python, cannot be read.
        """
        return self._checked(make_request(name, requires, python, source))

    def anonymous(self, requires: Sequence[str], python: str | None, source: str) -> EnvRequest:
        """An environment without a name, for these requirements. Arguments and errors as for :meth:`named`."""
        return self._checked(make_request(anonymous_name(requires, python), requires, python, source))

    def _of_config(self, name: str) -> EnvRequest:
        table = self.settings.envs[name]
        file = self.settings.source.name if self.settings.source else "config"
        table_name = f"tool.dovetail.envs.{name}" if file == "pyproject.toml" else f"envs.{name}"
        return make_request(name, table.get("requires") or (), table.get("python"), f"[{table_name}] of {file}")

    def _checked(self, request: EnvRequest) -> EnvRequest:
        if not self.places.request(self._key(request)).exists():  # else it was read before
            parse_all(request.requires, request.who)
            python_specifiers(request.python, request.who)
        return request

    def _key(self, request: EnvRequest) -> str:
        """Names what a request leads to, as long as no lock file says otherwise."""
        told = [_FORMAT, request.requires, request.python, hub_minor(), sysconfig.get_platform(), WORKER_REQUIRES]
        return hashlib.sha256(json.dumps([*told, facts_of(request.requires)]).encode()).hexdigest()

    # -- finding and building --------------------------------------------------------------------

    def find(self, request: EnvRequest) -> Environment | None:
        """The environment of a request, if it is built, whole, and what the lock file says; starts no process."""
        return self._found(request, self._key(request), stamp(lock_path(self.settings)))

    def _found(self, request: EnvRequest, key: str, lock: str) -> Environment | None:
        told = read_json(self.places.request(key))
        digest = told.get("digests", {}).get(lock) if isinstance(told, dict) else None
        if not isinstance(digest, str):
            return None
        self.places.check()
        return read_environment(self.places, digest, request.name)

    def sync(
        self,
        request: EnvRequest,
        *,
        progress: Tell | None = None,
        offline: bool = False,
        upgrade: bool = False,
    ) -> Environment:
        """The environment of a request, built if it is not there. Several processes may ask at once: one builds.

        Args:
            request: What is asked for.
            progress: Called with lines for people: what is waited for, resolved, downloaded and built.
            offline: Use no network: what uv has in its cache, and folders of wheels, have to do.
            upgrade: Resolve anew, to the newest versions; not where a lock file says which.

        Raises:
            UsageError, ConfigError: What is asked for cannot be read or met, or the lock file no longer fits it.
            EngineUnavailable: uv, an interpreter, the index or a plugin's engine is missing.
            PlatformError: There is no room.
        """
        key, lock = self._key(request), stamp(lock_path(self.settings))
        found = None if upgrade else self._found(request, key, lock)
        if found is not None:
            touch(found.path)
            return found
        self.places.check()
        return self._builder(progress, offline, upgrade).sync(request, key, lock)

    def check(self, request: EnvRequest) -> None:
        """See that an environment is there or can be built, as far as that can be told at once: nothing is resolved or built.

        Raises:
            UsageError, ConfigError: A requirement or the version of Python cannot be read or met, or the lock file does not fit.
            EngineUnavailable: It is not built, and there is no uv.
        """
        if self.find(request) is None:
            parse_all(request.requires, request.who)
            python_specifiers(request.python, request.who)
            self._builder(None, True, False).check(request)

    def _builder(self, progress: Tell | None, offline: bool, upgrade: bool) -> Builder:
        # Almost always everything is there, and nothing that building takes is loaded.
        from dovetail.env.build._builder import Builder

        return Builder(self.settings, self.places, progress, offline=offline, upgrade=upgrade)

    # -- locking ---------------------------------------------------------------------------------

    def lock(
        self,
        requests: Iterable[EnvRequest],
        *,
        progress: Tell | None = None,
        offline: bool = False,
        upgrade: bool = False,
    ) -> Path:
        """Resolve environments and write them to the lock file, which lies beside the config file; its path.

        Versions that are locked and still fit stay. What the file says about other environments of the project, and about
        other platforms and versions of Python, stays as well, as long as it is what is asked for; environments that nobody
        names any more are dropped.

        Args:
            requests: The environments.
            progress: Called with lines for people.
            offline: Use no network.
            upgrade: To the newest versions.

        Raises:
            As :meth:`sync`, and UsageError where the file cannot be written.
        """
        return self._builder(progress, offline, upgrade).lock(requests, self.configured())

    # -- looking after them ----------------------------------------------------------------------

    def every(self, declared: Iterable[tuple[str, EnvironmentSpec]] = ()) -> dict[str, EnvRequest]:
        """All environments that have a name: those of config, and those that plugins declare.

        What config says under the name of a plugin's environment is added to it; a version of Python there takes the place
        of the plugin's. A name that two plugins declare is left out.

        Args:
            declared: Environments of plugins, with the distribution of each.
        """
        found = self.configured()
        pairs = list(declared)
        for distribution, spec in pairs:
            if any(other.name == spec.name and (whose, other) != (distribution, spec) for whose, other in pairs):
                continue
            more = found.get(spec.name)
            found[spec.name] = make_request(
                spec.name,
                (f"{distribution}[{spec.extra}]" if spec.extra else distribution, *(more.requires if more else ())),
                (more.python if more else None) or spec.python or None,
                f"plugin {distribution}" + (f", {more.source}" if more else ""),
            )
        return found

    def listing(self, requests: Iterable[EnvRequest]) -> list[Listed]:
        """These environments, built or not, then all others that lie in the directory of environments.

        Args:
            requests: What the project and its plugins ask for.
        """
        built = {each.digest: each for each in list_built(self.places)}
        told, ours = [], set()
        for request in requests:
            found = self.find(request)
            listed = built.get(found.digest[:16]) if found else None
            if listed is None:
                told.append(
                    Listed(
                        request.name, "not built", python=request.python or "", asked_by=(request.source,), ours=True
                    )
                )
            else:
                ours.add(listed.digest)
                told.append(replace(listed, name=request.name, asked_by=(request.source,), ours=True))
        return told + [each for digest, each in built.items() if digest not in ours]

    def remove(self, name: str, requests: Mapping[str, EnvRequest]) -> list[Removed]:
        """Remove an environment, for all projects that share it; what is removed, nothing if it was not built.

        Args:
            name: Its name, or the beginning (4 characters at least) of its directory's name.
            requests: What the project and its plugins ask for, by name.

        Raises:
            UsageError: A process uses it, or nobody has heard of it.
        """
        found: set[str] = set()
        if name in requests:
            told = read_json(self.places.request(self._key(requests[name])))
            found |= {str(each) for each in told["digests"].values()} if isinstance(told, dict) else set()
        here = str(self.settings.project_root.absolute())
        others = known_requests(self.places)
        for told in others:
            if told.get("name") == name and told.get("project") == here:
                found |= {str(each) for each in told["digests"].values()}
        built = list(list_built(self.places))
        if not found and len(name) >= 4:
            found = {each.digest for each in built if each.digest.startswith(name)}
        if not found and name not in requests:
            there = (str(each["name"]) for each in others if each.get("project") == here)
            raise unknown(name, [*requests, *there], "dovetail env list --all")
        done = [remove(self.places, digest, name) for digest in sorted(found)]
        return [each for each in done if each is not None]

    def gc(self, days: float = 30.0, *, dry_run: bool = False) -> Collected:
        """Remove what nobody uses: environments that are not whole, or were not used for so many days, unused worker roots,
        and what dead processes left on the bridge. What a living process holds stays.

        Args:
            days: Days without use after which an environment goes.
            dry_run: Only say what would be removed.
        """
        from dovetail.env.build._gc import collect  # loads the bridge, which nothing else here needs

        self.places.check()
        return collect(self.settings, self.places, days, dry_run=dry_run)


def unknown(name: str, known: Iterable[str], fix: str | None = None) -> UsageError:
    """The error for an environment that nobody has heard of; ``fix`` is what to do unless a name is near."""
    names = sorted(set(known))
    close = nearest(name, names)
    return UsageError(
        f"there is no environment {name!r}",
        why=f"there are: {listing(names)}" if names else "the config has no [envs.NAME], and no plugin brings one",
        fix=f"did you mean {close!r}?"
        if close
        else fix or f'write [envs.{name}] with requires = ["..."] into the config file',
    )
