"""Latency of a file on this host."""
