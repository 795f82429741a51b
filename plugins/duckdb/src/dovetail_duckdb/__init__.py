"""DuckDB relations for dovetail."""
