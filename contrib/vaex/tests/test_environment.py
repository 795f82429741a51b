"""Vaex where it is not installed beside dovetail: in its environment, through a real worker and the bridge."""

from __future__ import annotations

from dovetail.testing import EnvironmentSuite, never


class TestEnvironment(EnvironmentSuite):
    plugin = "dovetail_vaex.plugin"
    environment = "vaex"
    gaps = {"no_columns": never("Vaex has no frame without columns")}
