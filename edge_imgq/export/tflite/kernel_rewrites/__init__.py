"""Rewrites of convolutions that fill the SIMD lanes of a phone's kernels, with equal results."""
