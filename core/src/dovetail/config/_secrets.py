"""Secrets: named in config, resolved late, shown as ``***`` everywhere."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dovetail.errors import ConfigError, DovetailError

if TYPE_CHECKING:
    from dovetail.config._settings import Settings

MASK = "***"

MIN_REDACTED = 4
"""Shorter secrets are not searched for in texts: masking every ``1`` would spoil the text and tell the secret."""

_MIN_LINE = 12

_lock = threading.Lock()
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


class Secret:
    """A text that does not show itself: ``str``, ``repr`` and formatting give ``***``.

    It is no ``str``, so that it can be neither joined, encoded as JSON nor pickled by mistake. From the moment that it
    exists, :func:`redact` masks it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        _remember(text)

    def reveal(self) -> str:
        """The text itself. Hand it to the library that needs it, and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __bool__(self) -> bool:
        return True

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: resolve it in the process that uses it")


def resolve_secrets(
    value: Any,
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    providers: Mapping[str, Callable[[str], str | None]] | None = None,
) -> Any:
    """A copy of ``value`` in which each reference to a secret is a :class:`Secret`.

    A reference is a table with exactly one key: ``{env = "NAME"}``, ``{file = "path"}`` (relative to the project root;
    one trailing line end is not part of the secret), or the name of a provider that a plugin brings. Tables and lists
    are searched to any depth.

    Args:
        value: A table of config, such as one connection.
        settings: Tells the project root.
        environ: Environment to read. Default: that of this process.
        providers: Further sources by name: functions that return the secret of a key, or None.

    Raises:
        ConfigError: The secret is missing or empty; the message names the variable, the file or the key.
    """
    environ = os.environ if environ is None else environ
    if isinstance(value, Mapping):
        if len(value) == 1:
            ((source, key),) = value.items()
            if isinstance(key, str):
                if source == "env":
                    return _from_env(key, environ)
                if source == "file":
                    return _from_file(key, settings)
                if providers and source in providers:
                    return _from_provider(source, key, providers[source])
        return {k: resolve_secrets(v, settings, environ, providers) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        items = [resolve_secrets(item, settings, environ, providers) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def _from_env(name: str, environ: Mapping[str, str]) -> Secret:
    text = environ.get(name)
    if not text:
        state = "empty" if name in environ else "not set"
        raise ConfigError(
            f"the environment variable {name} is {state}",
            why="the config takes a secret from it",
            fix=f"export {name}=...",
        )
    return Secret(text)


def _from_file(name: str, settings: Settings) -> Secret:
    file = settings.project_root / Path(name).expanduser()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise ConfigError(
            f"the secret file {file} cannot be read", why=why, fix="write the secret into it, or correct the path"
        ) from None  # the decode error would carry the content
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ConfigError(f"the secret file {file} is empty", fix="write the secret into it")
    return Secret(text)


def _from_provider(name: str, key: str, provider: Callable[[str], str | None]) -> Secret:
    try:
        text = provider(key)
    except DovetailError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the secret provider {name!r} failed for {key!r}", why=type(error).__name__, fix="see the cause"
        ) from error
    if not text:
        raise ConfigError(
            f"the secret provider {name!r} has no secret {key!r}", fix="store it there, or correct the key"
        )
    return Secret(text)


def unset_variables(value: Any, environ: Mapping[str, str] | None = None) -> list[str]:
    """Environment variables that ``value`` refers to as secrets, and that are not set or empty; no secret is read.

    Args:
        value: A table of config, such as one connection.
        environ: Environment to look at. Default: that of this process.
    """
    environ = os.environ if environ is None else environ
    if isinstance(value, Mapping):
        if len(value) == 1 and isinstance(value.get("env"), str):
            return [] if environ.get(value["env"]) else [value["env"]]
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return []
    return list(dict.fromkeys(name for item in value for name in unset_variables(item, environ)))


def redact(text: str) -> str:
    """``text`` with every secret of this process masked, longest first.

    Masked are secrets of at least 4 characters, as they are and as URLs, JSON, HTML and ``repr`` write them; of secrets
    of several lines also each line of at least 12 characters. Redact before you shorten: a cut secret is not found.
    """
    pattern = _pattern
    return text if pattern is None else pattern.sub(MASK, text)


def redact_data(value: Any) -> Any:
    """A copy of JSON-able data with :func:`redact` applied to keys, texts and numbers, to any depth.

    A number that shows a secret becomes a text, a :class:`Secret` ``***``; anything else is returned as it is.
    """
    if _pattern is None and not isinstance(value, (Mapping, list, tuple, Secret)):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(k) if isinstance(k, str) else k: redact_data(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_data(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        shown = repr(value)
        return value if redact(shown) == shown else redact(shown)
    return MASK if isinstance(value, Secret) else value


@contextmanager
def secrets_forgotten_after() -> Iterator[None]:
    """Forget, when the ``with`` block ends, the secrets that came to be known inside. For tests: one must not mask another's
    words."""
    global _known, _pattern
    with _lock:
        before = set(_known), _pattern
    try:
        yield
    finally:
        with _lock:
            _known, _pattern = before


def _remember(text: str) -> None:
    global _pattern
    if len(text.strip()) < MIN_REDACTED:
        return
    with _lock:
        if text in _known:
            return
        _known.add(text)
        forms = {form for secret in _known for form in _forms(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        _pattern = re.compile("|".join(map(re.escape, ordered)))


def _forms(text: str) -> set[str]:
    """The ways in which a secret may turn up in a text."""
    import html
    import json
    from urllib.parse import quote, quote_plus

    parts = {text}
    if "\n" in text:
        parts |= {line.strip() for line in text.splitlines() if len(line.strip()) >= _MIN_LINE}
    forms = set(parts)
    for part in parts:
        quoted = {quote(part, safe=""), quote(part), quote_plus(part), quote(part, safe=" +")}
        forms |= quoted | {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in quoted}
        forms |= {json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], repr(part)[1:-1]}
        forms |= {html.escape(part), html.escape(part, quote=False)}
    return forms
