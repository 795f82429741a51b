"""The hook implementations of dovetail-pandas. Imports no engine."""

DOVETAIL_API = 1
