"""The float graph rewritten for quantization, with the ranges of its values."""
