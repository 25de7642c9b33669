"""Sensitivity of the output image to errors in each channel of the activations.

Let J be the derivative of the output image with respect to a value x of the graph. Independent
errors of variance σ² in channel c raise the mean squared error of the image by A_c·σ², where A_c is
the sum of J² over the positions of c divided by the number of output values. One backward pass with
random signs as the output's cotangent gives an unbiased estimate for all values at once
(Hutchinson, "A Stochastic Estimator of the Trace of the Influence Matrix", 1989).

Zeros, as rectifiers produce, are stored without error, so zero positions do not count.

The same products with x instead of independent errors estimate the error of the image without the
channel: (Σ J·x over its positions)².
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from edge_imgq.quantize.steps.channel_equivalence import find_channels
from edge_imgq.quantize.torch.torch_graph import TorchGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS = 2
SEED = 0

AT_ONCE = 300_000_000
"""Largest number of activation values held in memory, 1.2 GB of float32; larger batches are
split."""


@dataclass(frozen=True)
class ChannelSensitivity:
    """Sensitivity statistics of the channels of one value, each float64 (channels,).

    Attributes:
        error: A, squared error of the image per unit of error variance of the channel; positions
            where the channel is 0 have no error.
        energy: mean square of the channel.
        absence: squared error of the image if the channel were zero, to first order.
        everywhere: as `error`, with zero positions counted.
    """

    error: NDArray[np.float64]
    energy: NDArray[np.float64]
    absence: NDArray[np.float64]
    everywhere: NDArray[np.float64]

    def with_gains(self, gains: NDArray[np.float64]) -> ChannelSensitivity:
        """Return the statistics after channels get gains that their readers divide out.

        Errors are divided by gain², the mean square is multiplied by it; absence stays.

        Args:
            gains: positive factor of each channel, float64 (channels,).
        """
        squares = gains**2
        return ChannelSensitivity(
            self.error / squares, self.energy * squares, self.absence, self.everywhere / squares
        )


def measure_sensitivity(
    model: ir.Model,
    values: Sequence[ir.Value],
    batch: NDArray[np.float32],
    at_once: int = AT_ONCE,
    *,
    one_by_one: bool = False,
) -> dict[ir.Value, ChannelSensitivity]:
    """Estimate the sensitivity statistics of values (N, C, H, W) of a float graph.

    Gradients under random signs with a fixed seed are used, so the statistics are estimates. The
    number of sub-batches changes the signs and the order of sums, hence the result slightly.

    Args:
        model: float graph; it is not changed.
        values: values of its graph.
        batch: network inputs, float32 (N, C, H, W), 0 … peak.
        at_once: largest number of activation values held in memory; one image is the minimum.
        one_by_one: whether the graph takes one image at a time.

    Returns:
        The statistics by value, means over the images.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    graph = TorchGraph(model)
    generator = torch.Generator().manual_seed(SEED)
    count = len(batch) if one_by_one else _sub_batches(model.graph, batch.shape, at_once)
    per_sub_batch = [
        [
            rows * (len(sub_batch) / len(batch))
            for rows in _of_sub_batch(graph, values, sub_batch, generator)
        ]
        for sub_batch in np.array_split(batch, count)
    ]
    totals = [torch.stack(rows).sum(0).numpy() for rows in zip(*per_sub_batch, strict=True)]
    return {value: ChannelSensitivity(*total) for value, total in zip(values, totals, strict=True)}


