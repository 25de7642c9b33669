"""Ahead-of-time compilation of TFLite files for the NPU of a named chip."""
