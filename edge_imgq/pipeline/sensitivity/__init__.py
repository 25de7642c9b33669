"""Measure the image error and the time of each layer in int8."""
