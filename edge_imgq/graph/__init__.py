"""The ONNX graph stage: load, bind shapes, rewrite, and build the network that lowerings read."""
