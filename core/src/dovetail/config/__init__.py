"""Settings of a project, where they come from, and the secrets that they refer to."""

from dovetail.config._durations import seconds
from dovetail.config._load import load_settings
from dovetail.config._memory import available_memory, parse_size, show_size
from dovetail.config._parse import canonical_name
from dovetail.config._secrets import (
    Secret,
    redact,
    redact_data,
    resolve_secrets,
    secrets_forgotten_after,
    unset_variables,
)
from dovetail.config._settings import OWNER_KINDS, Settings, setting_docs
from dovetail.config._urls import mask_url, mask_urls, remember_url_secrets, url_scheme

__all__ = [
    "Settings",
    "load_settings",
    "setting_docs",
    "OWNER_KINDS",
    "canonical_name",
    # lengths of time, sizes
    "seconds",
    "available_memory",
    "parse_size",
    "show_size",
    # secrets
    "Secret",
    "resolve_secrets",
    "unset_variables",
    "redact",
    "redact_data",
    "secrets_forgotten_after",
    # URLs
    "url_scheme",
    "mask_url",
    "mask_urls",
    "remember_url_secrets",
]
