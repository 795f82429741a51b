"""scikit-learn models for dovetail."""
