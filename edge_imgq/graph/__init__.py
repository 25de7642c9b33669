"""The ONNX graph: reading it, binding its size, rewriting it, and the view that lowerings walk."""
