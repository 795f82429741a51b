"""Pandera schemas as suites of dovetail gates."""
