"""Passes outside the phases, which recipes list by name."""
