"""From ranges to scales and zero points that integer operators can share."""
