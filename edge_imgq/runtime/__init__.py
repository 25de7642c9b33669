"""Runtimes: each opens a file and runs it on an image."""
