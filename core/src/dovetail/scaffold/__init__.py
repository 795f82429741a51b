"""New plugin packages from a template, and their update when the template has grown.

The templates are shipped with the core, each version under a number of its own; copier, of the extra ``dovetail[scaffold]``,
renders them. Nothing here needs a network.
"""

from dovetail.scaffold._names import PARTS, PluginNames, derive_names
from dovetail.scaffold._new import LICENSES, NewPlugin, new_plugin
from dovetail.scaffold._templates import newest_template
from dovetail.scaffold._update import PluginUpdate, update_plugin

__all__ = [
    "new_plugin",
    "NewPlugin",
    "update_plugin",
    "PluginUpdate",
    "derive_names",
    "PluginNames",
    "newest_template",
    "PARTS",
    "LICENSES",
]
