"""Measure models by the evaluation protocols of the papers."""
