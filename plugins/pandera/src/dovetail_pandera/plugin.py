"""The hook implementations of dovetail-pandera. Imports no engine."""

DOVETAIL_API = 1
