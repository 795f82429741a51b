"""Colours as tasks."""
