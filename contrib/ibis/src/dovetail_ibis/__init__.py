"""Ibis tables for dovetail."""
