"""Small ONNX networks of several inputs or other channels than an RGB image's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Port = tuple[str, tuple[object, ...]]


def write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Port],
    channels: int,
    arrays: dict[str, np.ndarray],
) -> Path:
    """Write a network from some inputs to 'out' of an image's axes."""
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, (1, channels, "oh", "ow"))
    constants = [numpy_helper.from_array(a.astype(np.float32), n) for n, a in arrays.items()]
    graph = helper.make_graph(list(nodes), path.stem, ends, [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def residual(taken: int, seed: int = 1) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """Return two convolutions from 'all' (taken channels) to what is added to 'image'."""
    generator = np.random.default_rng(seed)
    arrays = {
        "w": generator.normal(0, 0.25, (12, taken, 3, 3)),
        "v": generator.normal(0, 0.05, (3, 12, 3, 3)),
    }
    nodes = [
        helper.make_node("Conv", ["all", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"], pads=[1] * 4),
    ]
    return nodes, arrays


IMAGE: Port = ("image", (1, 3, "h", "w"))


def with_noise_map(path: Path) -> Path:
    nodes, arrays = residual(4)
    joined = helper.make_node("Concat", ["image", "sigma"], ["all"], axis=1)
    added = helper.make_node("Add", ["image", "d"], ["out"])
    sigma = ("sigma", (1, 1, "h", "w"))
    return write(path, [joined, *nodes, added], [sigma, IMAGE], 3, arrays)


def with_mask(path: Path) -> Path:
    nodes, arrays = residual(3)
    first = helper.make_node("Identity", ["image"], ["all"])
    masked = helper.make_node("Mul", ["d", "mask"], ["m"])
    added = helper.make_node("Add", ["image", "m"], ["out"])
    mask = ("mask", (1, 1, "h", "w"))
    return write(path, [first, *nodes, masked, added], [IMAGE, mask], 3, arrays)


def with_strength(path: Path) -> Path:
    nodes, arrays = residual(3)
    first = helper.make_node("Identity", ["image"], ["all"])
    scaled = helper.make_node("Mul", ["d", "strength"], ["m"])
    added = helper.make_node("Add", ["image", "m"], ["out"])
    return write(path, [first, *nodes, scaled, added], [IMAGE, ("strength", (1,))], 3, arrays)


def from_mosaic(path: Path) -> Path:
    nodes, arrays = residual(4)
    arrays["v"] = np.random.default_rng(2).normal(0, 0.3, (12, 12, 3, 3))
    first = helper.make_node("Identity", ["raw"], ["all"])
    last = helper.make_node("DepthToSpace", ["d"], ["out"], blocksize=2, mode="CRD")
    return write(path, [first, *nodes, last], [("raw", (1, 4, "h", "w"))], 3, arrays)


def from_burst(path: Path) -> Path:
    """Write a network of five mosaics, in each of which the planes weigh otherwise."""
    nodes, arrays = residual(20)
    arrays["v"] = np.random.default_rng(2).normal(0, 0.2, (12, 12, 3, 3))
    first = helper.make_node("Identity", ["burst"], ["all"])
    last = helper.make_node("DepthToSpace", ["d"], ["out"], blocksize=2, mode="CRD")
    return write(path, [first, *nodes, last], [("burst", (1, 20, "h", "w"))], 3, arrays)


def from_frames(path: Path) -> Path:
    nodes, arrays = residual(9)
    arrays |= {"v": np.random.default_rng(2).normal(0, 0.3, (3, 12, 3, 3))}
    first = helper.make_node("Identity", ["frames"], ["all"])
    last = helper.make_node("Identity", ["d"], ["out"])
    return write(path, [first, *nodes, last], [("frames", (1, 9, "h", "w"))], 3, arrays)


def to_colours(path: Path) -> Path:
    nodes, arrays = residual(1)
    arrays["v"] = np.random.default_rng(2).normal(0, 0.2, (2, 12, 3, 3))
    first = helper.make_node("Identity", ["l"], ["all"])
    last = helper.make_node("Tanh", ["d"], ["out"])
    return write(path, [first, *nodes, last], [("l", (1, 1, "h", "w"))], 2, arrays)
