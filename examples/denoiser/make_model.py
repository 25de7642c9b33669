"""Write models/denoiser.onnx: what your training would export; here it smooths, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 8
HERE = Path(__file__).parent


def denoiser(strength: float = 0.5) -> onnx.ModelProto:
    """Return a network that takes a share of the difference from the local mean away.

    Args:
        strength: the share.
    """
    rng = np.random.default_rng(0)
    detail = np.zeros((3, 3, 3, 3), np.float32)  # of each colour: the pixel minus its mean of 3×3
    for colour in range(3):
        detail[colour, colour] = -1 / 9
        detail[colour, colour, 1, 1] += 1
    mixing = rng.normal(0, 1, (CHANNELS - 6, 3)).astype(np.float32)
    first = np.concatenate([detail, -detail, np.einsum("oc,cihw->oihw", mixing, detail)])
    last = np.zeros((3, CHANNELS, 1, 1), np.float32)
    for colour in range(3):  # relu(x) - relu(-x) is x
        last[colour, colour], last[colour, colour + 3] = -strength, strength
    nodes = [
        helper.make_node("Conv", ["image", "first"], ["a"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "last"], ["c"], "conv2"),
        helper.make_node("Add", ["image", "c"], ["clean"], "residual"),
    ]
    shape = ["N", 3, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "denoiser",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("clean", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(last, "last")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model


if __name__ == "__main__":
    onnx.save(denoiser(), HERE / "models" / "denoiser.onnx")
