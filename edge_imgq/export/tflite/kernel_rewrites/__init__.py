"""Forms of the same arithmetic that fill the vector lanes of a phone's kernels."""
