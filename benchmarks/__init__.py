"""Measurements of what edge-imgq writes beside what others write."""
