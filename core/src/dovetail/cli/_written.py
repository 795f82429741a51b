"""Files that commands write, each in one step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dovetail.errors import unwritable


@contextmanager
def in_one_step(path: Path, what: str = "the file", fix: str = "name another file") -> Iterator[Path]:
    """Gives the path of a file or directory to write; it takes the place of ``path`` at the end, and is removed on failure.

    Args:
        path: Where it belongs.
        what: What is written, for people.
        fix: What to do where that cannot be.

    Raises:
        UsageError: It cannot be written.
        PlatformError: There is no room for it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise unwritable(what, path, error, fix) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(OSError):  # a part of the path may be a file
                temporary.unlink(missing_ok=True)


def write_text(path: Path, content: str, what: str = "the file") -> None:
    """Write a file in one step; raises as :func:`in_one_step`."""
    with in_one_step(path, what) as temporary:
        temporary.write_text(content, encoding="utf-8")
