"""Choose scales and zero points that the integer operators can share, from ranges."""
