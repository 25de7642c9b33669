"""Calibration: image selection, activation ranges on those images, and range observers."""
