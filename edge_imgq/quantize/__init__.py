"""Post-training quantization of an ONNX graph: observe ranges, choose scales, write a QDQ graph."""
