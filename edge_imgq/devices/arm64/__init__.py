"""Arm cores: this host, or user-mode emulation with the kernels that a named core takes."""
