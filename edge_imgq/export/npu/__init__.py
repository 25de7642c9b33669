"""Compiling TFLite files ahead of time for the NPU of a named chip."""
