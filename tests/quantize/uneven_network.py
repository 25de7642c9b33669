"""A network whose channels are of very different size."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.images.layout import to_nchw
from tests.graph.build import model, weights
from tests.quantize.smooth_photo import photo

IMAGE = to_nchw(photo(9), 1.0)


CONTRACT = ImageContract("image-to-image", 1, "rgb")


def uneven_network() -> ir.Model:
    """Channels of ranges that differ by a factor of ten thousand."""
    generator = np.random.default_rng(3)
    gain = (10.0 ** np.linspace(-2, 2, 8)).astype(np.float32)
    first, second = np.abs(weights(generator, 8, 3, 3, 3)), weights(generator, 3, 8, 3, 3)
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], name="second", pads=[1] * 4),
        helper.make_node("Add", ["image", "c"], ["out"], name="sum"),
    ]
    constants = {
        "w0": first * gain.reshape(-1, 1, 1, 1),
        "w1": 0.05 * second / gain.reshape(1, -1, 1, 1),
    }
    return model(nodes, constants)


def trunk_that_carries_the_image(layers: int = 5) -> ir.Model:
    """Three channels of the image beside five that are twice as loud and of which little is read.

    No image takes the three farther than white; the others go on beyond what photographs show.
    """
    generator = np.random.default_rng(8)
    nodes, constants = [], {}
    source, width = "image", 3
    for index in range(layers):
        weight = 0.3 * weights(generator, 8, width, 3, 3)
        loud = np.abs(weights(generator, 5, 3, 3, 3))
        weight[3:, :3] = 2 * loud / loud.sum(axis=(1, 2, 3), keepdims=True)
        weight[range(3), range(3), 1, 1] = 1
        constants[f"w{index}"] = weight
        nodes += [
            helper.make_node("Conv", [source, f"w{index}"], [f"c{index}"], pads=[1] * 4),
            helper.make_node("Relu", [f"c{index}"], [f"r{index}"]),
        ]
        source, width = f"r{index}", 8
    last = 0.3 * weights(generator, 3, 8, 3, 3)
    last[range(3), range(3), 1, 1] = 1
    nodes.append(helper.make_node("Conv", [source, "last"], ["out"], pads=[1] * 4))
    for index, node in enumerate(nodes):
        node.name = f"node_{index}"
    return model(nodes, constants | {"last": last})
