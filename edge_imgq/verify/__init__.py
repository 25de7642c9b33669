"""Measure the drift of a file from its references."""