def _sub_batches(graph: ir.Graph, shape: tuple[int, ...], at_once: int) -> int:
    """Return the number of sub-batches of a batch (N, C, H, W) whose activations fit in memory.

    Every value counts as if it had the height and width of the input.
    """
    count, _, height, width = shape
    channels = sum(_channels(value) for node in graph for value in node.outputs)
    return min(count, -(-channels * count * height * width // at_once))


def _channels(value: ir.Value) -> int:
    channels = value.shape[1] if value.shape and len(value.shape) == 4 else 0
    return channels if isinstance(channels, int) else 0


def _of_sub_batch(
    graph: TorchGraph,
    values: Sequence[ir.Value],
    sub_batch: NDArray[np.float32],
    generator: torch.Generator,
) -> list[Tensor]:
    """Compute the rows of `ChannelSensitivity` per value on a sub-batch, float64 (4, channels)."""
    entry = torch.from_numpy(sub_batch).requires_grad_()
    traced = graph.trace(entry, values)
    image = graph.joined(traced)
    watched = [traced[value] for value in values]
    # Leaves that do not depend on the image are listed too, else their hooks do not run.
    ends = [entry, *(tensor for tensor in watched if tensor.is_leaf)]
    sums = [torch.zeros(4, tensor.shape[1], dtype=torch.float64) for tensor in watched]
    # Hooks reduce each gradient as soon as it is computed: keeping all of them would take as much
    # memory as all values.
    for total, tensor in zip(sums, watched, strict=True):
        total[1] = tensor.detach().square().mean((0, 2, 3))
        tensor.register_hook(  # type: ignore[no-untyped-call]
            partial(_add_products, total, tensor.detach(), image.numel())
        )
    for _ in range(DRAWS):
        drawn = signed_sum(image, generator)
        torch.autograd.grad(drawn, ends, retain_graph=True, allow_unused=True)
    return sums


def channel_sensitivity(
    model: ir.Model, batch: NDArray[np.float32], *, one_by_one: bool = False
) -> dict[str, ChannelSensitivity]:
    """Estimate the sensitivity statistics of all values in `find_channels`, by value name.

    Empty if no channel of the graph can be scaled or copied. Random signs have a fixed seed.

    Args:
        model: float graph; it is not changed.
        batch: network inputs, float32 (N, C, H, W), 0 … peak.
        one_by_one: whether the graph takes one image at a time.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    channels = find_channels(model.graph)
    if not (channels.scalable | channels.copyable).any():
        return {}
    sensitivities = measure_sensitivity(model, list(channels.of), batch, one_by_one=one_by_one)
    return {value.name or "": sensitivity for value, sensitivity in sensitivities.items()}


def signed_sum(image: Tensor, generator: torch.Generator) -> Tensor:
    """Sum the values of an image, of any shape, under random signs; the result is a scalar.

    Signs are +1 or −1 with equal probability. The gradient of the sum is the product of the signs
    and the Jacobian. A sum because torch, given the signs as a cotangent, imports its symbolic
    shapes, which takes half a second.

    Args:
        image: float32 tensor.
        generator: source of the signs; it advances.
    """
    signs = torch.randint(0, 2, image.shape, generator=generator) * 2.0 - 1
    return (image * signs).sum()


def _add_products(total: Tensor, tensor: Tensor, count: int, slope: Tensor | None) -> None:
    """Add the products of one random draw; no slope means that the output ignores the value."""
    if slope is not None:
        total[[0, 2, 3]] += _products(slope, tensor) / count / DRAWS


def _products(slope: Tensor, tensor: Tensor) -> Tensor:
    """Compute the terms of error, absence and everywhere of one random draw, (3, channels)."""
    # Summing in float64 would first convert every value, which takes most of the time.
    squares = slope.square()
    error = squares.masked_fill(tensor == 0, 0.0).sum((0, 2, 3))
    absence = (slope * tensor).sum((2, 3)).square().sum(0)
    return torch.stack([error, absence, squares.sum((0, 2, 3))]).double()


def image_weights(
    model: ir.Model, batch: NDArray[np.float32], *, one_by_one: bool = False
) -> dict[str, NDArray[np.float64]]:
    """Estimate the squared error of the image per squared error in each channel, by value name.

    float64 (C,) for each 4-D (N, C, H, W) output of a node; other values are left out. Random signs
    have a fixed seed.

    Args:
        model: float graph; it is not changed.
        batch: network inputs, float32 (N, C, H, W), 0 … peak.
        one_by_one: whether the graph takes one image at a time.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    values = [v for node in model.graph for v in node.outputs if v.shape and len(v.shape) == 4]
    sensitivities = measure_sensitivity(model, values, batch, one_by_one=one_by_one)
    return {value.name or "": sensitivity.error for value, sensitivity in sensitivities.items()}
