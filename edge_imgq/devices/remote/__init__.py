"""Phones and boards: over adb and over ssh, by LiteRT's `benchmark_model`."""
