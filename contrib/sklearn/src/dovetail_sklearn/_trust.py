"""Which types a stored model may be made of: those that skops trusts, and those that the project's configuration names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dovetail.errors import ConfigError, DovetailError, nearest
from dovetail.plugins import current_catalogue

TABLE = "plugin.sklearn"
_KEYS = ("trusted",)


def trusted_types() -> list[str]:
    """The names in ``trusted`` of the configured table ``plugin.sklearn``.

    Raises:
        ConfigError: The table has another key, or ``trusted`` is no list of dotted names.
    """
    settings = current_catalogue().settings
    table = settings.plugin.get("sklearn", {})
    for key in table:
        if key not in _KEYS:
            close = nearest(key, _KEYS)
            raise ConfigError(
                f"[{TABLE}] has no key {key!r}",
                who=str(settings.source or "the settings"),
                fix=f"did you mean {close!r}?" if close else 'it has one key: trusted = ["module.Type"]',
            )
    names = table.get("trusted", [])
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and "." in name for name in names):
        raise ConfigError(
            f"trusted in [{TABLE}] is no list of dotted names",
            who=str(settings.source or "the settings"),
            fix='trusted = ["sklearn.tree._tree.Tree"]',
        )
    return [name.strip() for name in names]


def untrusted(error: type[DovetailError], what: str, names: Iterable[str], trusted: Iterable[str]) -> DovetailError:
    """The error for types that nobody trusts, with what to write into the configuration.

    Args:
        error: Its class.
        what: What holds them: ``"the model"``.
        names: The types.
        trusted: The types that are trusted so far.
    """
    new = sorted(names)
    lines: list[Any] = [f'    "{name}",' for name in (*trusted, *new)]
    return error(
        f"{what} holds what is not trusted: {', '.join(new)}",
        why="reading a model makes objects of its types and may call its functions; skops does not vouch for these",
        fix="\n".join(
            ["if you trust them, write into dovetail.toml:", f"[{TABLE}]", "trusted = [", *map(str, lines), "]"]
        ),
        untrusted=new,
    )
