"""The environments that the commands of ``dovetail env`` know, and the lines that they show while one is built."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from dovetail.cli._options import Options
from dovetail.cli._text import clean, paint
from dovetail.config import Settings, load_settings, redact
from dovetail.env.build import Environments, EnvRequest, unknown
from dovetail.plugins import list_plugins
from dovetail.spec import EnvironmentSpec


class Known:
    """The environments of the project that the command line is in.

    Args:
        options: What the command line said.
    """

    def __init__(self, options: Options) -> None:
        self.settings: Settings = load_settings(overrides=options.overrides())
        self.environments = Environments(self.settings)
        self.requests: dict[str, EnvRequest] = self.environments.every(_declared(self.settings))

    def chosen(self, names: Sequence[str]) -> list[EnvRequest]:
        """The environments of these names; without any, those of config.

        Raises:
            UsageError: There is none of a name; says the nearest.
        """
        for name in names:
            if name not in self.requests:
                raise unknown(name, self.requests)
        return [self.requests[name] for name in dict.fromkeys(names or self.settings.envs)]


def _declared(settings: Settings) -> list[tuple[str, EnvironmentSpec]]:
    return [
        (listing.distribution, each)
        for listing in list_plugins(settings)
        if listing.enabled and listing.distribution
        for each in listing.declarations or ()
        if isinstance(each, EnvironmentSpec)
    ]


def teller() -> Callable[[str], None]:
    """Shows lines on a terminal, elsewhere only that somebody else is waited for."""
    shown = sys.stderr.isatty()

    def tell(line: str) -> None:
        if shown or line.startswith("waiting for "):
            sys.stderr.write(paint(clean(redact(line)), "dim", sys.stderr) + "\n")
            sys.stderr.flush()

    return tell
