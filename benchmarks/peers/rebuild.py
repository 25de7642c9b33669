"""An ONNX network in TensorFlow operations, channels last, as one would write it by hand.

Every value remembers which ONNX axis each of its axes holds, so that a Transpose moves nothing and
a convolution finds its channels last. What follows is meant to show TensorFlow's converter at its
best: SAME padding where it is equal, the channels of a pixel shuffle permuted in the convolution
before it, PReLU in the form that the converter recognises.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import onnx
from onnx import numpy_helper
from rebuild_operators import OPERATORS
from rebuild_value import CHANNELS_LAST, Value, plain


class Rebuild:
    """The network as a function of one image (1, H, W, C), for `tf.function`."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._constants = {
            tensor.name: plain(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer
        }
        readers = Counter(name for node in model.graph.node for name in node.input)
        self._shuffled = {
            node.input[0]: attributes(node)["blocksize"]
            for node in model.graph.node
            if node.op_type == "DepthToSpace"
            and attributes(node).get("mode") == b"CRD"
            and readers[node.input[0]] == 1
        }
        dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        self.input_shape = [dims[axis] for axis in CHANNELS_LAST]

    def run(self, image: Any) -> Any:
        """Return the network's image (1, H, W, C)."""
        values = dict(self._constants)
        values[self._graph.input[0].name] = Value(image, CHANNELS_LAST)
        for node in self._graph.node:
            operands = [values[name] if name else None for name in node.input]
            options = attributes(node)
            if node.op_type == "Conv" and node.output[0] in self._shuffled:
                options["shuffle"] = self._shuffled[node.output[0]]
            if node.op_type == "DepthToSpace":
                options["is_permuted"] = self._is_permuted(node.input[0])
            if node.op_type not in OPERATORS:
                raise NotImplementedError(f"the rebuild in TensorFlow has no {node.op_type}")
            results = OPERATORS[node.op_type](operands, options)
            results = results if isinstance(results, list) else [results]
            values.update(zip(node.output, results, strict=True))
        return values[self._graph.output[0].name].ordered(CHANNELS_LAST)

    def _is_permuted(self, name: str) -> bool:
        producer = next((n.op_type for n in self._graph.node if name in n.output), "")
        return name in self._shuffled and producer == "Conv"


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return a node's attributes by name."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
