"""Small networks of one operator, for every form that Core ML has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

SEED = 7


WIDE = (1, 8, 12, 16)


Build = Callable[..., onnx.ModelProto]


def noise(*shape: int, spread: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(SEED).standard_normal(shape) * spread).astype(np.float32)


def longs(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def resize(build: Build, sizes: tuple[int, int], **attributes: Any) -> onnx.ModelProto:
    return build("Resize", None, None, longs(1, 8, *sizes), **attributes)


CASES: dict[str, Callable[[Build], onnx.ModelProto]] = {
    "Conv": lambda b: b("Conv", noise(6, 8, 3, 3), noise(6), pads=[1, 1, 1, 1]),
    "Conv, uneven padding": lambda b: b("Conv", noise(6, 8, 3, 2), pads=[0, 1, 2, 0]),
    "Conv, strided": lambda b: b("Conv", noise(6, 8, 3, 3), strides=[2, 3], pads=[1, 0, 1, 0]),
    "Conv, dilated": lambda b: b("Conv", noise(6, 8, 3, 3), dilations=[2, 1], pads=[2, 1, 2, 1]),
    "Conv, grouped": lambda b: b("Conv", noise(12, 2, 3, 3), noise(12), group=4),
    "Conv, depthwise": lambda b: b("Conv", noise(8, 1, 3, 3), noise(8), group=8),
    "Conv, SAME_UPPER": lambda b: b(
        "Conv", noise(6, 8, 4, 3), auto_pad="SAME_UPPER", strides=[2, 2]
    ),
    "Conv, SAME_LOWER": lambda b: b("Conv", noise(6, 8, 4, 4), auto_pad="SAME_LOWER"),
    "ConvTranspose": lambda b: b(
        "ConvTranspose", noise(8, 3, 4, 4), noise(3), strides=[2, 2], pads=[1, 1, 1, 1]
    ),
    "ConvTranspose of FSRCNN": lambda b: b(
        "ConvTranspose",
        noise(8, 1, 9, 9),
        noise(1),
        strides=[2, 2],
        pads=[4, 4, 4, 4],
        output_padding=[1, 1],
    ),
    "ConvTranspose, uneven": lambda b: b(
        "ConvTranspose", noise(8, 3, 3, 5), strides=[2, 3], pads=[1, 0, 0, 2]
    ),
    "ConvTranspose, grouped": lambda b: b(
        "ConvTranspose", noise(8, 3, 3, 3), strides=[2, 2], group=2
    ),
    "ConvTranspose, output padding beyond its padding": lambda b: b(
        "ConvTranspose", noise(8, 3, 3, 3), noise(3), strides=[3, 3], output_padding=[2, 1]
    ),
    "ConvTranspose, dilated": lambda b: b(
        "ConvTranspose", noise(8, 3, 3, 3), dilations=[2, 3], strides=[3, 4], output_padding=[2, 3]
    ),
    "ConvTranspose, of a stated shape": lambda b: b(
        "ConvTranspose", noise(8, 3, 3, 3), strides=[3, 2], output_shape=[37, 32]
    ),
    "Conv of one axis": lambda b: b("Conv", noise(6, 8, 3), shapes=[(1, 8, 40)], pads=[1, 0]),
    "Relu": lambda b: b("Relu"),
    "LeakyRelu": lambda b: b("LeakyRelu", alpha=0.17),
    "PRelu": lambda b: b("PRelu", noise(8, 1, 1, spread=1.0)),
    "PRelu, one slope": lambda b: b("PRelu", np.array([0.3], np.float32)),
    "PRelu, a slope per pixel": lambda b: b("PRelu", noise(8, 12, 16, spread=1.0)),
    "PRelu, slopes computed": lambda b: b("PRelu", shapes=[WIDE, (8, 1, 1)]),
    "Clip": lambda b: b("Clip", number(-0.3), number(0.7)),
    "Clip between bounds that float16 does not tell apart": lambda b: b(
        "Clip", number(0.7), number(0.7001)
    ),
    "Clip from above": lambda b: b("Clip", None, number(0.7)),
    "Sigmoid": lambda b: b("Sigmoid"),
    "HardSigmoid": lambda b: b("HardSigmoid", alpha=0.3, beta=0.4),
    "HardSwish": lambda b: b("HardSwish"),
    "Tanh": lambda b: b("Tanh"),
    "Gelu": lambda b: b("Gelu"),
    "Gelu by tanh": lambda b: b("Gelu", approximate="tanh"),
    "Elu": lambda b: b("Elu", alpha=0.7),
    "Erf": lambda b: b("Erf"),
    "Softmax": lambda b: b("Softmax", axis=1),
    "Sqrt": lambda b: b("Sqrt"),
    "Log": lambda b: b("Log"),
    "Reciprocal": lambda b: b("Reciprocal"),
    "Pow": lambda b: b("Pow", number(1.7)),
    "Pow of minus a half": lambda b: b("Pow", number(-0.5)),
    "Round": lambda b: b("Round"),
    "Floor": lambda b: b("Floor"),
    "Ceil": lambda b: b("Ceil"),
    "Sign": lambda b: b("Sign"),
    "Cast": lambda b: b("Cast", to=1),
    "Abs": lambda b: b("Abs"),
    "Neg": lambda b: b("Neg"),
    "Exp": lambda b: b("Exp"),
    "Sin": lambda b: b("Sin"),
    "Cos": lambda b: b("Cos"),
    "Add": lambda b: b("Add", shapes=[WIDE, WIDE]),
    "Add, broadcast": lambda b: b("Add", shapes=[WIDE, (1, 8, 1, 1)]),
    "Add a constant": lambda b: b("Add", noise(8, 1, 1)),
    "Sub": lambda b: b("Sub", shapes=[WIDE, WIDE]),
    "Mul": lambda b: b("Mul", shapes=[WIDE, (1, 1, 12, 16)]),
    "Mul by a constant": lambda b: b("Mul", number(0.37)),
    "Div by a constant": lambda b: b("Div", np.array([[[1.7]]], np.float32)),
    "Div": lambda b: b("Div", shapes=[WIDE, WIDE]),
    "Mul by a small number": lambda b: b("Mul", number(1e-3)),
    "Mul of itself": lambda b: b("Mul", noise(8, 12, 16)),
    "MatMul": lambda b: b("MatMul", shapes=[WIDE, (1, 8, 16, 5)]),
    "MatMul by a constant": lambda b: b("MatMul", noise(16, 5)),
    "MatMul of a vector": lambda b: b("MatMul", noise(16)),
    "Gemm": lambda b: b("Gemm", noise(5, 16), noise(5), shapes=[(12, 16)], transB=1),
    "Gemm, all of it": lambda b: b(
        "Gemm", noise(12, 5), noise(16, 5), shapes=[(12, 16)], transA=1, alpha=0.25, beta=0.35
    ),
    "ReduceMean": lambda b: b("ReduceMean", longs(-1, 2)),
    "ReduceMean of all": lambda b: b("ReduceMean", keepdims=0),
    "ReduceMax": lambda b: b("ReduceMax", longs(-1), shapes=[(1, 8, 12, 2)]),
    "ReduceMin": lambda b: b("ReduceMin", longs(-1, 2), keepdims=0),
    "Min": lambda b: b("Min", shapes=[WIDE, WIDE, WIDE]),
    "Max": lambda b: b("Max", shapes=[WIDE, WIDE]),
    "Concat": lambda b: b("Concat", shapes=[WIDE, (1, 3, 12, 16)], axis=1),
    "Split": lambda b: b("Split", longs(3, 5), outputs=2, axis=1),
    "Slice": lambda b: b("Slice", longs(1, -9), longs(7, 2**40), longs(1, 3), longs(2, 1)),
    "Slice backwards": lambda b: b(
        "Slice", longs(-2, 9), longs(-99, 1), longs(1, 3), longs(-2, -3)
    ),
    "Squeeze": lambda b: b("Squeeze", longs(0)),
    "Unsqueeze": lambda b: b("Unsqueeze", longs(-1)),
    "Reshape": lambda b: b("Reshape", longs(0, 4, -1, 8)),
    "Flatten": lambda b: b("Flatten", axis=2),
    "Transpose": lambda b: b("Transpose", perm=[0, 2, 3, 1]),
    "Transpose without an order": lambda b: b("Transpose"),
    "Tile": lambda b: b("Tile", longs(1, 2, 1, 3)),
    "Expand": lambda b: b("Expand", longs(2, 1, 8, 12, 16), shapes=[(8, 1, 16)]),
    "DepthToSpace, CRD": lambda b: b("DepthToSpace", blocksize=2, mode="CRD"),
    "DepthToSpace, DCR": lambda b: b("DepthToSpace", blocksize=2, mode="DCR"),
    "SpaceToDepth": lambda b: b("SpaceToDepth", blocksize=2),
    "Pad, constant": lambda b: b("Pad", longs(0, 0, 1, 2, 0, 0, 3, 0), number(-0.25)),
    "Pad, reflect": lambda b: b("Pad", longs(0, 0, 1, 2, 0, 0, 3, 0), mode="reflect"),
    "Pad, edge": lambda b: b("Pad", longs(1, 2, 3, 0), None, longs(2, 3), mode="edge"),
    "Pad, wrapped": lambda b: b("Pad", longs(0, 1, 1, 2, 0, 0, 3, 0), mode="wrap"),
    "Pad, channels reflected": lambda b: b("Pad", longs(0, 1, 0, 2, 0, 3, 0, 0), mode="reflect"),
    "Pad that crops": lambda b: b("Pad", longs(0, 0, -1, 2, 0, 0, 3, -4), number(0.5)),
    "Resize, nearest by no whole factor": lambda b: resize(b, (30, 25), mode="nearest"),
    "Resize, nearest, rounded up": lambda b: resize(
        b, (30, 32), mode="nearest", nearest_mode="ceil"
    ),
    "Resize, cubic": lambda b: resize(b, (24, 32), mode="cubic", cubic_coeff_a=-0.5),
    "Resize, cubic, shrunk": lambda b: resize(b, (7, 9), mode="cubic", exclude_outside=1),
    "Resize, antialiased": lambda b: resize(b, (5, 16), mode="cubic", antialias=1),
    "Resize, linear by stated scales": lambda b: b(
        "Resize", None, np.array([1, 1, 0.6, 1.3], np.float32), mode="linear"
    ),
    "Resize, nearest": lambda b: resize(b, (36, 32), mode="nearest"),
    "Resize, nearest, asymmetric": lambda b: resize(
        b,
        (24, 64),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    ),
    "Resize, linear": lambda b: resize(b, (24, 32), mode="linear"),
    "Resize, linear, by no whole factor": lambda b: resize(b, (31, 17), mode="linear"),
    "Resize, linear, corners aligned": lambda b: resize(
        b, (24, 32), mode="linear", coordinate_transformation_mode="align_corners"
    ),
    "Resize, linear, asymmetric": lambda b: resize(
        b, (24, 32), mode="linear", coordinate_transformation_mode="asymmetric"
    ),
    "MaxPool": lambda b: b("MaxPool", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0]),
    "AveragePool": lambda b: b("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    "AveragePool, padding counted": lambda b: b(
        "AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1
    ),
    "MaxPool, ceiling": lambda b: b(
        "MaxPool", kernel_shape=[3, 3], strides=[2, 3], pads=[1, 0, 0, 1], ceil_mode=1
    ),
    "MaxPool, dilated": lambda b: b(
        "MaxPool", kernel_shape=[2, 3], dilations=[3, 2], strides=[1, 2], pads=[1, 2, 0, 2]
    ),
    "MaxPool of one axis": lambda b: b("MaxPool", shapes=[(1, 8, 40)], kernel_shape=[3]),
    "AveragePool, dilated": lambda b: b(
        "AveragePool", kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 2, 1, 2]
    ),
    "AveragePool, ceiling": lambda b: b(
        "AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 0, 1], ceil_mode=1
    ),
    "GlobalAveragePool": lambda b: b("GlobalAveragePool"),
    "Identity": lambda b: b("Identity"),
    "Dropout": lambda b: b("Dropout"),
}


POSITIVE = {"Div", "Log", "Pow", "Reciprocal", "Sqrt"}
"""Operators that are tried away from 0, where they are not defined or have no bound."""


def inputs_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return inputs that float16 holds exactly, of different spread for each."""
    generator = np.random.default_rng(SEED)
    arrays = {}
    for index, value in enumerate(model.graph.input):
        shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        levels = generator.integers(-96, 160, shape) * (1.0 + index / 4) / 64
        if model.graph.node[0].op_type in POSITIVE:
            levels = 0.25 + np.abs(levels)
        arrays[value.name] = levels.astype(np.float16).astype(np.float32)
    return arrays
