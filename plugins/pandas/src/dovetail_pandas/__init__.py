"""pandas frames for dovetail."""
