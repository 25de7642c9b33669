"""Latency of a file on a device."""
