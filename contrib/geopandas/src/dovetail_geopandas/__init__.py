"""GeoPandas frames for dovetail."""
