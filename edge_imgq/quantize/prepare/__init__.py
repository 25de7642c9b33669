"""Rewrite the float graph for quantization and determine the ranges of its values."""
