"""From one name to all that a plugin needs: of its distribution, its package, its declarations, its classes."""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from dataclasses import dataclass

from dovetail.config import canonical_name
from dovetail.errors import UsageError, shorten
from dovetail.plugins import known_distributions, known_names

PARTS = ("task_type", "transformer", "checks")
"""What a plugin can bring, as it is called in the template."""

_PREFIX = "dovetail-"
_LONGEST = 40
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508
_OWNED_BY_CORE = frozenset({"arrow", "core", "scaffold", "testing"})
_CLASSES = frozenset(
    {
        "Any",
        "Callable",
        "CheckEngine",
        "CheckEngineSuite",
        "CheckOutcome",
        "ClassVar",
        "Counts",
        "DefinitionError",
        "HubHarness",
        "Interface",
        "Iterator",
        "Path",
        "PlatformError",
        "PluginSuite",
        "Rule",
        "Rules",
        "Sequence",
        "SuiteInfo",
        "TaskCall",
        "TaskType",
        "TaskTypeSuite",
        "TransformerSuite",
        "TruthCheck",
    }
)
"""What the template calls its own classes and those that it imports: a plugin's classes cannot be called so as well."""
_EXAMPLE = "dovetail plugins new ledger"


@dataclass(frozen=True, slots=True)
class PluginNames:
    """The names of a new plugin.

    Attributes:
        distribution: What users install: ``"dovetail-ledger"``.
        package: What Python imports: ``"dovetail_ledger"``.
        short: Name of the entry point, the task type and the check engine: ``"ledger"``.
        prefix: First part of the names of its classes: ``"Ledger"``.
    """

    distribution: str
    package: str
    short: str
    prefix: str


def derive_names(name: str) -> PluginNames:
    """The names of a plugin that is to be called ``name``.

    Args:
        name: One word (``"ledger"``) becomes ``dovetail-ledger``; a name of several words (``"acme-ledger"``) stays what it is.

    Raises:
        UsageError: No valid distribution, package or class can have that name, or it is taken.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"{shorten(name)} cannot be the name of a distribution",
            why=f"letters, digits and single dashes, a letter or digit at both ends, at most {_LONGEST} characters",
            fix=_EXAMPLE,
        )
    distribution = canonical_name(name)
    if "-" not in distribution:
        distribution = _PREFIX + distribution
    short = distribution.removeprefix(_PREFIX).replace("-", "_")
    prefix = "".join(word.capitalize() for word in short.split("_"))
    package = distribution.replace("-", "_")
    _refuse_what_python_cannot_say(name, package, short, prefix)
    _refuse_what_is_taken(name, distribution, package, short)
    _refuse_classes_of_the_template(name, short, prefix)
    return PluginNames(distribution, package, short, prefix)


def _refuse_what_python_cannot_say(name: str, package: str, short: str, prefix: str) -> None:
    if not any(character.islower() for character in prefix):
        raise UsageError(
            f"{name!r} cannot be the name of a plugin", why="it holds fewer than two letters", fix=_EXAMPLE
        )
    for identifier in (package, short, prefix):
        if not identifier.isidentifier():
            raise UsageError(
                f"{name!r} cannot be the name of a plugin",
                why=f"Python has no name {identifier!r}: names begin with a letter",
                fix=_EXAMPLE,
            )
        if keyword.iskeyword(identifier):
            raise UsageError(
                f"{name!r} cannot be the name of a plugin",
                why=f"{identifier!r} is a word of the language Python",
                fix=f"add a word of your own: dovetail plugins new acme-{short}",
            )


def _refuse_what_is_taken(name: str, distribution: str, package: str, short: str) -> None:
    why = None
    if distribution in known_distributions():
        why = f"{distribution} is the name of a distribution of dovetail's own"
    elif short in _OWNED_BY_CORE or any(
        short in known_names(kind) for kind in ("task_type", "check_engine", "executor")
    ):
        why = f"{short!r} is a name of dovetail's own"
    elif package in sys.stdlib_module_names:
        why = f"{package!r} is a module of Python's standard library"
    if why is not None:
        raise UsageError(
            f"the name {name!r} is taken",
            why=why,
            fix=f"add a word of your own: dovetail plugins new acme-{short.replace('_', '-')}",
        )


def _refuse_classes_of_the_template(name: str, short: str, prefix: str) -> None:
    for made in (prefix, f"{prefix}Task", f"{prefix}Engine"):
        if made in _CLASSES or hasattr(builtins, made):
            raise UsageError(
                f"the name {name!r} is taken",
                why=f"a class of the plugin would be called {made!r}, as one is that it uses",
                fix=f"add a word of your own: dovetail plugins new acme-{short.replace('_', '-')}",
            )
