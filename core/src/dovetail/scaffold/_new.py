"""A new plugin package."""

from __future__ import annotations

import datetime
import subprocess
import tempfile
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dovetail import __version__
from dovetail.errors import UsageError, listing, nearest, shorten, unwritable
from dovetail.scaffold._answers import Answers
from dovetail.scaffold._manifest import write_manifest_of
from dovetail.scaffold._names import PARTS, PluginNames, derive_names
from dovetail.scaffold._templates import newest_template, render, require_copier

LICENSES = ("Apache-2.0", "BSD-3-Clause", "MIT", "none")
"""The licences that the template has a text for."""


@dataclass(frozen=True, slots=True)
class NewPlugin:
    """A plugin that was made.

    Attributes:
        names: Its names.
        directory: Where it lies.
        template: Number of the template.
        parts: What it brings, of :data:`PARTS`.
        files: Paths of its files below the directory, sorted.
    """

    names: PluginNames
    directory: Path
    template: int
    parts: tuple[str, ...]
    files: tuple[str, ...]


def new_plugin(
    name: str,
    directory: Path | None = None,
    *,
    parts: Collection[str] = PARTS,
    author: str | None = None,
    description: str | None = None,
    license: str = "Apache-2.0",
) -> NewPlugin:
    """Make a plugin package that works as it is: its tests pass.

    Args:
        name: See :func:`derive_names`.
        directory: Where to; it must not exist, or be empty. Default: named like the distribution, in the current directory.
        parts: What it brings, of :data:`PARTS`. Default: all.
        author: Default: whom git commits as, else a placeholder.
        description: One line for people. Default: one that names the plugin.
        license: Of :data:`LICENSES`.

    Raises:
        UsageError: A name, a text or the directory cannot be taken, or nothing can be written there.
        EngineUnavailable: copier is not installed.
        PlatformError: There is no room for it.
    """
    names = derive_names(name)
    answers = _answers(names, parts, author, description, license)
    target = (directory or Path(names.distribution)).absolute()
    _refuse_what_is_there(target)
    require_copier()
    try:
        _make(answers, names, target)
    except OSError as error:
        another = f"name another directory: dovetail plugins new {names.short} DIR"
        raise unwritable("the plugin", target, error, another) from error
    files = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    chosen = tuple(part for part in PARTS if part in parts)
    return NewPlugin(names, target, answers.version, chosen, tuple(files))


def _answers(
    names: PluginNames, parts: Collection[str], author: str | None, description: str | None, license: str
) -> Answers:
    unknown = sorted(set(parts) - set(PARTS))
    if unknown or not parts:
        raise UsageError(
            f"a plugin brings at least one of {', '.join(PARTS)}",
            why=f"given: {listing(unknown)}",
            fix="name one of them",
        )
    if license not in LICENSES:
        close = nearest(license, LICENSES)
        raise UsageError(
            f"there is no text of the licence {shorten(license)}",
            fix=f"--license {close}" if close else f"one of {', '.join(LICENSES)}; with none, put your own beside",
        )
    return Answers(
        newest_template(),
        {
            "distribution": names.distribution,
            "package": names.package,
            "short": names.short,
            "prefix": names.prefix,
            "description": _line("description", description, f"{names.short} for dovetail"),
            "author": _line("author", author, _committer() or f"The {names.distribution} authors"),
            "year": str(datetime.datetime.now(datetime.UTC).year),
            "license": license,
            "dovetail": compatible(__version__),
            **{part: part in parts for part in PARTS},
        },
    )


def compatible(version: str) -> str:
    """The versions that a plugin made now can expect to work with: ``"==0.1.*"`` for 0.1.3, ``">=2.4,<3"`` for 2.4.0."""
    major, minor = version.split(".")[:2]
    return f"==0.{minor}.*" if major == "0" else f">={major}.{minor},<{int(major) + 1}"


def _line(what: str, given: str | None, default: str) -> str:
    """A text of one line without control characters: it goes into TOML, YAML and a licence."""
    text = default if given is None else given.strip()
    if not text or any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise UsageError(f"{shorten(given)} is no {what}", why="it is one line of text", fix=f'--{what} "{default}"')
    return text


def _committer() -> str:
    """Whom git commits as; empty without git or without such a setting."""
    try:
        done = subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, errors="replace", check=False
        )
    except OSError:
        return ""
    name = done.stdout.strip()
    return name if name.isprintable() else ""


def _refuse_what_is_there(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        what = f"{target} is there already, and no directory"
    elif target.is_dir() and any(target.iterdir()):
        what = f"the directory {target} is not empty"
    else:
        return
    raise UsageError(
        what,
        why="nothing of yours is overwritten",
        fix="name another directory, or update a plugin that is there: dovetail plugins update DIR",
    )


def _make(answers: Answers, names: PluginNames, target: Path) -> None:
    """Make all of it beside the target, then put it in place at once: there is never half a plugin."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{names.distribution}-", dir=target.parent) as temporary:
        made = Path(temporary) / "made"
        render(answers, made)
        write_manifest_of(made, names.package)
        if target.exists():
            target.rmdir()  # it is empty; if no longer, this fails and nothing is lost
        made.rename(target)
