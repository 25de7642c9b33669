"""Layers in float within int8 files: which ones a budget takes, and what they cost."""
