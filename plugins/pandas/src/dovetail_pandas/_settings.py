"""What a project has configured for pandas: the table ``plugin.pandas``."""

from __future__ import annotations

from dovetail.errors import ConfigError, nearest
from dovetail.plugins import current_catalogue

_KEYS = ("dtypes",)
_DTYPES = ("numpy", "pyarrow")


def arrow_dtypes() -> bool:
    """Whether frames that come from Arrow keep their columns in Arrow (``dtypes = "pyarrow"``), which copies nothing.

    Raises:
        ConfigError: The table has another key, or another value.
    """
    settings = current_catalogue().settings
    table = settings.plugin.get("pandas")
    if not table:
        return False
    who = str(settings.source or "the settings")
    for key in table:
        if key not in _KEYS:
            close = nearest(key, _KEYS)
            fix = f"did you mean {close!r}?" if close else 'it has one key: dtypes = "pyarrow"'
            raise ConfigError(f"[plugin.pandas] has no key {key!r}", who=who, fix=fix)
    chosen = table.get("dtypes", "numpy")
    if chosen not in _DTYPES:
        raise ConfigError(f"dtypes in [plugin.pandas] is {chosen!r}", who=who, fix='write "numpy" or "pyarrow"')
    return bool(chosen == "pyarrow")
