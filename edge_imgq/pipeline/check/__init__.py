"""Compare files and figures with a baseline, as a gate for CI."""
