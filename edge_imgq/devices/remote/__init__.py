"""Phones and boards, over adb and ssh, with LiteRT's `benchmark_model`."""
