"""Modin on the engine that needs no other library."""

from __future__ import annotations

import os

os.environ.setdefault("MODIN_ENGINE", "python")
