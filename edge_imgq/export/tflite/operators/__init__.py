"""One function per ONNX operator, grouped by family, that writes its TFLite operators.

Each takes the file being written and the operation, whose shapes are in ONNX order, NCHW. Images
are stored NHWC. Tensors are float32 or, in int8 files, int8 with a scale and a zero point.
"""
