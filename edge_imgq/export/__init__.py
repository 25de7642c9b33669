"""Export of a prepared ONNX graph to the files that an app ships."""
