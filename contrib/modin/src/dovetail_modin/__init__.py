"""Modin frames for dovetail."""
