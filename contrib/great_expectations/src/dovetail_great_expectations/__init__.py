"""Great Expectations suites as suites of dovetail gates. Imports no engine."""

from __future__ import annotations

from dovetail_great_expectations._stored import Stored, stored

__all__ = ["Stored", "stored"]
