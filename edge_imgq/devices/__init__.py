"""Devices that run files: this host, an emulated NPU or processor, a phone, a board, a Mac."""
