"""Passes that a target or recipe requests by name; they are not part of the canonical phases."""
