"""File systems behind URLs, by way of fsspec: opened with the configured credentials, their failures put into our words.

For whoever reads or writes remote files: files as values, the artifact store, plugins.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Mapping
from typing import Any

from dovetail.config import Secret, Settings, mask_url, mask_urls, redact, url_scheme
from dovetail.errors import ConfigError, DovetailError, EngineUnavailable, UsageError, ValueMismatch, nearest
from dovetail.plugins import current_catalogue

__all__ = ["cause_of", "failure", "has_secret", "is_below", "open_filesystem", "was_refused"]

_EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "s3"),
    **dict.fromkeys(("gs", "gcs"), "gcs"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), "azure"),
    **dict.fromkeys(("http", "https"), "http"),
}
"""The extra of the core that brings the package for a scheme."""
_REFUSED = re.compile(
    r"\b40[13]\b|forbidden|access.?denied|invalidaccesskeyid|signaturedoesnotmatch|unauthori[sz]ed|expiredtoken|credentials",
    re.IGNORECASE,
)

_opened: dict[tuple[int, str], Any] = {}
_opening = threading.Lock()


def open_filesystem(url: str, settings: Settings | None = None) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path of the URL in it. Opened once per process and set of options.

    Listings are not cached, so that what is asked is what there is.

    Args:
        url: With a scheme.
        settings: Their ``storage`` gives credentials and options. Default: those of the current catalogue.

    Raises:
        EngineUnavailable: The package for the scheme is not installed.
        UsageError: Nobody knows the scheme.
        ConfigError: An option is none, or a secret is missing.
    """
    from fsspec import get_filesystem_class
    from fsspec.registry import known_implementations

    scheme = url_scheme(url)
    url = scheme + url[len(scheme) :]
    try:
        cls: Any = get_filesystem_class(scheme)
    except ImportError as error:
        package = scheme if scheme in _EXTRAS else None
        raise EngineUnavailable(
            f"{scheme}:// needs a package that is not installed",
            who=mask_url(url),
            why=redact(str(error)),
            fix=f"pip install 'dovetail[{_EXTRAS[scheme]}]'"
            if package
            else known_implementations.get(scheme, {}).get("err", ""),
        ) from error
    except ValueError:
        close = nearest(scheme, known_implementations)
        raise UsageError(
            f"nobody knows the scheme {scheme}://",
            who=mask_url(url),
            fix=f"did you mean {close}://?" if close else "use a path, or a scheme that fsspec knows, such as s3://",
        ) from None
    options = _options(url, scheme, settings)
    from_url = cls._get_kwargs_from_urls(url)
    text = json.dumps([from_url, options], sort_keys=True, default=repr)
    key = (
        os.getpid(),
        f"{scheme} {hashlib.sha256(text.encode()).hexdigest()}",
    )  # a fork has no thread that would serve it
    with _opening:
        if key not in _opened:
            try:
                _opened[key] = cls(use_listings_cache=False, skip_instance_cache=True, **{**from_url, **options})
            except DovetailError:
                raise
            except Exception as error:
                raise ConfigError(
                    f"{scheme}:// cannot be opened with these options",
                    who=mask_url(url),
                    why=_why(error),
                    fix=f"correct [storage.{scheme}] in dovetail.toml, or the environment variables of its library",
                ) from None  # the cause may show an option that is a secret
        return _opened[key], cls._strip_protocol(url)


def _options(url: str, scheme: str, settings: Settings | None) -> dict[str, Any]:
    catalogue = current_catalogue()
    settings = settings or catalogue.settings
    tables: list[Mapping[str, Any]] = [settings.storage.get(scheme, {})]
    fitting = [prefix for prefix in settings.storage if "://" in prefix and is_below(url, prefix)]
    tables += [settings.storage[prefix] for prefix in sorted(fitting, key=len)[-1:]]
    found: dict[str, Any] = {}
    for table in tables:
        found |= _reveal(catalogue.resolve_secrets(dict(table), settings=settings)) if table else {}
    return found


def is_below(url: str, prefix: str) -> bool:
    """Whether a table of ``storage`` for a beginning of URLs holds for this one.

    ``s3://bucket`` is no beginning of ``s3://bucket2``: its options may be secrets of somebody else's.
    """
    return url == prefix or url.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {key: _reveal(item) for key, item in value.items()}
    return [_reveal(item) for item in value] if isinstance(value, list) else value


def has_secret(url: str) -> bool:
    """Whether a URL carries a password or a signature, so that it may not be stored."""
    return mask_url(url) != url


def cause_of(error: BaseException, url: str) -> BaseException | None:
    """The error to name as the cause: none where its text may repeat what is secret in the URL."""
    return None if has_secret(url) else error


def was_refused(error: BaseException) -> bool:
    """Whether the storage said no, rather than nothing."""
    if isinstance(error, PermissionError):
        return True
    text = f"{type(error).__name__} {error}"
    return not isinstance(error, FileNotFoundError) and _REFUSED.search(text) is not None


def failure(error: BaseException, url: str, action: str) -> DovetailError:
    """The error to raise from what a file system raised.

    Args:
        error: From fsspec, or the library below it.
        url: What was being worked on.
        action: What could not be done: ``"read"``, ``"list"``.
    """
    shown, scheme = mask_url(url), url_scheme(url)
    if isinstance(error, DovetailError):
        return error
    if isinstance(error, FileNotFoundError) and isinstance(error.__cause__, OSError):
        error = error.__cause__  # over HTTP, fsspec says of whatever went wrong that there is nothing
    if isinstance(error, FileNotFoundError):
        return ValueMismatch(f"there is nothing at {shown}", why=_why(error), fix="check the address")
    if isinstance(error, IsADirectoryError):
        return ValueMismatch(f"{shown} is a directory", why=_why(error), fix="use a Directory")
    if was_refused(error):
        return EngineUnavailable(
            f"{scheme} storage refuses to {action} {shown}",
            why=_why(error),
            fix=f"give credentials that may, in [storage.{scheme}] or the environment; some storages say so of what is missing",
        )
    return EngineUnavailable(
        f"cannot {action} {shown}",
        why=_why(error),
        fix="check the network and the endpoint, then go on: dovetail runs resume latest",
    )


def _why(error: BaseException) -> str:
    return redact(mask_urls(f"{type(error).__name__}: {error}".replace("\n", " ")))[:400]
