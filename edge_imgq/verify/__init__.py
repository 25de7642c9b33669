"""Drift of a file against its references."""
