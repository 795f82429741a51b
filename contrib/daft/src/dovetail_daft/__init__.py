"""Daft frames for dovetail."""
