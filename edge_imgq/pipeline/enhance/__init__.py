"""The enhance command: networks on photographs of any size."""
