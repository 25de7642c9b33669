"""Graphs executed in torch, with ONNX Runtime as the witness."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
import torch
from onnx import helper

from edge_imgq.contract import ImageContract
from edge_imgq.quantize.quantize import quantize
from edge_imgq.quantize.torch.torch_graph import TorchGraph
from edge_imgq.quantize.torch.torch_inputs import NotCoveredError
from edge_imgq.recipe.quantize import QuantizeRecipe
from tests.graph.build import model, run, weights
from tests.quantize.build import residual_network
from tests.quantize.smooth_photo import photo

CONTRACT = ImageContract("image-to-image", 1, "rgb")
PLAIN = QuantizeRecipe("plain", "", "min-max", ("sign-split",))

NODES = {
    "depth-to-space": ("DepthToSpace", ["wide"], {"blocksize": 2, "mode": "DCR"}),
    "depth-to-space, CRD": ("DepthToSpace", ["wide"], {"blocksize": 2, "mode": "CRD"}),
    "space-to-depth": ("SpaceToDepth", ["image"], {"blocksize": 2}),
    "max pool": ("MaxPool", ["image"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "average pool": ("AveragePool", ["image"], {"kernel_shape": [3, 3], "strides": [1, 1]}),
    "zeros around": ("Pad", ["image", "pads"], {}),
    "mirrored": ("Pad", ["image", "pads"], {"mode": "reflect"}),
    "nearest": ("Resize", ["image", "", "twice"], {"mode": "nearest"}),
    "bilinear": ("Resize", ["image", "", "twice"], {"mode": "linear"}),
    "slice": ("Slice", ["image", "starts", "ends", "axes", "steps"], {}),
    "prelu": ("PRelu", ["image", "slope"], {}),
    "clip": ("Clip", ["image", "low", "high"], {}),
    "mean": ("ReduceMean", ["image", "axes"], {"keepdims": 1}),
    "deconvolution": (
        "ConvTranspose",
        ["wide", "kernel"],
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    ),
    "asymmetric": ("Conv", ["wide", "kernel"], {"pads": [0, 1, 2, 0], "dilations": [1, 2]}),
}
CONSTANTS = {
    "pads": np.array([0, 0, 1, 2, 0, 0, 3, 1], np.int64),
    "twice": np.array([1, 1, 2, 2], np.float32),
    "starts": np.array([1, 2], np.int64),
    "ends": np.array([9, 100], np.int64),
    "axes": np.array([2, 3], np.int64),
    "steps": np.array([2, 3], np.int64),
    "slope": np.array([0.3, -0.5, 2], np.float32).reshape(3, 1, 1),
    "low": np.float32(0.2),
    "high": np.float32(0.7),
    "kernel": weights(np.random.default_rng(0), 12, 12, 3, 3),
    "widen": weights(np.random.default_rng(1), 12, 3, 1, 1),
}


def single(name: str) -> ir.Model:
    kind, inputs, attributes = NODES[name]
    nodes = [helper.make_node(kind, inputs, ["out"], **attributes)]
    if "wide" in inputs:
        nodes.insert(0, helper.make_node("Conv", ["image", "widen"], ["wide"]))
    used = {value for node in nodes for value in node.input}
    return model(nodes, {key: value for key, value in CONSTANTS.items() if key in used})


@pytest.mark.parametrize("name", NODES)
def test_an_operator_computes_what_onnx_runtime_does(name: str) -> None:
    network = single(name)
    image = np.random.default_rng(4).random((1, 3, 12, 14), np.float32)
    with torch.no_grad():
        found = TorchGraph(network)(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(found, run(network, image), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 10), (12, 6)])
def test_a_graph_of_open_size_takes_the_shapes_of_the_image(size: tuple[int, int]) -> None:
    nodes = [
        helper.make_node("MaxPool", ["image"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["image"], ["shape"], start=2),
        helper.make_node("Gather", ["shape", "second"], ["width"]),
        helper.make_node("Gather", ["shape", "first"], ["height"]),
        helper.make_node("Concat", ["front", "height", "width"], ["sizes"], axis=0),
        helper.make_node("Resize", ["small", "", "", "sizes"], ["large"], mode="linear"),
        helper.make_node("Cast", ["width"], ["columns"], to=1),
        helper.make_node("Div", ["large", "columns"], ["out"]),
    ]
    constants = {"front": [1, 3], "first": [0], "second": [1]}
    network = model(nodes, {name: np.array(v, np.int64) for name, v in constants.items()})
    image = np.random.default_rng(4).random((1, 3, *size), np.float32)
    with torch.no_grad():
        found = TorchGraph(network)(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(found, run(network, image), atol=1e-6)


def quantized_network() -> ir.Model:
    photos = [photo(seed) for seed in range(3)]
    return quantize(residual_network(), PLAIN, CONTRACT, photos)


def image_of(seed: int) -> np.ndarray:
    return (photo(seed).transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)


def test_a_qdq_graph_computes_what_onnx_runtime_does() -> None:
    quantized = quantized_network()
    with torch.no_grad():
        found = TorchGraph(quantized)(torch.from_numpy(image_of(9))).numpy()
    levels = np.rint(found * 255) - np.rint(run(quantized, image_of(9), exact=True) * 255)
    assert np.abs(levels).max() <= 1
    assert (levels == 0).mean() > 0.9999


def test_writing_back_what_was_not_learned_changes_nothing() -> None:
    quantized = quantized_network()
    before = ir.to_proto(quantized).SerializeToString(deterministic=True)
    TorchGraph(quantized).write_back()
    assert ir.to_proto(quantized).SerializeToString(deterministic=True) == before


def test_every_weight_and_bias_has_a_gradient() -> None:
    graph = TorchGraph(quantized_network())
    graph(torch.from_numpy(image_of(3))).square().sum().backward()
    assert len(graph.weights()) == len(graph.biases()) == 4
    assert all(float(p.grad.abs().sum()) > 0 for p in graph.parameters())


def test_an_operator_without_a_torch_form_is_refused() -> None:
    network = model([helper.make_node("Acos", ["image"], ["out"])], {})
    with pytest.raises(NotCoveredError, match="Acos"):
        TorchGraph(network)
