"""One operator at a time with random attributes, drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.export.tflite.witness import Case

from .networks import (
    MAX_CHANNELS,
    Drawing,
    activation,
    arithmetic,
    attended,
    chances,
    deconvolution,
    gated,
    interpolated,
    joined,
    leaky,
    normalised,
    shuffled,
)

CLOSE = 0.6
"""Weights of this spread keep a result within the ±2 that the last scale covers, mostly."""


def numbers(net: Drawing, *values: int) -> str:
    return net.constant(np.array(values, np.int64))


def windowed(net: Drawing) -> None:
    """A convolution of any kernel, stride, dilation, group and padding."""
    name, (_, channels, _, _) = net.last
    rows, columns = net.pick(1, 2, 3, 5), net.pick(1, 3, 4)
    stride, dilation = net.pick(1, 2, 3), net.pick(1, 1, 2)
    group = net.pick(1, 1, 2, channels) if channels % 2 == 0 else net.pick(1, channels)
    outputs = group * net.pick(1, 2, 3)
    padding = net.pick('auto_pad="SAME_UPPER"', 'auto_pad="SAME_LOWER"', 'auto_pad="VALID"', "pads")
    pads = [net.pick(0, 1, 2) for _ in range(4)]
    if "auto_pad" in padding and padding != 'auto_pad="VALID"' and dilation != 1:
        padding = "pads"
    weight = net.weights(
        outputs, channels // group, rows, columns,
        scale=CLOSE * (rows * columns * channels // group) ** -0.5,
    )  # fmt: skip
    padding = f"pads={pads}" if padding == "pads" else padding
    attributes = f"strides=[{stride},{stride}], dilations=[{dilation},{dilation}], group={group}"
    bias = net.weights(outputs, scale=0.1)
    net.add(f"Conv<{attributes}, {padding}>({name}, {weight}, {bias})", ())


def cut(net: Drawing) -> None:
    name, (_, channels, _, _) = net.last
    start, step = net.pick(0, 1, -3), net.pick(1, 2)
    starts, ends = numbers(net, 0, start), numbers(net, channels, 9999)
    axes, steps = numbers(net, 1, net.pick(2, 3)), numbers(net, 1, step)
    net.add(f"Slice({name}, {starts}, {ends}, {axes}, {steps})", ())


def parted(net: Drawing) -> None:
    name, (_, channels, _, _) = net.last
    first = net.pick(*range(1, channels))
    sizes = numbers(net, first, channels - first)
    net.lines.append(f"one, other = Split<axis=1>({name}, {sizes})")
    net.add(net.pick("Concat<axis=1>(other, one)", "Identity(other)"), ())


def surrounded(net: Drawing) -> None:
    name, _ = net.last
    mode = net.pick("constant", "reflect", "edge")
    before, after = [net.pick(0, 1, 3) for _ in "hw"], [net.pick(0, 1, 2) for _ in "hw"]
    value = f", {net.constant(np.float32(0.5))}" if mode == "constant" else ""
    net.add(f'Pad<mode="{mode}">({name}, {numbers(net, 0, 0, *before, 0, 0, *after)}{value})', ())


def resized(net: Drawing) -> None:
    name, (batch, channels, height, width) = net.last
    mode, places, sizes = net.pick(
        ('mode="nearest", nearest_mode="floor"', "asymmetric", (2 * height, 2 * width)),
        ('mode="nearest", nearest_mode="floor"', "asymmetric", (3 * height, width // 2)),
        ('mode="nearest", nearest_mode="round_prefer_ceil"', "align_corners", (17, 19)),
        ('mode="linear"', "half_pixel", (2 * height, 2 * width)),
        ('mode="linear"', "pytorch_half_pixel", (height // 2, width // 2)),
        ('mode="linear"', "half_pixel", (17, 19)),
        ('mode="linear"', "align_corners", (2 * height, 2 * width)),
        ('mode="linear"', "asymmetric", (4 * height, 2 * width)),
        ('mode="linear", antialias=1', "half_pixel", (height // 2, width // 3)),
        ('mode="linear"', "half_pixel_symmetric", (2 * height - 1, width + 1)),
        ('mode="cubic"', "half_pixel", (height + 3, 2 * width - 1)),
        ('mode="cubic", antialias=1', "half_pixel", (height // 2, width // 2)),
        ('mode="nearest", nearest_mode="ceil"', "half_pixel", (2 * height, width + 5)),
    )
    target = numbers(net, batch, channels, *sizes)
    places = f'coordinate_transformation_mode="{places}"'
    net.add(f"Resize<{mode}, {places}>({name}, , , {target})", ())


def pooling(net: Drawing) -> None:
    name, _ = net.last
    rows, columns, stride = net.pick(2, 3), net.pick(1, 2, 3), net.pick(1, 2)
    pads = net.pick("pads=[0,0,0,0]", "pads=[1,0,1,0]")
    kind = net.pick("MaxPool", "AveragePool<count_include_pad=1, ", "AveragePool<")
    head = kind if kind.startswith("AveragePool<") else "MaxPool<"
    pads = "pads=[0,0,0,0]" if head == "AveragePool<" else pads
    window = f"kernel_shape=[{rows},{columns}], strides=[{stride},{stride}], {pads}"
    net.add(f"{head}{window}>({name})", ())


def averaged(net: Drawing) -> None:
    name, _ = net.last
    keep, axes = net.pick((1, (2, 3)), (0, (2, 3)), (1, (1,)), (1, (3,)), (1, (1, 2, 3)))
    net.add(f"ReduceMean<keepdims={keep}>({name}, {numbers(net, *axes)})", ())


def multiplied(net: Drawing) -> None:
    """A matrix product of the means of the channels."""
    name, (_, channels, _, _) = net.last
    mean = numbers(net, 2, 3)
    net.lines.append(f"m = ReduceMean<keepdims=0>({name}, {mean})")
    outputs = net.pick(1, 3, 7)
    square, bias = net.weights(outputs, channels, scale=1.0), net.weights(outputs, scale=0.1)
    flat = net.weights(channels, outputs, scale=1.0)
    net.add(net.pick(f"Gemm<transB=1>(m, {square}, {bias})", f"MatMul(m, {flat})"), ())


def rearranged(net: Drawing) -> None:
    name, (_, channels, height, width) = net.last
    turned = net.pick("[0,1,3,2]", "[0,2,3,1]", "[0,3,1,2]")
    flat, swapped = numbers(net, 1, channels, -1), numbers(net, 1, channels, width, height)
    net.add(
        net.pick(
            f"Transpose<perm={turned}>({name})",
            f"Reshape({name}, {flat})",
            f"Reshape({name}, {swapped})",
        ),
        (),
    )


def function(net: Drawing) -> None:
    """A function of one number, computed in float."""
    name, _ = net.last
    one, two = net.constant(np.float32(1)), net.constant(np.float32(2))
    net.lines.append(f"p = Sigmoid({name}) q = Add(p, {one})")
    net.add(
        net.pick(
            f"Abs({name})", f"Neg({name})", "Sqrt(p)", "Log(q)", "Reciprocal(q)", f"Div({name}, q)",
            f"Pow({name}, {two})", f"Softmax<axis=1>({name})", "Exp(p)",
        ),
        (),
    )  # fmt: skip


def layered(net: Drawing) -> None:
    """Layer normalisation over channels, between two transpositions."""
    name, (_, channels, _, _) = net.last
    gain = net.constant(np.linspace(0.3, 0.7, channels).astype(np.float32))
    shift = net.constant(np.linspace(-0.2, 0.2, channels).astype(np.float32))
    net.lines.append(f"l = Transpose<perm=[0,2,3,1]>({name})")
    net.lines.append(f"n = LayerNormalization<axis=-1>(l, {gain}, {shift})")
    net.add("Transpose<perm=[0,3,1,2]>(n)", ())


def between(net: Drawing) -> None:
    """Arithmetic of two halves of the input."""
    name, (_, channels, *sides) = net.last
    if channels % 2 == 0:
        net.lines.append(f"a, b = Split<axis=1, num_outputs=2>({name})")
        half = (1, channels // 2, *sides)
        net.values += [("a", half), ("b", half)]
    arithmetic(net)


EVERY: Mapping[str, Callable[[Drawing], None]] = {
    step.__name__: step
    for step in (
        windowed, deconvolution, activation, leaky, between, gated, attended, joined, cut, parted,
        surrounded, resized, interpolated, shuffled, pooling, averaged, multiplied, rearranged,
        function, normalised, layered,
    )
}  # fmt: skip


@st.composite
def operators(draw: Any) -> Case:
    """Return a network from x to y that holds one operator, and what copies into and out of it."""
    net = Drawing(draw(chances()))
    channels = net.pick(1, 2, 4, 6, 8)
    shape = (1, channels, net.pick(8, 12, 13), net.pick(8, 10, 15))
    assert channels <= MAX_CHANNELS
    net.values.append(("x", shape))
    name = net.pick(*sorted(EVERY), *["function"] * 5)  # of nine kinds
    if name in ("parted", "layered") and channels == 1:
        name = "leaky"
    EVERY[name](net)
    body = " ".join([*net.lines, f"y = Identity({net.last[0]})"])
    used = {key: value for key, value in net.constants.items() if _reads(body, key)}
    return Case(body, shape, used)


def _reads(body: str, name: str) -> bool:
    return name in body.replace(",", " ").replace("(", " ").replace(")", " ").split()
