"""Measure the latency of a file on a device."""
