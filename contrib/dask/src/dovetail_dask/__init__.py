"""Dask frames for dovetail."""
