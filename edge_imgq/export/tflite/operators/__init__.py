"""One function per ONNX operator, grouped by family: what it becomes in a TFLite file."""
