"""The hook implementations of dovetail-polars. Imports no engine."""

DOVETAIL_API = 1
