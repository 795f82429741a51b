"""Finding, sifting and loading plugins; the catalogue of everything that they declare.

Importing this brings neither pluggy nor stevedore, and looks for nothing: that happens when a catalogue is built.
"""

from dovetail.plugins._authors import (
    collect_manifest,
    manifest_difference,
    manifest_problem,
    shipped_manifest,
    write_shipped_manifest,
)
from dovetail.plugins._build import build_catalogue
from dovetail.plugins._catalogue import Catalogue, Listener
from dovetail.plugins._current import current_catalogue, reset_default, use_catalogue
from dovetail.plugins._doctor import diagnose
from dovetail.plugins._known import known_distributions, known_names
from dovetail.plugins._listing import list_plugins
from dovetail.plugins._manifests import read_manifest, write_manifest
from dovetail.plugins._names import Claim, NameTable
from dovetail.plugins._records import EngineState, Finding, PluginListing, Skipped

__all__ = [
    "build_catalogue",
    "current_catalogue",
    "use_catalogue",
    "reset_default",
    "list_plugins",
    "Catalogue",
    "NameTable",
    "Claim",
    "Listener",
    "Skipped",
    "PluginListing",
    "EngineState",
    # manifests
    "read_manifest",
    "write_manifest",
    # manifests that plugins ship
    "shipped_manifest",
    "manifest_problem",
    "manifest_difference",
    "collect_manifest",
    "write_shipped_manifest",
    # well-known names
    "known_distributions",
    "known_names",
    # doctor
    "diagnose",
    "Finding",
]
