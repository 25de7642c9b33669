"""Small ONNX networks whose scale is a fraction, or which lose a border after they enlarge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from tests.several_networks import IMAGE, write


def _resized(source: str, result: str, by: str) -> onnx.NodeProto:
    return helper.make_node("Resize", [source, "", by], [result], mode="linear")


def _around(
    path: Path, first: list[onnx.NodeProto], channels: int, more: dict[str, np.ndarray]
) -> Path:
    """Write a network that adds two convolutions of 'base', which `first` makes, to it."""
    generator = np.random.default_rng(3)
    arrays = {
        "w": generator.normal(0, 0.2, (12, channels, 3, 3)),
        "v": generator.normal(0, 0.05, (channels, 12, 3, 3)),
    }
    nodes = [
        *first,
        helper.make_node("Conv", ["base", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"], pads=[1] * 4),
        helper.make_node("Add", ["base", "d"], ["out"]),
    ]
    image, out = ("image", (1, channels, "h", "w")), ("out", (1, channels, "oh", "ow"))
    return write(path, nodes, [image], [out], {**arrays, **more})


def by_three_halves(path: Path) -> Path:
    by = np.array([1, 1, 1.5, 1.5])
    return _around(path, [_resized("image", "base", "by")], 3, {"by": by})


def by_four_thirds(path: Path) -> Path:
    """Write a network for luma: four times as large by shuffled channels, then every third."""
    generator = np.random.default_rng(6)
    arrays = {
        "u": generator.uniform(0, 0.2, (16, 1, 3, 3)),
        "s": np.full((1, 1, 3, 3), 1 / 9),
    }
    nodes = [
        helper.make_node("Conv", ["image", "u"], ["many"], pads=[1] * 4),
        helper.make_node("DepthToSpace", ["many"], ["large"], blocksize=4, mode="CRD"),
        helper.make_node("Conv", ["large", "s"], ["base"], strides=[3, 3]),
    ]
    return _around(path, nodes, 1, arrays)


def by_half(path: Path) -> Path:
    pooled = helper.make_node(
        "AveragePool", ["image"], ["base"], kernel_shape=[2, 2], strides=[2, 2]
    )
    return _around(path, [pooled], 3, {})


def after_enlarging(path: Path) -> Path:
    """Write a network that enlarges twice and loses three pixels of that on each side."""
    generator = np.random.default_rng(7)
    box = np.zeros((3, 3, 7, 7))
    for channel in range(3):
        box[channel, channel] = generator.uniform(0, 2 / 49, (7, 7))
    arrays = {"by": np.array([1, 1, 2, 2]), "k": box}
    nodes = [
        _resized("image", "large", "by"),
        helper.make_node("Conv", ["large", "k"], ["base"]),
    ]
    return _around(path, nodes, 3, arrays)


def with_half_mask(path: Path) -> Path:
    """Write a network whose mask has half of the image's height and width."""
    generator = np.random.default_rng(8)
    arrays = {
        "w": generator.normal(0, 0.2, (12, 4, 3, 3)),
        "v": generator.normal(0, 0.05, (3, 12, 3, 3)),
        "by": np.array([1, 1, 2, 2]),
    }
    nodes = [
        helper.make_node("Resize", ["mask", "", "by"], ["large"], mode="nearest"),
        helper.make_node("Concat", ["image", "large"], ["all"], axis=1),
        helper.make_node("Conv", ["all", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"], pads=[1] * 4),
        helper.make_node("Add", ["image", "d"], ["out"]),
    ]
    mask = ("mask", (1, 1, "mh", "mw"))
    return write(path, nodes, [IMAGE, mask], [("out", (1, 3, "h", "w"))], arrays)


def with_quarter_state(path: Path) -> Path:
    """Write a recurrent network whose state has a quarter of the image's height and width."""
    generator = np.random.default_rng(9)
    arrays = {
        "w": generator.normal(0, 0.06, (8, 3, 4, 4)),
        "u": generator.normal(0, 0.04, (8, 16, 3, 3)),
        "v": generator.normal(0, 0.05, (48, 8, 3, 3)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], strides=[4, 4]),
        helper.make_node("Concat", ["a", "h_in"], ["b"], axis=1),
        helper.make_node("Conv", ["b", "u"], ["c"], pads=[1] * 4),
        helper.make_node("Tanh", ["c"], ["h_out"]),
        helper.make_node("Conv", ["h_out", "v"], ["d"], pads=[1] * 4),
        helper.make_node("DepthToSpace", ["d"], ["large"], blocksize=4, mode="CRD"),
        helper.make_node("Add", ["image", "large"], ["out"]),
    ]
    state = ("h_in", (1, 8, "sh", "sw"))
    outputs = [("out", (1, 3, "h", "w")), ("h_out", (1, 8, "th", "tw"))]
    return write(path, nodes, [IMAGE, state], outputs, arrays)
