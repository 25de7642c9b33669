"""Rewrite of a convolution with three rows by Winograd F(2,3): two thirds of the products.

Two output rows need four input rows d and three weight rows g: six products. Winograd's minimal
filtering F(2,3) needs four, with sums that are computed once:

    m₀ = (d₀ − d₂)·g₀                    y₀ = m₀ + m₁ + m₂
    m₁ = (d₁ + d₂)·(g₀ + g₁ + g₂)/2      y₁ = m₁ − m₂ − m₃
    m₂ = (d₂ − d₁)·(g₀ − g₁ + g₂)/2
    m₃ = (d₁ − d₃)·g₂

Each product is a one-row convolution over all channels. Images are stored as even rows E and odd
rows O, so d₀ … d₃ at row t are O[t−1], E[t], O[t], E[t+1], and y₀ and y₁ are the even and odd rows
of the output. The sums are elementwise on whole images.

Exact in real numbers; float32 rounding differs in the last digits. An int8 sum would need nine
bits, so the rewrite is for float files only.

Source: Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray, "Fast Algorithms
for Convolutional Neural Networks", CVPR 2016.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edge_imgq.export.tflite.kernel_rewrites.row_parity_split import RowParity
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import SameConvolution
from edge_imgq.graph.network import Operation, Tensor

ROWS = 3
UPPER, LOWER = (1.0, -1.0, 0.0), (0.0, 1.0, -1.0)
"""Taps of x[t−1] − x[t] and of x[t] − x[t+1]."""


def takes_winograd(convolution: SameConvolution) -> bool:
    """Return True if a convolution has a kernel of three rows with one row of padding above."""
    return convolution.kernel[0] == ROWS and convolution.start[0] == 1


@dataclass(frozen=True)
class WinogradF23:
    """A convolution of three rows, from even and odd rows to even and odd rows.

    Attributes:
        convolution: satisfies `takes_winograd`; float32.
        source: even and odd rows of its input, (N, C_in, H / 2, W) each.
        target: even and odd rows of its output, (N, C_out, H / 2, W) each.
    """

    convolution: SameConvolution
    source: RowParity
    target: RowParity

    def operations(self) -> tuple[Operation, ...]:
        """Return the operations of Winograd's F(2, 3) along rows, in float32.

        They are four one-row convolutions and sums of their inputs and outputs, instead of six
        one-row convolutions. Each sum directly precedes the convolution that reads it. Exact in
        real numbers; float32 rounding differs.
        """
        even, odd = self.source.even, self.source.odd
        name = self.convolution.operation.name
        product = [self._like(self.target.even, f"{name}/product{i}") for i in range(4)]
        data = [self._like(even, f"{name}/sum{i}") for i in range(4)]
        total = self._like(self.target.even, f"{name}/total")
        difference = self._like(self.target.even, f"{name}/difference")
        clipped = self.convolution.operation.activation
        return (
            Operation("Add", data[1].name, (even, odd), (data[1],), {}),
            self._product(1, data[1], product[1]),
            Operation("Sub", data[2].name, (odd, even), (data[2],), {}),
            self._product(2, data[2], product[2]),
            Operation("Add", total.name, (product[1], product[2]), (total,), {}),
            Operation("Sub", difference.name, (product[1], product[2]), (difference,), {}),
            _neighbours(odd, data[0], UPPER),
            self._product(0, data[0], product[0]),
            Operation("Add", f"{name}/even", (product[0], total), (self.target.even,), {}, clipped),
            _neighbours(even, data[3], LOWER),
            self._product(3, data[3], product[3]),
            Operation(
                "Sub", f"{name}/odd", (difference, product[3]), (self.target.odd,), {}, clipped
            ),
        )

    def _like(self, tensor: Tensor, name: str) -> Tensor:
        return replace(tensor, name=name)

    def _product(self, index: int, source: Tensor, target: Tensor) -> Operation:
        convolution = self.convolution
        weight = _weights(convolution.weight)[index]
        bias = convolution.bias if index == 1 else None
        left = convolution.start[1]
        attributes = {
            **convolution.operation.attributes,
            "kernel_shape": weight.shape[2:],
            "pads": (0, left, 0, convolution.kernel[1] - 1 - left),
        }
        inputs = (source, weight) if bias is None else (source, weight, bias)
        return Operation("Conv", target.name, inputs, (target,), attributes)


def _weights(weight: Tensor) -> tuple[Tensor, ...]:
    """Return the weights of the four products, (O, I, 1, L) each."""
    assert weight.data is not None
    exact = weight.data.astype(np.float64)
    above, here, below = exact[:, :, :1], exact[:, :, 1:2], exact[:, :, 2:]
    sums = (above, (above + here + below) / 2, (above - here + below) / 2, below)
    return tuple(_constant(f"{weight.name}/minimal{i}", data) for i, data in enumerate(sums))


def _neighbours(source: Tensor, target: Tensor, taps: tuple[float, float, float]) -> Operation:
    channels = source.shape[1]
    data = np.broadcast_to(np.reshape(taps, (1, 1, ROWS, 1)), (channels, 1, ROWS, 1))
    weight = _constant(f"{target.name}/taps", data)
    attributes = {"group": channels, "kernel_shape": (ROWS, 1), "pads": (1, 0, 1, 0)}
    return Operation("Conv", target.name, (source, weight), (target,), attributes)


def _constant(name: str, data: Any) -> Tensor:
    data = np.ascontiguousarray(data, np.float32)
    return Tensor(name, tuple(data.shape), data=data)
