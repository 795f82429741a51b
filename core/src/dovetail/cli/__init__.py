"""The command ``dovetail``. Every command lies in a module of its own, imported when it is called."""

from dovetail.cli._main import main

__all__ = ["main"]
