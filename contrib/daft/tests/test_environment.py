"""Daft where it is not installed beside dovetail: in its environment, through a real worker and the bridge."""

from __future__ import annotations

from dovetail.errors import ConversionError
from dovetail.testing import EnvironmentSuite, never


class TestEnvironment(EnvironmentSuite):
    plugin = "dovetail_daft.plugin"
    environment = "daft"
    gaps = {"carries.dictionary": never("Daft has no categories", raises=ConversionError)}
