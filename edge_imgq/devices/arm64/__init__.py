"""Arm processors: this host's own, or one emulated with the kernels that a named core gets."""
