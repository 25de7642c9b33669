"""Calibration: which images, what activations take on them, and the observers of ranges."""
