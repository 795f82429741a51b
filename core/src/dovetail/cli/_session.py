"""The settings, the catalogue and the hub behind one command."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any

import click

from dovetail.cli._options import Options, options_of
from dovetail.config import Settings, load_settings
from dovetail.errors import UsageError
from dovetail.hub import Hub
from dovetail.plugins import Catalogue, build_catalogue, use_catalogue
from dovetail.types import TypeEngine, current_types


class Session:
    """Makes what a command needs at first need, from the settings and the options of the command line.

    Args:
        options: What the command line said; it may grow until :attr:`hub` is first used.
    """

    def __init__(self, options: Options) -> None:
        self.options = options

    @property
    def settings(self) -> Settings:
        """The settings, options of the command line included."""
        return load_settings(overrides=self.options.overrides())

    @cached_property
    def catalogue(self) -> Catalogue:
        """What the plugins declare."""
        return build_catalogue(self.settings)

    @cached_property
    def types(self) -> TypeEngine:
        """The type engine of the catalogue; using it fixes no store."""
        with use_catalogue(self.catalogue):
            return current_types()

    @cached_property
    def hub(self) -> Hub:
        """The hub."""
        # Plugins are loaded before the whole line is read, so the rest of it may have changed settings since.
        hub = Hub(self.catalogue.settings)
        with use_catalogue(self.catalogue):
            assert hub.catalogue is self.catalogue  # made here, so that it is the one that is in use
        hub.settings = self.settings
        return hub

    def activate(self, context: click.Context) -> None:
        """Make the catalogue the current one until the command ends, for files that define workflows when loaded."""
        context.find_root().with_resource(use_catalogue(self.catalogue))

    def stored(self) -> Hub:
        """The hub, if there is a run store already: looking should not make one.

        Raises:
            UsageError: There are no runs yet.
        """
        if not self.has_runs:
            raise UsageError(
                "there are no runs yet",
                who=str(self.settings.home),
                why="this directory holds no run store",
                fix="start a run: dovetail run FILE WORKFLOW; or name another directory with --home",
            )
        return self.hub

    @property
    def has_runs(self) -> bool:
        """Whether there is a run store."""
        return (self.settings.home / "runs.db").exists()

    def close(self) -> None:
        """Close the stores."""
        if "hub" in self.__dict__:
            self.hub.close()


def session_of(context: click.Context) -> Session:
    """The session of a command line; it is closed when the command ends."""
    root = context.find_root()
    session = root.meta.get(__name__)
    if not isinstance(session, Session):
        session = root.meta[__name__] = Session(options_of(context))
        root.call_on_close(session.close)
    return session


def with_session(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a command's function: its first argument is the session."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(session_of(click.get_current_context()), *args, **kwargs)

    return update_wrapper(call, function)
