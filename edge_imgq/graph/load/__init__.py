"""Loading of ONNX models of any exporter and opset into one normal form."""
