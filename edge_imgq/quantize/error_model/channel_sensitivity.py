"""What a small error in each channel does to the output image.

With J the derivative of the output image by a value x of the graph, independent errors of variance
σ² in channel c raise the mean squared error of the image by A_c·σ², A_c being the sum of J² over
the positions of c, divided by the number of output values. One backward pass with random signs as
the output's cotangent gives an unbiased estimate of it for all values at once (Hutchinson, "A
Stochastic Estimator of the Trace of the Influence Matrix", 1989).

A rectified value that is zero is stored without error, so such positions do not count.

With x itself in place of independent errors, the same products say what the image would lose
without the channel: Σ J·x over its positions, squared.
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
"""Numbers of values that are kept at once for their slopes, 1.2 GB: a batch of a network with
hundreds of layers is computed in parts."""


@dataclass(frozen=True)
class ChannelSensitivity:
    """Statistics of the channels of one value.

    Attributes:
        error: A, float64 (channels,): squared error of the image per variance of the channel.
        energy: mean square of the channel, float64 (channels,).
        absence: squared error of the image if the channel were zero, to first order, float64
            (channels,).
        everywhere: as `error`, with positions that are zero, float64 (channels,).
    """

    error: NDArray[np.float64]
    energy: NDArray[np.float64]
    absence: NDArray[np.float64]
    everywhere: NDArray[np.float64]

    def with_gains(self, gains: NDArray[np.float64]) -> ChannelSensitivity:
        """Return the statistics of channels that got gains which the graph undoes behind them."""
        squares = gains**2
        return ChannelSensitivity(
            self.error / squares, self.energy * squares, self.absence, self.everywhere / squares
        )


def measure_sensitivity(
    model: ir.Model,
    values: Sequence[ir.Value],
    batch: NDArray[np.float32],
    at_once: int = AT_ONCE,
) -> dict[ir.Value, ChannelSensitivity]:
    """Return the statistics of some values (N, C, H, W) of a float graph.

    Args:
        model: float graph.
        values: computed by it.
        batch: network inputs (N, C, H, W).
        at_once: numbers that may be kept at once, at one image at least. Fewer parts and more
            differ by the order of sums and by the random signs.

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    graph = TorchGraph(model)
    generator = torch.Generator().manual_seed(SEED)
    parts = [
        [rows * (len(part) / len(batch)) for rows in _of_part(graph, values, part, generator)]
        for part in np.array_split(batch, _parts(model.graph, batch.shape, at_once))
    ]
    totals = [torch.stack(rows).sum(0).numpy() for rows in zip(*parts, strict=True)]
    return {value: ChannelSensitivity(*total) for value, total in zip(values, totals, strict=True)}


def _parts(graph: ir.Graph, shape: tuple[int, ...], at_once: int) -> int:
    """Return in how many parts a batch (N, C, H, W) is computed, so that its values fit in memory.

    Every value counts as if it had the height and width of the input.
    """
    count, _, height, width = shape
    channels = sum(_channels(value) for node in graph for value in node.outputs)
    return min(count, -(-channels * count * height * width // at_once))


def _channels(value: ir.Value) -> int:
    channels = value.shape[1] if value.shape and len(value.shape) == 4 else 0
    return channels if isinstance(channels, int) else 0


def _of_part(
    graph: TorchGraph,
    values: Sequence[ir.Value],
    part: NDArray[np.float32],
    generator: torch.Generator,
) -> list[Tensor]:
    """Return the rows of `ChannelSensitivity` for each value, float64 (4, channels)."""
    entry = torch.from_numpy(part).requires_grad_()
    traced = graph.trace(entry, values)
    image = graph.joined(traced)
    watched = [traced[value] for value in values]
    # A plane that does not depend on the image has a slope that no path to the image passes.
    ends = [entry, *(tensor for tensor in watched if tensor.is_leaf)]
    sums = [torch.zeros(4, tensor.shape[1], dtype=torch.float64) for tensor in watched]
    # Each slope is looked at when it is there and given up: all of them would take as much memory
    # as all values.
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
    model: ir.Model, batch: NDArray[np.float32]
) -> dict[str, ChannelSensitivity]:
    """Return the statistics of all values with known channels, by name; none without a use.

    Args:
        model: float graph.
        batch: network inputs (N, C, H, W).

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    channels = find_channels(model.graph)
    if not (channels.scalable | channels.copyable).any():
        return {}
    found = measure_sensitivity(model, list(channels.of), batch)
    return {value.name or "": sensitivity for value, sensitivity in found.items()}


def signed_sum(image: Tensor, generator: torch.Generator) -> Tensor:
    """Return the sum of an image's values under random signs, which are its derivative.

    Given the signs as a cotangent, torch imports its symbolic shapes to compare them with the
    image: half a second.
    """
    signs = torch.randint(0, 2, image.shape, generator=generator) * 2.0 - 1
    return (image * signs).sum()


def _add_products(total: Tensor, tensor: Tensor, count: int, slope: Tensor | None) -> None:
    """Add what one draw says of a value; torch gives no slope where the image does not change."""
    if slope is not None:
        total[[0, 2, 3]] += _products(slope, tensor) / count / DRAWS


def _products(slope: Tensor, tensor: Tensor) -> Tensor:
    """Return what one draw adds to error, absence and everywhere, (3, channels)."""
    # Sums in float64 would copy every value to it first, which takes most of the time.
    squares = slope.square()
    error = squares.masked_fill(tensor == 0, 0.0).sum((0, 2, 3))
    absence = (slope * tensor).sum((2, 3)).square().sum(0)
    return torch.stack([error, absence, squares.sum((0, 2, 3))]).double()


def image_weights(model: ir.Model, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
    """Return what a squared error in each channel does to the image, by the name of the value.

    Values that are no images (N, C, H, W) are left out.

    Args:
        model: float graph.
        batch: network inputs (N, C, H, W).

    Raises:
        NotCoveredError: an operator has no torch form.
    """
    values = [v for node in model.graph for v in node.outputs if v.shape and len(v.shape) == 4]
    found = measure_sensitivity(model, values, batch)
    return {value.name or "": sensitivity.error for value, sensitivity in found.items()}
