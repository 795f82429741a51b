"""NumPy arrays for dovetail."""
