"""Records of stored values: their identity, and the short road of small scalars."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring_ascii
from typing import Any

from dovetail.spec import Artifact, Blob, BlobSink
from dovetail.types._canonical import scalar_hash
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import NoneType

INLINE_LIMIT = 8192
"""Characters of JSON up to which a value is held in the artifact itself."""
SCALAR_NAMES: dict[Any, str] = {int: "int", float: "float", bool: "bool", str: "str", NoneType: "None"}
"""Scalars whose JSON needs no coder, with their names."""


def artifact_id(
    type_name: str,
    format: str,
    blobs: tuple[Blob, ...] = (),
    inline: str | None = None,
    children: tuple[Artifact, ...] = (),
) -> str:
    """SHA-256 in hex over all that makes the stored value. No part but the last can hold a NUL."""
    parts = [type_name, format]
    parts += [f"{blob.name}\0{blob.digest}\0{blob.size}" for blob in blobs]
    parts += [f"child\0{child.id}" for child in children]
    parts.append("\0-" if inline is None else f"\0+{inline}")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def make_artifact(
    type_name: str,
    format: str,
    content_hash: str,
    blobs: tuple[Blob, ...] = (),
    inline: str | None = None,
    children: tuple[Artifact, ...] = (),
    meta: dict[str, Any] | None = None,
) -> Artifact:
    """An artifact with its id."""
    identity = artifact_id(type_name, format, blobs, inline, children)
    return Artifact(
        identity, type_name, format, content_hash, blobs, inline, children, meta if meta is not None else {}
    )


def dump_scalar(value: Any, cls: Any, sink: BlobSink) -> Artifact:
    """The road of small scalars: no pydantic, no annotation, a few microseconds."""
    name = SCALAR_NAMES[cls]
    if cls is str:
        text = encode_basestring_ascii(value)
    elif cls is float:
        text = repr(value)
        if text in ("nan", "inf", "-inf"):
            text = f'"{text}"'
    elif cls is int:
        try:
            text = repr(value)
        except ValueError as error:  # an int of more digits than Python prints
            raise Mismatch(hex(value), "an int that can be printed", str(error)) from None
    else:
        text = "null" if value is None else "true" if value else "false"
    if len(text) <= INLINE_LIMIT:
        identity = hashlib.sha256(f"{name}\0json\0\0+{text}".encode()).hexdigest()
        return Artifact(identity, name, "json", scalar_hash(value), (), text, (), {"bytes": len(text)})
    blob = sink.add_bytes(text.encode("ascii"), "value.json")
    return make_artifact(name, "json", scalar_hash(value), (blob,), None, (), {"bytes": blob.size})
