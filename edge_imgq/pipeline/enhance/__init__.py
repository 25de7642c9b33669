"""Run networks on photographs of any size."""
