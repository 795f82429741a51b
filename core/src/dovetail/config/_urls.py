"""URLs of remote files: told from paths, and shown without what is secret in them."""

from __future__ import annotations

import re

from dovetail.config._secrets import MASK, Secret

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
"""A scheme has two letters at least: ``C:`` is a drive."""
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>]+")
_PARTS = re.compile(r"(?P<scheme>[^:]+)://(?:(?P<user>[^/?#]*)@)?(?P<rest>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)
_TELLING = re.compile(r"sig|token|secret|passw|pwd|credential|key|auth", re.IGNORECASE)
_WEB = ("http", "https")
_LEAST = 8
"""Characters from which a value in a query is masked in other texts too."""


def url_scheme(text: str) -> str:
    """The scheme of a URL in lower case; ``""`` for a path, and for ``file://``, which is one."""
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else ""
    return "" if scheme in ("file", "local") else scheme


def mask_url(url: str) -> str:
    """A URL as people may see it: without password, and without the values of a query that may be a signature.

    Of a web address no value of the query is shown, elsewhere those whose names tell of a secret.
    """
    parts = _PARTS.fullmatch(url)
    if parts is None:
        return url
    scheme, user, query = parts["scheme"].lower(), parts["user"], parts["query"]
    shown = f"{parts['scheme']}://"
    if user is not None:
        shown += f"{MASK if _is_secret_user(scheme, user) else user}@"
    shown += parts["rest"]
    return shown if query is None else f"{shown}?{'&'.join(_masked(scheme, pair)[0] for pair in query.split('&'))}"


def mask_urls(text: str) -> str:
    """``text`` with every URL in it masked by :func:`mask_url`."""
    return _IN_TEXT.sub(lambda found: mask_url(found[0]), text)


def remember_url_secrets(url: str) -> None:
    """From now on, :func:`redact` masks what is secret in a URL wherever it turns up."""
    from urllib.parse import unquote  # few processes meet such a URL

    parts = _PARTS.fullmatch(url)
    if parts is None:
        return
    scheme = parts["scheme"].lower()
    if parts["user"] and _is_secret_user(scheme, parts["user"]):
        _, separator, password = parts["user"].partition(":")
        Secret(unquote(password if separator else parts["user"]))
    for pair in (parts["query"] or "").split("&"):
        value = _masked(scheme, pair)[1]
        if len(value) >= _LEAST and _TELLING.search(pair.partition("=")[0]):
            Secret(unquote(value))


def _is_secret_user(scheme: str, user: str) -> bool:
    return ":" in user or scheme in _WEB  # in az://container@account it is a name


def _masked(scheme: str, pair: str) -> tuple[str, str]:
    """One pair of a query as it may be shown, and the value that was masked, if one was."""
    name, separator, value = pair.partition("=")
    if not value or not (scheme in _WEB or _TELLING.search(name)):
        return pair, ""
    return f"{name}{separator}{MASK}", value
