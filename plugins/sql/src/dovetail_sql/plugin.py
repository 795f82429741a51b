"""The hook implementations of dovetail-sql. Imports no engine."""

DOVETAIL_API = 1
