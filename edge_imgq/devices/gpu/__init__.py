"""LiteRT's GPU kernels, on a GPU of this machine or on a software Vulkan driver."""
