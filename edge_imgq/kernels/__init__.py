"""What is known of the kernels that run a file, as one value for each processor family."""
