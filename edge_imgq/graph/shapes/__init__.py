"""Shape inference, shape arithmetic, and binding of a graph to one image size."""
