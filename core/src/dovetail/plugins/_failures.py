"""Turning whatever a plugin does wrong into one line, and into the error that belongs to it."""

from __future__ import annotations

from dovetail.config import redact
from dovetail.errors import DovetailError, PluginLoadError
from dovetail.plugins._blame import absent, place, repair, undeclared
from dovetail.plugins._known import bring_module
from dovetail.plugins._records import Identity

_WIDTH = 300
_TOLD = 4000
"""Characters of a text that comes from the process of a probe; shortened where secrets are known."""
_width = _WIDTH


def one_line(error: BaseException, identity: Identity | None = None) -> str:
    """What happened, in one line of bounded length, with the place in the file where that is known.

    Args:
        error: What was raised.
        identity: The plugin whose hook module is the place if no line of its own raised it.
    """
    if isinstance(error, DovetailError):
        text = f"{error.what}: {error.why}" if error.why else error.what
    elif isinstance(error, SystemExit):
        text = f"it called sys.exit({error.code!r})"
    elif isinstance(error, SyntaxError):
        text = f"{type(error).__name__}: {error.msg}"
        if error.filename:
            text += f" ({error.filename}, line {error.lineno})"
    else:
        text = f"{type(error).__name__}: {message(error)}".removesuffix(": ")
        where = place(error, identity)
        if where:
            text += f" ({where})"
    return bounded(text)


def bounded(text: str, width: int | None = None) -> str:
    """A text on one line of bounded length, secrets masked. Default: 300 characters, more inside a probe."""
    width = width or _width
    text = redact(" ".join(text.split()))
    return text if len(text) <= width else text[: width - 3] + "..."


def widen() -> None:
    """Keep texts long in this process, which cannot mask secrets: whoever reads them shortens them."""
    global _width
    _width = _TOLD


def load_error(error: BaseException, what: str, identity: Identity, module: str = "") -> PluginLoadError:
    """The error for code of a plugin that could not be loaded. The caller raises it from ``error``.

    Args:
        error: What the code raised.
        what: What could not be done.
        identity: The plugin.
        module: Import name of the code. Default: the hook module.
    """
    code = module or identity.module
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        if top in (code.partition(".")[0], identity.module.partition(".")[0]):
            why = f"the module {error.name} does not exist"
            fix = absent(identity, error.name, identity.module.startswith(error.name), error)
        else:
            why = f"it needs the module {error.name}, which is not installed"
            fix = undeclared(identity, top) if identity.distribution else bring_module(top)
    else:
        why, fix = one_line(error, identity), repair(identity, error)
    return PluginLoadError(what, who=identity.who, why=why, fix=fix)


def outcome_error(why: str, identity: Identity) -> PluginLoadError:
    """The error for a hook module whose import did not come to an end."""
    again = f"dovetail plugins check {identity.name}"
    upgrade = f"{repair(identity)}; " if identity.distribution else ""
    return PluginLoadError(
        "the plugin cannot be imported", who=identity.who, why=why, fix=f"{upgrade}{again} looks again"
    )


def message(error: BaseException) -> str:
    """The message of an exception, whatever it does when it is asked for."""
    try:
        return str(error)
    except BaseException as second:  # the plugin's own exception class may do anything
        if isinstance(second, KeyboardInterrupt):
            raise
        return "<its message raised too>"
