"""Grammar of every name that reaches the stores. Nothing else is made into a path or a key."""

from __future__ import annotations

import re
import unicodedata

from dovetail.errors import ArtifactNotFound, StoreError, UsageError, shorten

_DIGEST = re.compile(r"[0-9a-f]{64}")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_digest(digest: object) -> str:
    """``digest`` if it is a SHA-256 in lower-case hex.

    Raises:
        ArtifactNotFound: It is anything else, so that no path is ever made of it.
    """
    if isinstance(digest, str) and _DIGEST.fullmatch(digest):
        return digest
    raise ArtifactNotFound(
        f"there is no artifact {shorten(digest)}",
        why="stored files are named by the 64 hexadecimal digits of their SHA-256",
        fix="dovetail runs show RUN lists the artifacts of a run",
    )


def check_blob_name(name: str) -> str:
    """``name`` if it is a plain relative file name, such as ``data.parquet`` or ``part/0.parquet``.

    Raises:
        StoreError: It is empty, absolute, too long, or has ``..``, a backslash or a control character.
    """
    parts = name.split("/")
    plain = 0 < len(name) <= 1000 and name.isprintable() and "\\" not in name and ":" not in name
    if plain and all(part not in ("", ".", "..") and len(part) <= 255 for part in parts):
        return name
    raise StoreError(
        f"{shorten(name)} is no name for a stored file",
        why="a stored file has a plain relative name without '..', ':' or backslashes",
        fix="give it a name like data.parquet",
    )


def check_run_id(run_id: str) -> str:
    """``run_id`` if it is one. Raises UsageError."""
    if _RUN_ID.fullmatch(run_id) and run_id != "latest":
        return run_id
    raise UsageError(
        f"{shorten(run_id)} is no run id",
        why="a run id has 1 to 100 letters, digits, '.', '_' or '-', begins with a letter or digit, and is not 'latest'",
        fix="choose another one, or leave it out to get one made",
    )


def check_dataset_name(name: str) -> str:
    """``name`` in Unicode normal form C, if it can name a dataset.

    Raises:
        UsageError: It is empty, over 200 characters, has invisible characters, outer spaces, or a ``.`` or ``..`` segment.
    """
    plain = unicodedata.normalize("NFC", name)
    segments = re.split(r"[/\\]", plain)
    if 0 < len(plain) <= 200 and plain.isprintable() and plain == plain.strip() and not {"", ".", ".."} & set(segments):
        return plain
    raise UsageError(
        f"{shorten(name)} is no name for a dataset",
        why="a dataset's name has 1 to 200 visible characters and no '.' or '..' segment",
        fix="use a name like flights/clean",
    )
