"""Hugging Face datasets for dovetail."""
