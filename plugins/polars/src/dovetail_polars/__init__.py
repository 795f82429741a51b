"""polars frames, eager and lazy, for dovetail."""
