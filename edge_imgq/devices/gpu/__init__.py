"""LiteRT's GPU kernels on this machine, without a phone."""
