"""Making the directory of an environment. Whoever calls this holds its lock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path

from dovetail.config import Settings, canonical_name
from dovetail.env.build._environment import MARKER, Environment, clear, distributions_in, marker_of, size_of
from dovetail.env.build._places import Places, write_json
from dovetail.env.build._pythons import Interpreter
from dovetail.env.build._request import EnvRequest, Tell
from dovetail.env.build._resolve import Pins
from dovetail.env.build._tell import place_failure, uv_failure
from dovetail.env.build._uv import Uv
from dovetail.errors import DovetailError, EngineUnavailable
from dovetail.plugins import manifests_in


def build(
    request: EnvRequest,
    pins: Pins,
    python: Interpreter,
    *,
    places: Places,
    settings: Settings,
    uv: Uv,
    lock: int,
    tell: Tell,
) -> Environment:
    """Make an environment in place; the marker comes last, so that what is cut off half-way is never used.

    Args:
        request: What it is for.
        pins: What to install.
        python: From which interpreter.
        places: Where.
        settings: For the plugins that it holds.
        uv: Does the work.
        lock: Descriptor of the lock: uv holds it too, so that nobody else builds while one that outlived us writes.
        tell: Called with what happens.

    Raises:
        ConfigError, EngineUnavailable, PlatformError: It cannot be built; with uv's reason. What was begun is removed.
    """
    path = places.home(pins.digest(python))
    try:
        clear(path)
        tell(f"building environment {request.name}: {len(pins.pins)} packages on Python {python.full}")
        path.mkdir(parents=True, mode=0o700)
        return _filled(path, request, pins, python, places, settings, uv, lock)
    except OSError as error:
        clear(path)
        raise place_failure(request, places.root, error) from error
    except BaseException:
        clear(path)
        raise


def _filled(
    path: Path,
    request: EnvRequest,
    pins: Pins,
    python: Interpreter,
    places: Places,
    settings: Settings,
    uv: Uv,
    lock: int,
) -> Environment:
    def failed(code: int, told: str) -> DovetailError:
        return uv_failure("be built", request, told, offline=uv.offline, root=places.root)

    uv.run(
        ["venv", path, "--python", python.path, "--no-project", "--allow-existing", "--quiet"],
        failed=failed,
        keep_open=[lock],
    )
    inside = path / "bin" / "python"
    lines = uv.folder / "install.txt"
    lines.write_text(pins.text, encoding="utf-8")
    flags = ["--no-deps", "--compile-bytecode", *(["--require-hashes"] if pins.hashed and pins.pins else [])]
    install: list[str | Path] = ["pip", "install", "--python", inside, "-r", lines, *flags]
    # Asked about a source distribution, an index may say that it has changed, and uv would build it anew.
    if uv.offline or not uv.from_cache(install, keep_open=[lock]):
        uv.run(install, failed=failed, keep_open=[lock])
    site = next(iter(sorted((path / "lib").glob("python3*/site-packages"))), None)
    names = distributions_in(site) if site else None
    if site is None or names is None:
        raise EngineUnavailable(
            f"environment {request.name} cannot be built",
            who=request.who,
            why=f"uv left no directory of packages in {path}",
            fix="pip install --upgrade uv",
        )
    manifests, problems = manifests_in(site, inside, settings)
    environment = Environment(
        name=request.name,
        digest=pins.digest(python),
        path=path,
        python=inside,
        python_version=python.version,
        packages=_packages(site, names),
        manifests=tuple(manifests),
        problems=tuple(problems),
        size=size_of(path),
        built=time.time(),
    )
    write_json(path / MARKER, marker_of(environment, site))
    return environment


def _packages(site: Path, names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        metadata = site / name / "METADATA"
        if metadata.is_file():
            headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"), headersonly=True)
            found[canonical_name(headers["Name"])] = headers["Version"]
    return dict(sorted(found.items()))
