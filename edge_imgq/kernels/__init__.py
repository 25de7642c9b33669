"""Kernel profiles: tiles, costs and times of convolution kernels, one per processor family."""
