"""xarray datasets for dovetail."""
