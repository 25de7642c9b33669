"""Where files run: this host, an emulated NPU or processor, a phone, a board, a Mac."""
