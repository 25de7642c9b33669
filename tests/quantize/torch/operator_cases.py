"""Cases of the torch form of operators: an expression of an image by the operator and its use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
import torch

from edge_imgq.quantize.torch.torch_graph import TorchGraph
from edge_imgq.quantize.torch.torch_operators import OPERATORS
from tests.graph.build import parsed, run, weights

GENERATOR = np.random.default_rng(0)
SIZE = (9, 11)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


def floats(*values: float) -> Any:
    return np.array(values, np.float32)


KERNEL = weights(GENERATOR, 6, 6, 3, 3)
WIDE_KERNEL = weights(GENERATOR, 6, 6, 4, 5)
BIAS = floats(0.1, -0.2, 0.3, 0.4, -0.5, 0.6)

CASES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "Abs": ("Abs(centred)", {}),
    "Add": ("Add(image, c)", {"c": floats(0.3)}),
    "AveragePool": ("AveragePool<kernel_shape=[3,3]>(image)", {}),
    "AveragePool, padded": (
        "AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,0,1,2]>(image)",
        {},
    ),
    "AveragePool, padding counted": (
        "AveragePool<kernel_shape=[3,3], pads=[1,1,1,1], count_include_pad=1>(image)",
        {},
    ),
    "AveragePool, ceiled": (
        "AveragePool<kernel_shape=[2,4], strides=[2,4], ceil_mode=1>(image)",
        {},
    ),
    "AveragePool, as large": (
        'AveragePool<kernel_shape=[3,2], strides=[2,1], auto_pad="SAME_LOWER">(image)',
        {},
    ),
    "Cast": ("Cast<to=1>(image)", {}),
    "Cast, to integers": ("Cast<to=1>(whole)", {}),
    "Clip": ("Clip(centred, low, high)", {"low": np.float32(-0.2), "high": np.float32(0.1)}),
    "Clip, below": ("Clip(centred, low)", {"low": np.float32(-0.1)}),
    "Clip, above": ('Clip(centred, "", high)', {"high": np.float32(0.1)}),
    "Concat": ("Concat<axis=-3>(image, centred)", {}),
    "Conv": ("Conv<pads=[0,1,2,0], dilations=[1,2]>(image, k, b)", {"k": KERNEL, "b": BIAS}),
    "Conv, as large": ('Conv<auto_pad="SAME_UPPER", strides=[2,3]>(image, k)', {"k": WIDE_KERNEL}),
    "Conv, lower": ('Conv<auto_pad="SAME_LOWER">(image, k)', {"k": WIDE_KERNEL}),
    "Conv, valid": ('Conv<auto_pad="VALID">(image, k)', {"k": WIDE_KERNEL}),
    "Conv, grouped": ("Conv<group=3>(image, k)", {"k": weights(GENERATOR, 6, 2, 3, 3)}),
    "ConvTranspose": (
        "ConvTranspose<strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]>(image, k, b)",
        {"k": KERNEL, "b": BIAS},
    ),
    "ConvTranspose, beyond its taps": (
        "ConvTranspose<strides=[2,2], output_padding=[1,0]>(image, k, b)",
        {"k": KERNEL, "b": BIAS},
    ),
    "ConvTranspose, to a shape": (
        "ConvTranspose<strides=[2,2], output_shape=[18,22]>(image, k)",
        {"k": KERNEL},
    ),
    "ConvTranspose, as large": (
        'ConvTranspose<strides=[2,2], auto_pad="SAME_UPPER">(image, k, b)',
        {"k": KERNEL, "b": BIAS},
    ),
    "Cos": ("Cos(image)", {}),
    "DepthToSpace": (
        'DepthToSpace<blocksize=2, mode="DCR">(eight)',
        {},
    ),
    "DepthToSpace, CRD": (
        'DepthToSpace<blocksize=2, mode="CRD">(eight)',
        {},
    ),
    "Div": ("Div(image, c)", {"c": floats(0.7)}),
    "Dropout": ("Dropout(image)", {}),
    "Elu": ("Elu<alpha=0.7>(centred)", {}),
    "Erf": ("Erf(centred)", {}),
    "Exp": ("Exp(centred)", {}),
    "Expand": ("Expand(row, n)", {"n": ints(1, 6, 4, 11)}),
    "Flatten": ("Flatten(image)", {}),
    "Flatten, later": ("Flatten<axis=2>(image)", {}),
    "Flatten, last": ("Flatten<axis=-1>(image)", {}),
    "Gelu": ("Gelu(centred)", {}),
    "Gelu, tanh": ('Gelu<approximate="tanh">(centred)', {}),
    "Gemm": (
        "Gemm<transB=1, alpha=0.5, beta=2.0>(flat, k, b)",
        {"k": weights(GENERATOR, 4, 66), "b": floats(1, 2, 3, 4)},
    ),
    "GlobalAveragePool": ("GlobalAveragePool(image)", {}),
    "HardSigmoid": ("HardSigmoid(many)", {}),
    "HardSigmoid, of torch": ("HardSigmoid<alpha=0.16666667, beta=0.5>(many)", {}),
    "HardSwish": ("HardSwish(many)", {}),
    "Identity": ("Identity(image)", {}),
    "LeakyRelu": ("LeakyRelu<alpha=0.2>(centred)", {}),
    "Log": ("Log(image)", {}),
    "MatMul": ("MatMul(image, k)", {"k": weights(GENERATOR, 11, 4)}),
    "Max": ("Max(image, centred, c)", {"c": floats(0.3)}),
    "MaxPool": ("MaxPool<kernel_shape=[2,2], strides=[2,2]>(image)", {}),
    "MaxPool, padded": (
        "MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(centred)",
        {},
    ),
    "MaxPool, ceiled": ("MaxPool<kernel_shape=[3,3], strides=[3,3], ceil_mode=1>(centred)", {}),
    "MaxPool, ceiled and padded": (
        "MaxPool<kernel_shape=[2,2], strides=[4,2], pads=[1,1,1,1], ceil_mode=1>(centred)",
        {},
    ),
    "MaxPool, dilated": ("MaxPool<kernel_shape=[3,2], dilations=[2,3]>(centred)", {}),
    "MaxPool, as large": (
        'MaxPool<kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_UPPER">(centred)',
        {},
    ),
    "Min": ("Min(image, centred, c)", {"c": floats(0.3)}),
    "Mul": ("Mul(image, centred)", {}),
    "Neg": ("Neg(image)", {}),
    "PRelu": ("PRelu(centred, s)", {"s": floats(0.3, -0.5, 2, 0, 1, 0.1).reshape(6, 1, 1)}),
    "Pad": ("Pad(image, n)", {"n": ints(0, 0, 1, 2, 0, 0, 3, 1)}),
    "Pad, of channels": ("Pad(image, n, v)", {"n": ints(0, 1, 0, 0, 0, 2, 0, 0), "v": floats(0.5)}),
    "Pad, named axes": ('Pad(image, n, "", a)', {"n": ints(1, 2, 3, 4), "a": ints(-1, 2)}),
    "Pad, cropping": ("Pad(image, n)", {"n": ints(0, 0, -1, 2, 0, 0, 3, -1)}),
    "Pad, mirrored": ('Pad<mode="reflect">(image, n)', {"n": ints(0, 0, 1, 2, 0, 0, 3, 1)}),
    "Pad, edge": ('Pad<mode="edge">(image, n)', {"n": ints(0, 1, 1, 2, 0, 0, 3, 1)}),
    "Pad, around": ('Pad<mode="wrap">(image, n)', {"n": ints(0, 0, 1, 2, 0, 0, 3, 1)}),
    "Pow": ("Pow(image, c)", {"c": floats(1.7)}),
    "Reciprocal": ("Reciprocal(image)", {}),
    "ReduceL1": ("ReduceL1(centred, a)", {"a": ints(2, 3)}),
    "ReduceL2": ("ReduceL2(centred, a)", {"a": ints(-1)}),
    "ReduceL2, of all": ("ReduceL2<keepdims=0>(centred)", {}),
    "ReduceMax": ("ReduceMax(image, a)", {"a": ints(-1, 2)}),
    "ReduceMax, of all": ("ReduceMax<keepdims=0>(image)", {}),
    "ReduceMax, of none": ("ReduceMax<noop_with_empty_axes=1>(image)", {}),
    "ReduceMean": ("ReduceMean<keepdims=0>(image, a)", {"a": ints(1)}),
    "ReduceMin": ("ReduceMin(image, a)", {"a": ints(2, 3)}),
    "ReduceSum": ("ReduceSum<keepdims=0>(centred, a)", {"a": ints(2, 3)}),
    "ReduceSumSquare": ("ReduceSumSquare(centred, a)", {"a": ints(1)}),
    "Relu": ("Relu(centred)", {}),
    "Reshape": ("Reshape(image, n)", {"n": ints(0, 2, 3, -1)}),
    "Reshape, zeros allowed": ("Reshape<allowzero=1>(image, n)", {"n": ints(1, 2, 27, 11)}),
    "Resize, nearest": (
        'Resize<mode="nearest", coordinate_transformation_mode="asymmetric", '
        'nearest_mode="floor">(image, "", s)',
        {"s": floats(1, 1, 2, 3)},
    ),
    "Resize, nearest by default": ('Resize(image, "", s)', {"s": floats(1, 1, 2, 2)}),
    "Resize, shrinking to the nearest": (
        'Resize<mode="nearest", nearest_mode="floor">(image, "", s)',
        {"s": floats(1, 1, 0.5, 0.4)},
    ),
    "Resize, nearest, rounded up": (
        'Resize<mode="nearest", nearest_mode="ceil", '
        'coordinate_transformation_mode="align_corners">(image, "", s)',
        {"s": floats(1, 1, 2, 2)},
    ),
    "Resize, bilinear": ('Resize<mode="linear">(image, "", s)', {"s": floats(1, 1, 2, 1.5)}),
    "Resize, aligned": (
        'Resize<mode="linear", coordinate_transformation_mode="align_corners">(image, "", s)',
        {"s": floats(1, 1, 2, 3)},
    ),
    "Resize, to a size": ('Resize<mode="linear">(image, "", "", n)', {"n": ints(1, 6, 13, 7)}),
    "Resize, antialiased": (
        'Resize<mode="linear", antialias=1>(image, "", "", n)',
        {"n": ints(1, 6, 4, 5)},
    ),
    "Resize, cubic": (
        'Resize<mode="cubic", cubic_coeff_a=-0.5>(image, "", s)',
        {"s": floats(1, 1, 2, 2)},
    ),
    "Resize, named axes": (
        'Resize<mode="linear", axes=[2,3], keep_aspect_ratio_policy="not_larger">'
        '(image, "", "", n)',
        {"n": ints(18, 18)},
    ),
    "Round": ("Round(many)", {}),
    "Floor": ("Floor(many)", {}),
    "Ceil": ("Ceil(many)", {}),
    "Sign": ("Sign(centred)", {}),
    "Round, halves": ("Round(halves)", {}),
    "Sigmoid": ("Sigmoid(many)", {}),
    "Sin": ("Sin(many)", {}),
    "Slice": (
        "Slice(image, b, e, a, s)",
        {"b": ints(1, 2), "e": ints(8, 100), "a": ints(2, -1), "s": ints(2, 3)},
    ),
    "Slice, backwards": (
        "Slice(image, b, e, a, s)",
        {"b": ints(-1, 7), "e": ints(-(2**63), 1), "a": ints(1, 3), "s": ints(-1, -2)},
    ),
    "Softmax": ("Softmax<axis=1>(many)", {}),
    "SpaceToDepth": ("SpaceToDepth<blocksize=2>(even)", {}),
    "Split": ("Concat<axis=1>(back, front)", {}),
    "Split, in halves": ("Sub(left, right)", {}),
    "Sqrt": ("Sqrt(image)", {}),
    "Squeeze": ("Squeeze(row, a)", {"a": ints(2)}),
    "Squeeze, all": ("Squeeze(row)", {}),
    "Sub": ("Sub(image, centred)", {}),
    "Tanh": ("Tanh(many)", {}),
    "Tile": ("Tile(image, n)", {"n": ints(1, 2, 3, 1)}),
    "Transpose": ("Transpose<perm=[0,2,3,1]>(image)", {}),
    "Transpose, turned round": ("Transpose(image)", {}),
    "Unsqueeze": ("Unsqueeze(image, a)", {"a": ints(0, -1)}),
}
"""An expression of an image, and its constants, by the operator and its use."""

BEFORE = {
    "centred": ("centred = Sub(image, half)", {"half": np.float32(0.5)}),
    "many": (
        "shifted = Sub(image, half) many = Mul(shifted, ten)",
        {"half": np.float32(0.5), "ten": np.float32(10)},
    ),
    "whole": (
        "large = Mul(image, five) whole = Cast<to=7>(large)",
        {"five": np.float32(5)},
    ),
    "halves": (
        "large = Mul(image, five) whole = Cast<to=7>(large) real = Cast<to=1>(whole) "
        "halves = Mul(real, half)",
        {"five": np.float32(5), "half": np.float32(0.5)},
    ),
    "row": (
        "row = Slice(image, top, below, height)",
        {"top": ints(2), "below": ints(3), "height": ints(2)},
    ),
    "flat": (
        "row = Slice(image, top, below, height) flat = Flatten(row)",
        {"top": ints(2), "below": ints(3), "height": ints(2)},
    ),
    "even": (
        "even = Slice(image, first, last)",
        {"first": ints(0, 0, 0, 0), "last": ints(1, 6, 8, 10)},
    ),
    "eight": ("eight = Conv(image, widen)", {"widen": weights(GENERATOR, 8, 6, 1, 1)}),
    "back": ("front, back = Split<axis=1>(image, parts)", {"parts": ints(2, 4)}),
    "left": ("left, right = Split<axis=1, num_outputs=2>(image)", {}),
}
"""Statements that make what a case names, with their constants."""


def network(name: str) -> ir.Model:
    """Return the graph of a case, with the statements before it that it needs."""
    expression, constants = CASES[name]
    lines, known = [], dict(constants)
    words = re.findall(r"\w+", expression)
    for word, (line, more) in BEFORE.items():
        if word in words:
            lines.append(line)
            known |= more
    return parsed(" ".join([*lines, f"out = {expression}"]), known, "9,11")


def cases_of(file: str) -> list[str]:
    """Return the names of the cases whose operator a module of `quantize.torch` computes."""
    return [name for name in CASES if module_of(name.split(",")[0]) == file]


def module_of(kind: str) -> str:
    return OPERATORS[kind].__module__.rpartition(".")[2]


def assert_torch_form(name: str) -> None:
    """Assert that torch computes of a case what ONNX Runtime computes, to 1e-5."""
    model = network(name)
    image = np.random.default_rng(4).random((1, 6, *SIZE), np.float32) + np.float32(0.01)
    with torch.no_grad():
        found = TorchGraph(model)(torch.from_numpy(image)).numpy()
    wanted = run(model, image, exact=True)
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, atol=1e-5)
