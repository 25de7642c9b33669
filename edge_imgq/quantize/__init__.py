"""Post-training quantization on the ONNX graph: observe, place scales, write QDQ."""
