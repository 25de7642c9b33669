"""Random image networks from the covered operators.

Hypothesis draws a number, from which everything else is drawn evenly: its own choices repeat what
it has drawn, so that of 500 operators some kinds were one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.export.tflite.witness import Case

SEED = 21
MAX_CHANNELS, MAX_SIDE = 24, 40


@dataclass
class Drawing:
    """A network in the making: its nodes as text, its constants, the values so far."""

    chance: Random
    lines: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    values: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    @property
    def last(self) -> tuple[str, tuple[int, ...]]:
        return self.values[-1]

    def weights(self, *shape: int, scale: float) -> str:
        generator = np.random.default_rng((SEED, len(self.constants), *shape))
        return self.constant(generator.normal(0, scale, shape).astype(np.float32))

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(values)
        return name

    def add(self, expression: str, shape: tuple[int, ...]) -> None:
        name = f"v{len(self.values)}"
        self.lines.append(f"{name} = {expression}")
        self.values.append((name, shape))

    def pick(self, *choices: Any) -> Any:
        return self.chance.choice(choices)


def convolution(net: Drawing) -> None:
    name, (_, channels, height, width) = net.last
    kernel, dilation = net.pick((1, 1), (3, 1), (3, 2), (5, 1))
    stride = net.pick(1, 1, 2) if min(height, width) >= 8 else 1
    depthwise = net.pick(False, False, True)
    outputs = channels if depthwise else net.pick(3, 4, 8)
    group = channels if depthwise else 1
    fan = channels // group * kernel**2
    weight = net.weights(outputs, channels // group, kernel, kernel, scale=fan**-0.5)
    bias = net.weights(outputs, scale=0.1)
    pad = (kernel - 1) * dilation // 2
    attributes = (
        f"kernel_shape=[{kernel},{kernel}], strides=[{stride},{stride}], group={group}, "
        f"dilations=[{dilation},{dilation}], pads=[{pad},{pad},{pad},{pad}]"
    )
    sides = ((height - 1) // stride + 1, (width - 1) // stride + 1)
    net.add(f"Conv<{attributes}>({name}, {weight}, {bias})", (1, outputs, *sides))


def deconvolution(net: Drawing) -> None:
    name, (_, channels, height, width) = net.last
    if max(height, width) * 2 > MAX_SIDE:
        return
    kernel, pad, extra = net.pick((4, 1, 0), (3, 1, 1), (2, 0, 0), (3, 0, 0))
    outputs = net.pick(3, 4)
    weight = net.weights(channels, outputs, kernel, kernel, scale=2 / (channels**0.5 * kernel))
    attributes = f"strides=[2,2], pads=[{pad},{pad},{pad},{pad}], output_padding=[{extra},{extra}]"
    sides = tuple((side - 1) * 2 + kernel - 2 * pad + extra for side in (height, width))
    net.add(f"ConvTranspose<{attributes}>({name}, {weight})", (1, outputs, *sides))


def activation(net: Drawing) -> None:
    name, shape = net.last
    slopes = net.weights(shape[1], 1, 1, scale=0.4)
    low, high = net.constant(np.float32(-0.75)), net.constant(np.float32(1.25))
    net.add(
        net.pick(
            f"Relu({name})", f"PRelu({name}, {slopes})",
            f"Clip({name}, {low}, {high})", f"Sigmoid({name})", f"Tanh({name})",
            f"HardSigmoid({name})", f"HardSwish({name})", f"Gelu({name})", f"Elu({name})",
        ),
        shape,
    )  # fmt: skip


def leaky(net: Drawing) -> None:
    name, shape = net.last
    net.add(f"LeakyRelu<alpha=0.2>({name})", shape)


def arithmetic(net: Drawing) -> None:
    name, shape = net.last
    others = [value for value, its in net.values[:-1] if its == shape]
    number = net.constant(np.float32(net.pick(0.5, -0.7, 1.5)))
    other = net.pick(*others, number) if others else number
    kind = net.pick("Add", "Sub", "Mul", "Max", "Min")
    net.add(f"{kind}({name}, {other})", shape)


def joined(net: Drawing) -> None:
    name, shape = net.last
    others = [(v, its) for v, its in net.values if its[2:] == shape[2:]]
    other, its = net.pick(*others)
    if shape[1] + its[1] <= MAX_CHANNELS:
        net.add(f"Concat<axis=1>({name}, {other})", (1, shape[1] + its[1], *shape[2:]))


def gated(net: Drawing) -> None:
    name, shape = net.last
    if shape[1] % 2:
        return
    half = (1, shape[1] // 2, *shape[2:])
    one, other = f"g{len(net.lines)}", f"h{len(net.lines)}"
    net.lines.append(f"{one}, {other} = Split<axis=1, num_outputs=2>({name})")
    net.add(f"Mul({one}, {other})", half)


def attended(net: Drawing) -> None:
    name, shape = net.last
    net.add(f"GlobalAveragePool({name})", (1, shape[1], 1, 1))
    net.add(f"Mul({name}, {net.last[0]})", shape)


def padded(net: Drawing) -> None:
    name, shape = net.last
    if min(shape[2:]) < 4 or max(shape[2:]) > MAX_SIDE - 4:
        return
    mode = net.pick("constant", "reflect", "edge")
    pads = net.constant(np.array([0, 0, 1, 2, 0, 0, 2, 0], np.int64))
    net.add(f'Pad<mode="{mode}">({name}, {pads})', (1, shape[1], shape[2] + 3, shape[3] + 2))


def doubled(net: Drawing) -> None:
    """Nearest neighbours, which are copied."""
    name, shape = net.last
    if max(shape[2:]) * 2 <= MAX_SIDE:
        scales = net.constant(np.array([1, 1, 2, 2], np.float32))
        mode = 'mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"'
        net.add(f"Resize<{mode}>({name}, , {scales})", (*shape[:2], 2 * shape[2], 2 * shape[3]))


def interpolated(net: Drawing) -> None:
    name, shape = net.last
    if max(shape[2:]) * 2 > MAX_SIDE:
        return
    grid = net.pick("half_pixel", "half_pixel", "asymmetric", "align_corners")
    height, width = (net.pick(2 * side, 2 * side, side + 3, 2 * side - 1) for side in shape[2:])
    sizes = net.constant(np.array([*shape[:2], height, width], np.int64))
    head = f'mode="linear", coordinate_transformation_mode="{grid}"'
    net.add(f"Resize<{head}>({name}, , , {sizes})", (*shape[:2], height, width))


def shuffled(net: Drawing) -> None:
    name, (_, channels, height, width) = net.last
    if channels % 4 == 0 and max(height, width) * 2 <= MAX_SIDE:
        mode = net.pick("DCR", "CRD")
        net.add(
            f'DepthToSpace<blocksize=2, mode="{mode}">({name})',
            (1, channels // 4, 2 * height, 2 * width),
        )
    elif height % 2 == width % 2 == 0 and channels * 4 <= MAX_CHANNELS:
        net.add(f"SpaceToDepth<blocksize=2>({name})", (1, channels * 4, height // 2, width // 2))


def pooled(net: Drawing) -> None:
    name, (_, channels, height, width) = net.last
    if min(height, width) < 4:
        return
    kind = net.pick("MaxPool", "AveragePool")
    shape = (1, channels, height // 2, width // 2)
    net.add(f"{kind}<kernel_shape=[2,2], strides=[2,2]>({name})", shape)


def unpadded(net: Drawing) -> None:
    """A convolution that returns a smaller image, as attention blocks have them."""
    name, (_, channels, height, width) = net.last
    kernel, stride = net.pick(2, 3), net.pick(1, 2, 2)
    if min(height, width) < 2 * kernel:
        return
    outputs = net.pick(3, 4, 8)
    weight = net.weights(outputs, channels, kernel, kernel, scale=(channels * kernel**2) ** -0.5)
    sides = ((side - kernel) // stride + 1 for side in (height, width))
    net.add(f"Conv<strides=[{stride},{stride}]>({name}, {weight})", (1, outputs, *sides))


def uneven(net: Drawing) -> None:
    """A convolution of one, two or three rows that keeps the size, padded anyhow."""
    name, (_, channels, height, width) = net.last
    rows, columns, outputs = net.pick(1, 1, 2, 3), net.pick(1, 3), net.pick(3, 4, 8)
    top, left = net.pick(*range(rows)), net.pick(*range(columns))
    weight = net.weights(outputs, channels, rows, columns, scale=(channels * rows) ** -0.5)
    pads = f"pads=[{top},{left},{rows - 1 - top},{columns - 1 - left}]"
    net.add(f"Conv<{pads}>({name}, {weight})", (1, outputs, height, width))


def pooled_far(net: Drawing) -> None:
    """Pooling whose windows overlap and leave rows out at the end."""
    name, (_, channels, height, width) = net.last
    kernel, stride = net.pick((3, 2), (3, 2), (7, 3), (5, 2))
    if min(height, width) >= kernel:
        kind = net.pick("MaxPool", "AveragePool")
        sides = ((side - kernel) // stride + 1 for side in (height, width))
        attributes = f"kernel_shape=[{kernel},{kernel}], strides=[{stride},{stride}]"
        net.add(f"{kind}<{attributes}>({name})", (1, channels, *sides))


def gate(net: Drawing) -> None:
    """The image, back at the size of an earlier one, as that one's gate."""
    name, (_, channels, *_) = net.last
    gated, shape = net.pick(*net.values)
    sizes = net.constant(np.array([1, channels, *shape[2:]], np.int64))
    half = 'mode="linear", coordinate_transformation_mode="half_pixel"'
    net.add(f"Resize<{half}>({name}, , , {sizes})", (1, channels, *shape[2:]))
    weight = net.weights(shape[1], channels, 1, 1, scale=channels**-0.5)
    net.add(f"Conv({net.last[0]}, {weight})", shape)
    net.add(f"Sigmoid({net.last[0]})", shape)
    net.add(f"Mul({gated}, {net.last[0]})", shape)


