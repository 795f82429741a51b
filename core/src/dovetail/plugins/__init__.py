"""Finding, sifting and loading plugins; the catalogue of everything that they declare.

Importing this brings neither pluggy nor stevedore, and looks for nothing: that happens when a catalogue is built.
"""

from dovetail.plugins._authors import (
    collect_manifest,
    hook_module_exists,
    manifest_difference,
    manifest_problem,
    shipped_manifest,
    write_shipped_manifest,
)
from dovetail.plugins._build import build_catalogue
from dovetail.plugins._catalogue import Catalogue, Listener
from dovetail.plugins._checking import named_code
from dovetail.plugins._current import current_catalogue, reset_default, use_catalogue
from dovetail.plugins._doctor import diagnose
from dovetail.plugins._inspect import CodeCheck, PluginCheck, check_plugin, config_fields_of, find_named, look_at
from dovetail.plugins._known import known_distributions, known_names
from dovetail.plugins._listing import engines_of, list_plugins, with_details
from dovetail.plugins._manifests import read_manifest, write_manifest
from dovetail.plugins._names import Claim, NameTable
from dovetail.plugins._records import EngineState, Finding, Identity, PluginListing, Skipped
from dovetail.plugins._scan import Found

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
    "Identity",
    "PluginListing",
    "EngineState",
    "engines_of",
    "with_details",
    # manifests
    "read_manifest",
    "write_manifest",
    # manifests that plugins ship
    "shipped_manifest",
    "manifest_problem",
    "manifest_difference",
    "collect_manifest",
    "write_shipped_manifest",
    "hook_module_exists",
    # looking closely
    "find_named",
    "Found",
    "look_at",
    "check_plugin",
    "PluginCheck",
    "CodeCheck",
    "named_code",
    "config_fields_of",
    # well-known names
    "known_distributions",
    "known_names",
    # doctor
    "diagnose",
    "Finding",
]
