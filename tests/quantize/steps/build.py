"""Networks with channels to spare, for the steps of the quantizer."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx_ir as ir
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.graph.prepared import prepared_graph
from edge_imgq.images.layout import to_nchw
from edge_imgq.kernels.processors import DEFAULT
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.quantize.quantize import Quantized, quantize_prepared
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")


PLAIN = QuantizeRecipe("plain", "", "min-max", (), rounding="feedback")


COPIED = dataclasses.replace(PLAIN, copies="spare")


def carrying_network(idle: int, faint: float = 0.0) -> ir.Model:
    """Three channels carry the image, others a little of it, and `idle` ones next to nothing."""
    generator = np.random.default_rng(3)
    gain = np.concatenate([np.full(4, 0.01), np.full(idle, faint)]).astype(np.float32)
    first = np.zeros((7 + idle, 3, 3, 3), np.float32)
    first[[0, 1, 2], [0, 1, 2], 1, 1] = 1
    first[3:] = gain.reshape(-1, 1, 1, 1) * np.abs(weights(generator, 4 + idle, 3, 3, 3))
    second = 0.2 * weights(generator, 3, 7 + idle, 3, 3)
    second[[0, 1, 2], [0, 1, 2], 1, 1] = 0.9
    nodes = [
        helper.make_node("Conv", ["image", "w0", "b0"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Conv", ["b", "w1", "b1"], ["out"], name="second", pads=[1] * 4),
    ]
    # The image at 0.7 of its contrast, so that its levels and those of the layer do not coincide.
    constants = {
        "w0": first * np.float32(0.7),
        "b0": np.full(7 + idle, 0.05 * (faint == 0), np.float32) * (first != 0).any((1, 2, 3)),
        "w1": second,
        "b1": np.full(3, 0.02, np.float32),
    }
    return model(nodes, constants)


def quantized(
    network: ir.Model, recipe: QuantizeRecipe, kernels: KernelProfile = DEFAULT
) -> Quantized:
    graph = prepared_graph(network, recipe.passes, kernels=kernels)
    return quantize_prepared(graph, recipe, CONTRACT, [photo(seed) for seed in range(6)])


def squared_error(network: ir.Model, other: ir.Model) -> float:
    image = to_nchw(photo(77), 1.0)
    error = run(other, image, exact=True) - run(network, image).clip(0, 1)
    return float(np.mean((255 * error) ** 2))


def shapes(network: ir.Model) -> list[tuple[int, ...]]:
    kernels = [node.inputs[1] for node in network.graph if node.op_type == "Conv"]
    return [tuple(k.shape.numpy()) for k in kernels if k is not None and k.shape is not None]


NEAREST = QuantizeRecipe("nearest", "", "min-max", (), corrections=("channels",))


FEEDBACK = dataclasses.replace(NEAREST, rounding="feedback")
