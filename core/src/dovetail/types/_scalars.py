"""Coders of scalars: value <-> JSON. Each is a pair of functions that give back the same value of the same type."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import math
import pathlib
import uuid
from collections.abc import Callable
from typing import Any

from dovetail.types._mismatch import Mismatch
from dovetail.types._names import NoneType

Coder = tuple[Callable[[Any], Any], Callable[[Any], Any]]


def _exact(cls: type, expected: str) -> Coder:
    def both(value: Any) -> Any:
        if type(value) is cls:
            return value
        raise Mismatch(value, expected)

    return both, both


def _text(cls: Any, encode: Callable[[Any], Any], decode: Callable[[str], Any], expected: str) -> Coder:
    def encoder(value: Any) -> Any:
        # A subclass, such as pandas.Timestamp, may know more than would be stored. Paths have a class per platform.
        if type(value) is not cls and not (isinstance(value, cls) and issubclass(cls, pathlib.PurePath)):
            raise Mismatch(value, expected)
        return encode(value)

    def decoder(data: Any) -> Any:
        try:
            return decode(data)
        except (ValueError, TypeError, KeyError, ArithmeticError, LookupError) as error:
            raise Mismatch(data, expected, str(error)) from None

    return encoder, decoder


def _float_out(value: Any) -> Any:
    if type(value) is not float:
        raise Mismatch(value, "a float")
    # JSON has no word for these; "nan" loses the payload, which nothing in Python shows.
    return value if math.isfinite(value) else repr(value)


def _float_in(data: Any) -> Any:
    if type(data) is float:
        return data
    if data in ("nan", "inf", "-inf"):
        return float(data)
    raise Mismatch(data, "a float")


def _moment_out(value: dt.datetime) -> Any:
    zone = getattr(value.tzinfo, "key", None)
    text = value.isoformat()
    return [text, zone, value.fold] if isinstance(zone, str) or value.fold else text


def _moment_in(data: Any) -> dt.datetime:
    if isinstance(data, str):
        return dt.datetime.fromisoformat(data)
    from zoneinfo import ZoneInfo  # reads the time zone database: only for values that name a zone

    text, zone, fold = data
    moment = dt.datetime.fromisoformat(text).replace(fold=fold)
    return moment if zone is None else moment.replace(tzinfo=ZoneInfo(zone))


def _time_out(value: dt.time) -> Any:
    return [value.isoformat(), value.fold] if value.fold else value.isoformat()


def _time_in(data: Any) -> dt.time:
    return (
        dt.time.fromisoformat(data) if isinstance(data, str) else dt.time.fromisoformat(data[0]).replace(fold=data[1])
    )


def _base64_out(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


def _date_out(value: dt.date) -> str:
    if isinstance(value, dt.datetime):
        raise Mismatch(value, "a date", "a datetime is not taken for a date: call .date()")
    return value.isoformat()


SCALARS: dict[Any, Coder] = {
    NoneType: _exact(NoneType, "None"),
    bool: _exact(bool, "a bool"),
    int: _exact(int, "an int"),
    str: _exact(str, "a str"),
    float: (_float_out, _float_in),
    bytes: _text(bytes, _base64_out, lambda data: base64.b64decode(data, validate=True), "bytes"),
    bytearray: _text(
        bytearray, _base64_out, lambda data: bytearray(base64.b64decode(data, validate=True)), "a bytearray"
    ),
    complex: _text(
        complex,
        lambda value: [_float_out(value.real), _float_out(value.imag)],
        lambda data: complex(_float_in(data[0]), _float_in(data[1])),
        "a complex",
    ),
    dt.datetime: _text(dt.datetime, _moment_out, _moment_in, "a datetime"),
    dt.date: _text(dt.date, _date_out, dt.date.fromisoformat, "a date"),
    dt.time: _text(dt.time, _time_out, _time_in, "a time"),
    dt.timedelta: _text(
        dt.timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda data: dt.timedelta(*data),
        "a timedelta",
    ),
    decimal.Decimal: _text(decimal.Decimal, str, decimal.Decimal, "a Decimal"),
    uuid.UUID: _text(uuid.UUID, str, uuid.UUID, "a UUID"),
    pathlib.Path: _text(pathlib.Path, str, pathlib.Path, "a Path"),
    pathlib.PurePath: _text(pathlib.PurePath, str, pathlib.PurePath, "a PurePath"),
    pathlib.PurePosixPath: _text(pathlib.PurePosixPath, str, pathlib.PurePosixPath, "a PurePosixPath"),
}

NATURAL = (bool, int, str, NoneType)
"""Types whose JSON is the value itself."""
