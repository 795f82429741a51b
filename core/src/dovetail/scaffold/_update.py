"""A plugin that is brought up to the newest template, with its author's edits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from dovetail import __version__
from dovetail.errors import DovetailError
from dovetail.scaffold._answers import ANSWERS_FILE, Answers, answers_text, read_answers
from dovetail.scaffold._git import mark_unmerged, merged, require_clean
from dovetail.scaffold._manifest import write_manifest_of
from dovetail.scaffold._new import compatible
from dovetail.scaffold._templates import newest_template, render, require_copier


@dataclass(frozen=True, slots=True)
class PluginUpdate:
    """What an update did. Paths are below the directory.

    Attributes:
        directory: The plugin.
        before: Number of the template that it was made from, or last updated to.
        after: Number of the newest template.
        changed: Files that were changed, those with conflicts included.
        added: Files that are new.
        removed: Files that the template has no more, and that nobody had edited.
        conflicts: Files in which an edit and the template are at odds; marked inline, as a merge of git does.
        kept: Files that were left alone: the template has them no more, or they cannot be merged.
        manifest: Why the plugin's manifest could not be written anew; empty if it was.
    """

    directory: Path
    before: int
    after: int
    changed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    manifest: str = ""


def update_plugin(directory: Path | None = None) -> PluginUpdate:
    """Bring a plugin up to the newest template.

    For each file, what the template's author changed since and what the plugin's author changed are merged, three-way. Files
    that the plugin's author removed stay removed. The result is not committed.

    Args:
        directory: The plugin. Default: the current directory.

    Raises:
        UsageError: It was not made by :func:`new_plugin`, or by a newer one, or holds changes that are not committed.
        EngineUnavailable: copier or git is not installed.
    """
    target = (directory or Path()).resolve()
    answers = read_answers(target)
    newest = newest_template()
    update = PluginUpdate(target, answers.version, newest)
    if answers.version == newest:
        return update
    require_clean(target)
    require_copier()
    with tempfile.TemporaryDirectory(prefix="dovetail-update-") as temporary:
        old, new = Path(temporary) / "old", Path(temporary) / "new"
        render(answers, old)
        renewed = Answers(newest, {**answers.values, "dovetail": compatible(__version__)})
        render(renewed, new)
        _merge(update, old, new)
    (target / ANSWERS_FILE).write_text(answers_text(renewed), encoding="utf-8", newline="\n")
    return replace(update, manifest=_manifest(target, str(answers.values.get("package", ""))))


def _manifest(target: Path, package: str) -> str:
    try:
        write_manifest_of(target, package)
    except DovetailError as error:
        return f"{error.what}: {error.why}"
    return ""


@dataclass(frozen=True, slots=True)
class _Result:
    """What becomes of one file: its new content, or None to remove it."""

    content: bytes | None
    conflict: bool = False


def _merge(update: PluginUpdate, old: Path, new: Path) -> None:
    """Work out every file first, then write: what fails, fails before anything was touched."""
    paths = sorted((_files(old) | _files(new)) - {ANSWERS_FILE})
    results: dict[str, _Result] = {}
    for path in paths:
        result = _resolve(update, path, old / path, new / path)
        if result is not None:
            results[path] = result
    for path, result in results.items():
        mine = update.directory / path
        if result.content is None:
            mine.unlink()
            update.removed.append(path)
            continue
        (update.changed if mine.exists() else update.added).append(path)
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_bytes(result.content)
        if result.conflict:
            update.conflicts.append(path)
            mark_unmerged(update.directory, path, _or_nothing(old / path), new / path)


def _files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def _resolve(update: PluginUpdate, path: str, old: Path, new: Path) -> _Result | None:
    """What becomes of a file; None if it stays what it is."""
    before, after = (file.read_bytes() if file.exists() else None for file in (old, new))
    mine = update.directory / path
    if before == after:
        return None
    if not mine.resolve().is_relative_to(update.directory) or (mine.exists() and not mine.is_file()):
        update.kept.append(path)  # a link that leads elsewhere, or a directory: not ours to write through
        return None
    if not mine.exists():
        return _Result(after) if before is None else None  # a file that the author removed stays removed
    content = mine.read_bytes()
    if content == after:
        return None
    if content == before:
        return _Result(after)
    if after is None:
        update.kept.append(path)
        return None
    labels = ("yours", f"template {update.before}", f"template {update.after}")
    found = merged(mine, _or_nothing(old), new, labels)
    if found is None:
        update.kept.append(path)
        return None
    return _Result(found[0], found[1])


def _or_nothing(file: Path) -> Path:
    """The file, made empty if the old template had none: the merge needs three."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return file
