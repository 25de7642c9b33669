"""Loading ONNX models of any exporter and opset in one normal form."""
