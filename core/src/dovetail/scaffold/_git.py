"""The little of git that an update needs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from dovetail.errors import EngineUnavailable, PlatformError, UsageError, listing

_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Variables that would point git at another repository than the one around the plugin; hooks of git set them."""

_BROKEN = 128
"""``git merge-file`` exits with the number of conflicts, at most 127; from here on it could not merge."""


def git(directory: Path, *words: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git in a directory; what it returns is not looked at.

    Raises:
        EngineUnavailable: There is no git.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    try:
        return subprocess.run(
            ["git", "-C", str(directory), *map(str, words)],
            env={**environment, "LC_ALL": "C"},
            input=given,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise EngineUnavailable(
            "updating a plugin needs git", why=f"it cannot be started: {error}", fix="install git, then try again"
        ) from error


def asked(directory: Path, *words: str | Path, given: bytes = b"") -> str:
    """What git prints.

    Raises:
        EngineUnavailable: There is no git.
        PlatformError: It failed.
    """
    done = git(directory, *words, given=given)
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip()
        raise PlatformError(f"git {words[0]} failed", who=str(directory), why=why, fix="mend that, then try again")
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def require_clean(directory: Path) -> None:
    """See that every file of the plugin is committed, so that whatever an update does can be looked at and taken back.

    Raises:
        UsageError: It is in no git repository, or files are not committed.
    """
    if git(directory, "rev-parse", "--show-toplevel").returncode != 0:
        raise UsageError(
            f"{directory} is in no git repository",
            why="an update is compared with, and can be taken back to, what is committed",
            fix='git init && git add . && git commit -m "As it was made"',
        )
    changed = [line[3:] for line in asked(directory, "status", "--porcelain", "--", ".").splitlines()]
    if changed:
        raise UsageError(
            f"{directory} holds changes that are not committed",
            why=listing(changed, 6),
            fix='git add . && git commit -m "Before the update"   # or: git stash --include-untracked',
        )


def merged(mine: Path, base: Path, theirs: Path, labels: tuple[str, str, str]) -> tuple[bytes, bool] | None:
    """The three-way merge of three files, and whether it holds conflicts, marked inline; None if git cannot merge them.

    Args:
        mine: As it is.
        base: What it was made from.
        theirs: As it is meant to become.
        labels: What the three are called in the marks.
    """
    names = [word for label in labels for word in ("-L", label)]
    done = git(mine.parent, "merge-file", "-p", *names, mine, base, theirs)
    return (done.stdout, done.returncode > 0) if 0 <= done.returncode < _BROKEN else None


def mark_unmerged(directory: Path, path: str, base: Path, theirs: Path) -> None:
    """Tell the index that a file holds conflicts, so that git shows it and refuses to commit it before it was added.

    Raises:
        PlatformError: git failed.
    """
    staged = asked(directory, "ls-files", "--stage", "--full-name", "--", path)
    if not staged:
        return
    facts, _, name = staged.partition("\t")
    mode, own, _ = facts.split()
    versions = [(1, base, None), (2, None, own), (3, theirs, None)]
    lines = [f"0 {'0' * len(own)}\t{name}"]
    for stage, file, blob in versions:
        blob = blob or asked(directory, "hash-object", "-w", "--no-filters", "--", str(file))
        lines.append(f"{mode} {blob} {stage}\t{name}")
    top = Path(asked(directory, "rev-parse", "--show-toplevel"))
    asked(top, "update-index", "--index-info", given=("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
