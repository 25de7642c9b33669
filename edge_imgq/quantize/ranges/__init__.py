"""Widen, narrow and clip the ranges of activations before scales are chosen."""
