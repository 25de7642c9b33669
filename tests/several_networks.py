"""Small ONNX networks of several outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Port = tuple[str, tuple[object, ...]]

IMAGE: Port = ("image", (1, 3, "h", "w"))


def write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    arrays: dict[str, np.ndarray],
) -> Path:
    """Write a network from some inputs to some outputs."""
    ends = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in ports]
        for ports in (inputs, outputs)
    ]
    constants = [numpy_helper.from_array(a.astype(np.float32), n) for n, a in arrays.items()]
    graph = helper.make_graph(list(nodes), path.stem, *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def three_scales(path: Path) -> Path:
    """Write a network of a picture at a quarter, half and all of the image's sides."""
    generator = np.random.default_rng(5)
    arrays = {"w": generator.normal(0, 0.2, (12, 3, 3, 3))}
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
    ]
    for name, part in (("quarter", 4), ("half", 2), ("full", 1)):
        arrays[f"{name}.w"] = generator.normal(0, 0.05, (3, 12, 3, 3))
        sides = [part, part]
        small, image = f"{name}.r", f"{name}.image"
        for source, pooled in (("r", small), ("image", image)):
            nodes.append(
                helper.make_node(
                    "AveragePool", [source], [pooled], kernel_shape=sides, strides=sides
                )
            )
        nodes.append(helper.make_node("Conv", [small, f"{name}.w"], [f"{name}.c"], pads=[1] * 4))
        nodes.append(helper.make_node("Add", [image, f"{name}.c"], [name]))
    outputs = [(name, (1, 3, f"{name}h", f"{name}w")) for name in ("quarter", "half", "full")]
    return write(path, nodes, [IMAGE], outputs, arrays)


def curves(path: Path) -> Path:
    """Write a network that brightens by two curves, and returns these and its mean beside it."""
    generator = np.random.default_rng(6)
    arrays = {
        "w": generator.normal(0, 0.3, (8, 3, 3, 3)),
        "v": generator.normal(0, 0.2, (6, 8, 3, 3)),
        "n": np.array(0.1),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Conv", ["r", "v"], ["d"], pads=[1] * 4),
        helper.make_node("Tanh", ["d"], ["curves"]),
        helper.make_node("Split", ["curves"], ["a0", "a1"], axis=1),
    ]
    last = "image"
    for step in range(2):
        names = [f"{name}{step}" for name in ("square", "less", "share", "step")]
        square, less, share, result = [*names[:3], "enhanced" if step else names[3]]
        nodes += [
            helper.make_node("Mul", [last, last], [square]),
            helper.make_node("Sub", [square, last], [less]),
            helper.make_node("Mul", [f"a{step}", less], [share]),
            helper.make_node("Add", [last, share], [result]),
        ]
        last = result
    nodes += [
        helper.make_node("GlobalAveragePool", ["enhanced"], ["p"]),
        helper.make_node("Flatten", ["p"], ["mean"]),
    ]
    outputs: list[Port] = [
        ("curves", (1, 6, "h", "w")), ("mean", (1, 3)), ("enhanced", (1, 3, "h", "w")),
    ]  # fmt: skip
    return write(path, nodes, [IMAGE], outputs, arrays)


def recurrent(path: Path, *, names: tuple[str, str] = ("h_in", "h_out"), gain: float = 1.0) -> Path:
    """Write a network that corrects an image by what it remembers of the frames before it.

    Args:
        path: to write to.
        names: of the state that is taken and of the one that is returned.
        gain: of the state; at large ones errors grow from frame to frame.
    """
    generator = np.random.default_rng(9)
    arrays = {
        "w": generator.normal(0, 0.15, (8, 3, 3, 3)),
        "u": generator.normal(0, gain * 0.08, (8, 8, 3, 3)),
        "v": generator.normal(0, 0.06, (3, 8, 3, 3)),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], pads=[1] * 4),
        helper.make_node("Conv", [names[0], "u"], ["b"], pads=[1] * 4),
        helper.make_node("Add", ["a", "b"], ["s"]),
        helper.make_node("Relu", ["s"], [names[1]]),
        helper.make_node("Conv", [names[1], "v"], ["d"], pads=[1] * 4),
        helper.make_node("Add", ["image", "d"], ["out"]),
    ]
    state = (1, 8, "h", "w")
    outputs: list[Port] = [("out", (1, 3, "h", "w")), (names[1], state)]
    return write(path, nodes, [IMAGE, (names[0], state)], outputs, arrays)
