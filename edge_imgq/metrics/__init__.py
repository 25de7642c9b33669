"""Measures of how close two images are."""
