"""Vaex frames for dovetail."""
