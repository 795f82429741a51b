"""Isolated environments: asked for by name or by requirements, locked, built by uv, shared between projects, removed.

An environment holds engines, and the few packages that a worker needs. dovetail itself, and the plugins that the hub has, are
not installed into it: workers get them from the hub.
"""

from dovetail.env.build._care import Collected, Listed, Removed
from dovetail.env.build._environment import Environment, held
from dovetail.env.build._environments import Environments, unknown
from dovetail.env.build._request import WORKER_REQUIRES, EnvRequest

__all__ = [
    "Environments",
    "Environment",
    "EnvRequest",
    "WORKER_REQUIRES",
    "held",
    # looking after them
    "Listed",
    "Removed",
    "Collected",
    "unknown",
]
