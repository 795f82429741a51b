"""Acceptors of scalars, paths and files: closures without pydantic, on the hot path."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dovetail.types._files import Directory, File
from dovetail.types._mismatch import Mismatch
from dovetail.types._names import NoneType

Acceptor = Callable[[Any], Any]


def _numpy_scalar(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", None) == 0


def _accept_int(value: Any) -> Any:
    if type(value) is int:
        return value
    if type(value) is not bool and (isinstance(value, int) or (_numpy_scalar(value) and value.dtype.kind in "iu")):
        return int(operator.index(value))
    raise Mismatch(value, "an int")


def _accept_float(value: Any) -> Any:
    if type(value) is float:
        return value
    if isinstance(value, float):
        return float(value)
    if type(value) is int:
        try:
            exact = float(value)
        except OverflowError:
            exact = 0.0
        if exact == value:
            return exact
        raise Mismatch(value, "a float", "this int has no exact float")
    if _numpy_scalar(value) and value.dtype.kind in "fiu":
        item = value.item()
        if type(item) is float:
            return item
        if type(item) is int:
            return _accept_float(item)
    raise Mismatch(value, "a float")


def _accept_bool(value: Any) -> Any:
    if value is True or value is False:
        return value
    if _numpy_scalar(value) and value.dtype.kind == "b":
        return bool(value)
    raise Mismatch(value, "a bool")


def _accept_str(value: Any) -> Any:
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    raise Mismatch(value, "a str")


def _accept_bytes(value: Any) -> Any:
    if type(value) is bytes:
        return value
    if isinstance(value, bytes):
        return bytes(value)
    raise Mismatch(value, "bytes")


def _accept_none(value: Any) -> Any:
    if value is None:
        return None
    raise Mismatch(value, "None")


def _accept_complex(value: Any) -> Any:
    if type(value) is complex:
        return value
    if isinstance(value, complex) or type(value) is float:
        return complex(value)
    raise Mismatch(value, "a complex")


def _moment(cls: type, convert: str, nanoseconds: str) -> Acceptor:
    """pandas' Timestamp and Timedelta are subclasses of datetime and timedelta that can hold more."""

    def accept(value: Any) -> Any:
        if type(value) is cls:
            return value
        if isinstance(value, cls) and hasattr(value, convert):
            if not getattr(value, nanoseconds):
                return getattr(value, convert)()
            raise Mismatch(value, f"a {cls.__name__}", "it would lose its nanoseconds: call .floor('us') first")
        raise Mismatch(value, f"a {cls.__name__}")

    return accept


def accept_path(value: Any) -> Any:
    """A Path, or the path of a File or Directory."""
    if isinstance(value, Path):
        return value
    if isinstance(value, (File, Directory)):
        return Path(value)
    raise Mismatch(
        value, "a pathlib.Path", "text is not taken for a path: write Path(...)" if isinstance(value, str) else None
    )


def accept_file(value: Any) -> Any:
    """A File, a URL, or the path of one that exists."""
    if isinstance(value, File):
        return value
    if isinstance(value, (str, Path)):
        file = File(value)
        if file.url is not None or Path(file.path).is_file():
            return file
        raise Mismatch(value, "a File", "there is no file at this path")
    raise Mismatch(value, "a File")


def accept_directory(value: Any) -> Any:
    """A Directory, a URL, or the path of one that exists."""
    if isinstance(value, Directory):
        return value
    if isinstance(value, (str, Path)):
        directory = Directory(value)
        if directory.url is not None or Path(directory.path).is_dir():
            return directory
        raise Mismatch(value, "a Directory", "there is no directory at this path")
    raise Mismatch(value, "a Directory")


EXACT: dict[type, Acceptor] = {
    int: _accept_int,
    float: _accept_float,
    bool: _accept_bool,
    str: _accept_str,
    bytes: _accept_bytes,
    NoneType: _accept_none,
    complex: _accept_complex,
    dt.datetime: _moment(dt.datetime, "to_pydatetime", "nanosecond"),
    dt.timedelta: _moment(dt.timedelta, "to_pytimedelta", "nanoseconds"),
}
"""Acceptors of scalars. On the hot path the engine hands them out bare, so that a good value costs one call."""
