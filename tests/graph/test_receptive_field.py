"""The receptive field, against which input pixels really move an output pixel."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from edge_imgq.graph.receptive_field import receptive_field

from .build import model, run, weights


def conv(source: str, target: str, kernel: int, *, stride: int = 1, dilation: int = 1):
    pad = (kernel - 1) * dilation // 2
    return helper.make_node(
        "Conv",
        [source, f"w{kernel}"],
        [target],
        kernel_shape=[kernel] * 2,
        pads=[pad] * 4,
        strides=[stride] * 2,
        dilations=[dilation] * 2,
    )


def constants(channels: int = 3) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(2)
    sizes = {f"w{k}": np.abs(weights(generator, channels, channels, k, k)) for k in (1, 3, 5)}
    return {**sizes, "up": np.abs(weights(generator, channels, channels, 4, 4))}


UP = helper.make_node(
    "ConvTranspose", ["b", "up"], ["out"], kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4
)
NETWORKS = {
    "two convolutions": ([conv("image", "a", 5), conv("a", "out", 3)], 3),
    "dilated": ([conv("image", "a", 3, dilation=3), conv("a", "out", 3)], 4),
    "pointwise": ([conv("image", "a", 1), helper.make_node("Relu", ["a"], ["out"])], 0),
    "down and up": ([conv("image", "a", 3, stride=2), conv("a", "b", 3), UP], None),
}


def measured_radius(network, size: int = 48) -> int:
    """Farthest input pixel that changes any of sixteen output pixels in the middle."""
    farthest = 0
    rest = run(network, np.full((1, 3, size, size), 0.5, np.float32))
    scale = rest.shape[2] // size
    for row in range(size):
        moved = np.full((1, 3, size, size), 0.5, np.float32)
        moved[:, :, row, :] += 1
        changed = np.abs(run(network, moved) - rest).max(axis=(0, 1, 3)) > 1e-7
        for output in range(20 * scale, 28 * scale):
            if changed[output]:
                farthest = max(farthest, abs(output // scale - row))
    return farthest


@pytest.mark.parametrize(("nodes", "exact"), NETWORKS.values(), ids=NETWORKS.keys())
def test_no_pixel_outside_the_radius_moves_the_output(nodes, exact) -> None:
    network = model(nodes, constants())
    radius = receptive_field(network).radius
    assert radius is not None
    seen = measured_radius(network)
    assert seen <= radius
    assert exact is None or seen == radius == exact


def test_global_pooling_sees_the_whole_image() -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Sub", ["image", "mean"], ["out"]),
    ]
    assert receptive_field(model(nodes, {})).radius is None


def repeated(inner: str) -> list[onnx.NodeProto]:
    """Every channel twice, as torch's repeat_interleave; `inner` is the shape between."""
    return [
        helper.make_node("Unsqueeze", ["image", "axis"], ["one"]),
        helper.make_node("Expand", ["one", "twice"], ["two"]),
        helper.make_node("Reshape", ["two", inner], ["out"]),
    ]


SHAPES = {
    "axis": np.array([2]),
    "twice": np.array([1, 3, 2, 48, 48]),
    "places kept": np.array([1, 6, 48, 48]),
    "places moved": np.array([1, 6, 36, 64]),
}


def test_channels_may_be_repeated_and_pixels_not_be_laid_out_anew() -> None:
    for inner, radius in (("places kept", 0), ("places moved", None)):
        network = model(repeated(inner), SHAPES, size=(48, 48))
        assert receptive_field(network).radius == radius


def test_an_unknown_operator_is_taken_to_see_everything() -> None:
    nodes = [helper.make_node("Softmax", ["image"], ["out"], axis=3)]
    assert receptive_field(model(nodes, {})).diameter is None
