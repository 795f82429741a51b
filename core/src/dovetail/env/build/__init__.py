"""Isolated environments: asked for by name or by requirements, locked, built by uv, shared between projects, removed.

An environment holds engines, and the few packages that a worker needs. dovetail itself, and the plugins that the hub has, are
not installed into it: workers get them from the hub.
"""

from dovetail.env.build._environment import Environment
from dovetail.env.build._environments import Environments
from dovetail.env.build._request import WORKER_REQUIRES, EnvRequest

__all__ = ["Environments", "Environment", "EnvRequest", "WORKER_REQUIRES"]
