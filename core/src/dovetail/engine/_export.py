"""Writing a stored file to a place outside the store, in one step."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from dovetail.errors import DefinitionError, StoreUnwritable
from dovetail.spec import Artifact, BlobSource


def export(artifact: Artifact, path: str | os.PathLike[str], store: BlobSource, root: Path) -> Path:
    """Copy the stored file of an artifact to ``path``, replacing what is there in one step.

    Args:
        artifact: A stored value of one file, or a small value held inline (written as its JSON text).
        path: Where to; relative to ``root``.
        store: Holds the file.
        root: Base of relative paths.

    Raises:
        DefinitionError: The value has no single file, or the suffix promises another format.
        StoreUnwritable: The file cannot be written.
    """
    target = root / path
    if artifact.inline is None and len(artifact.blobs) != 1:
        raise DefinitionError(
            f"a {artifact.type} is not stored as one file and cannot be written to {str(path)!r}",
            fix="leave out path= of the Dataset, or publish a table or a file",
        )
    suffix = Path(artifact.blobs[0].name).suffix if artifact.blobs else ".json"
    if target.suffix != suffix and artifact.format != "file":
        raise DefinitionError(
            f"a {artifact.type} is stored as {suffix or 'a plain file'}, but the path is {str(path)!r}",
            fix=f"end the path with {suffix!r}",
        )
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if artifact.blobs:
            shutil.copyfile(store.open_path(artifact.blobs[0]), temporary)
        else:
            temporary.write_text(artifact.inline or "null", encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreUnwritable(
            f"the dataset file {str(target)!r} cannot be written",
            why=str(error),
            fix="check the directory and the space",
        ) from error
    return target