def normalised(net: Drawing) -> None:
    name, shape = net.last
    gain = net.constant(np.linspace(0.5, 1.5, shape[1]).astype(np.float32))
    shift = net.constant(np.linspace(-0.2, 0.2, shape[1]).astype(np.float32))
    net.add(f"InstanceNormalization({name}, {gain}, {shift})", shape)


FOR_INT8 = (convolution, activation, leaky, arithmetic, joined, gated, padded, shuffled, attended,
            pooled, doubled, deconvolution, interpolated, normalised)  # fmt: skip
"""What int8 networks are drawn from: on images of 4 x 4 values, to which the others shrink them,
one value that a LeakyRelu tips is 2 % of all."""

EVERY = (*FOR_INT8, unpadded, pooled_far, gate)
BY_ROWS = (convolution, uneven, activation, arithmetic, joined, unpadded, pooled_far, gate)
"""What surrounds the stretches that compute on even and odd rows."""

ANY, EVEN = ((8, 12, 13), (8, 10, 15)), ((8, 12, 16), (8, 10, 14))
"""Heights and widths to draw from."""


def chances() -> st.SearchStrategy[Random]:
    """Return what draws the numbers that networks are made from."""
    return st.integers(0, 2**64 - 1).map(Random)


@st.composite
def networks(draw: Any, steps: tuple[Any, ...] = EVERY, most: int = 7, sides: Any = ANY) -> Case:
    """Return a network from x of a few channels to y, an image again."""
    net = Drawing(draw(chances()))
    shape = (1, net.pick(1, 3, 4), net.pick(*sides[0]), net.pick(*sides[1]))
    net.values.append(("x", shape))
    convolution(net)
    for step in net.chance.choices(steps, k=net.chance.randint(1, most)):
        step(net)
    name, (_, channels, _, _) = net.last
    weight = net.weights(3, channels, 1, 1, scale=channels**-0.5)
    body = " ".join([*net.lines, f"y = Conv({name}, {weight})"])
    used = {key: value for key, value in net.constants.items() if key in _words(body)}
    return Case(body, shape, used)


def _words(text: str) -> set[str]:
    return set(text.replace(",", " ").replace("(", " ").replace(")", " ").split())
