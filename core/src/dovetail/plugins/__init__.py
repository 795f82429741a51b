"""Finding, sifting and loading plugins; the catalogue of everything that they declare.

Importing this brings neither pluggy nor stevedore, and looks for nothing: that happens when a catalogue is built.
What listing plugins does not need is found at first use.
"""

from typing import TYPE_CHECKING

from dovetail.errors import lazy_names as _lazy_names

if TYPE_CHECKING:
    from dovetail.plugins._authors import collect_manifest as collect_manifest
    from dovetail.plugins._authors import hook_module_exists as hook_module_exists
    from dovetail.plugins._authors import manifest_difference as manifest_difference
    from dovetail.plugins._authors import manifest_problem as manifest_problem
    from dovetail.plugins._authors import shipped_manifest as shipped_manifest
    from dovetail.plugins._authors import write_shipped_manifest as write_shipped_manifest
    from dovetail.plugins._build import build_catalogue as build_catalogue
    from dovetail.plugins._catalogue import Catalogue as Catalogue
    from dovetail.plugins._catalogue import Listener as Listener
    from dovetail.plugins._checking import named_code as named_code
    from dovetail.plugins._collect import is_importable as is_importable
    from dovetail.plugins._current import current_catalogue as current_catalogue
    from dovetail.plugins._current import reset_default as reset_default
    from dovetail.plugins._current import use_catalogue as use_catalogue
    from dovetail.plugins._doctor import diagnose as diagnose
    from dovetail.plugins._elsewhere import manifests_in as manifests_in
    from dovetail.plugins._engines import EngineHere as EngineHere
    from dovetail.plugins._engines import Need as Need
    from dovetail.plugins._engines import engine_here as engine_here
    from dovetail.plugins._engines import extra_requirements as extra_requirements
    from dovetail.plugins._engines import install_line as install_line
    from dovetail.plugins._engines import names_of as names_of
    from dovetail.plugins._engines import need_of as need_of
    from dovetail.plugins._engines import needs_of_plugin as needs_of_plugin
    from dovetail.plugins._inspect import CodeCheck as CodeCheck
    from dovetail.plugins._inspect import PluginCheck as PluginCheck
    from dovetail.plugins._inspect import check_plugin as check_plugin
    from dovetail.plugins._inspect import config_fields_of as config_fields_of
    from dovetail.plugins._inspect import find_named as find_named
    from dovetail.plugins._inspect import look_at as look_at
    from dovetail.plugins._known import known_distributions as known_distributions
    from dovetail.plugins._known import known_names as known_names
    from dovetail.plugins._known import reader_of as reader_of
    from dovetail.plugins._listing import engines_of as engines_of
    from dovetail.plugins._listing import list_one as list_one
    from dovetail.plugins._listing import list_plugins as list_plugins
    from dovetail.plugins._listing import with_details as with_details
    from dovetail.plugins._loading import libraries as libraries
    from dovetail.plugins._manifests import read_manifest as read_manifest
    from dovetail.plugins._manifests import write_manifest as write_manifest
    from dovetail.plugins._names import Claim as Claim
    from dovetail.plugins._names import NameTable as NameTable
    from dovetail.plugins._records import EngineState as EngineState
    from dovetail.plugins._records import Finding as Finding
    from dovetail.plugins._records import Identity as Identity
    from dovetail.plugins._records import PluginListing as PluginListing
    from dovetail.plugins._records import Skipped as Skipped
    from dovetail.plugins._safe_forms import safe_form as safe_form
    from dovetail.plugins._scan import Found as Found
    from dovetail.plugins._scan import PluginMetadata as PluginMetadata
    from dovetail.plugins._scan import plugin_metadata as plugin_metadata

__all__ = [
    "build_catalogue",
    "current_catalogue",
    "use_catalogue",
    "reset_default",
    "list_plugins",
    "list_one",
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
    "manifests_in",
    # manifests that plugins ship
    "shipped_manifest",
    "manifest_problem",
    "manifest_difference",
    "collect_manifest",
    "write_shipped_manifest",
    "hook_module_exists",
    # metadata
    "PluginMetadata",
    "plugin_metadata",
    # engines
    "Need",
    "need_of",
    "needs_of_plugin",
    "names_of",
    "EngineHere",
    "engine_here",
    "extra_requirements",
    "install_line",
    "is_importable",
    "libraries",
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
    "reader_of",
    "safe_form",
    # doctor
    "diagnose",
    "Finding",
]

# Loaded on first use: the worker of an environment needs little of it.
_LAZY = {
    "known_distributions": "dovetail.plugins._known",
    "known_names": "dovetail.plugins._known",
    "reader_of": "dovetail.plugins._known",
    "engines_of": "dovetail.plugins._listing",
    "list_one": "dovetail.plugins._listing",
    "list_plugins": "dovetail.plugins._listing",
    "with_details": "dovetail.plugins._listing",
    "Claim": "dovetail.plugins._names",
    "NameTable": "dovetail.plugins._names",
    "EngineState": "dovetail.plugins._records",
    "Finding": "dovetail.plugins._records",
    "Identity": "dovetail.plugins._records",
    "PluginListing": "dovetail.plugins._records",
    "Skipped": "dovetail.plugins._records",
    "Found": "dovetail.plugins._scan",
    "PluginMetadata": "dovetail.plugins._scan",
    "plugin_metadata": "dovetail.plugins._scan",
    **dict.fromkeys(
        (
            "Need",
            "need_of",
            "needs_of_plugin",
            "names_of",
            "EngineHere",
            "engine_here",
            "extra_requirements",
            "install_line",
        ),
        "dovetail.plugins._engines",
    ),
    "collect_manifest": "dovetail.plugins._authors",
    "hook_module_exists": "dovetail.plugins._authors",
    "manifest_difference": "dovetail.plugins._authors",
    "manifest_problem": "dovetail.plugins._authors",
    "shipped_manifest": "dovetail.plugins._authors",
    "write_shipped_manifest": "dovetail.plugins._authors",
    "build_catalogue": "dovetail.plugins._build",
    "Catalogue": "dovetail.plugins._catalogue",
    "Listener": "dovetail.plugins._catalogue",
    "named_code": "dovetail.plugins._checking",
    "is_importable": "dovetail.plugins._collect",
    "current_catalogue": "dovetail.plugins._current",
    "reset_default": "dovetail.plugins._current",
    "use_catalogue": "dovetail.plugins._current",
    "diagnose": "dovetail.plugins._doctor",
    "manifests_in": "dovetail.plugins._elsewhere",
    "CodeCheck": "dovetail.plugins._inspect",
    "PluginCheck": "dovetail.plugins._inspect",
    "check_plugin": "dovetail.plugins._inspect",
    "config_fields_of": "dovetail.plugins._inspect",
    "find_named": "dovetail.plugins._inspect",
    "look_at": "dovetail.plugins._inspect",
    "libraries": "dovetail.plugins._loading",
    "read_manifest": "dovetail.plugins._manifests",
    "write_manifest": "dovetail.plugins._manifests",
    "safe_form": "dovetail.plugins._safe_forms",
}

__getattr__, __dir__ = _lazy_names(__name__, _LAZY)
