"""Prune channels of a value and reconstruct them from the remaining ones.

The channels of an image network are strongly correlated. With w the least-squares fit of channel c
by the remaining ones, and V the weights of the layers that read it,

    V_c·x_c = Σ_i V_c·w_i·x_i + V_c·r,        so V_i ← V_i + V_c·w_i,

and the image loses only the effect of the residual r: (Σ J_c·r over the positions)², with J as in
`edge_imgq.quantize.error_model.channel_sensitivity`. That is often a hundredth of the cost without
reconstruction. With A the inverse of the second moments H of the remaining channels, all fits
follow at once: w_i = −A_ci / A_cc. The rounding noise s²/12 is added to H's diagonal, so that no
fit depends on differences that int8 does not resolve. After c is removed, the derivatives of the
others become

    J_i ← J_i + w_i·J_c,

and the costs are recomputed. Images unlike photographs (`edge_imgq.quantize.ranges.ood_images`)
have the same weight in the moments as photographs, and none of them may lose more than clipping may
cost it (`edge_imgq.quantize.ranges.guarded_clipping`).

Related: Frantar and Alistarh, "Optimal Brain Compression", NeurIPS 2022, on inputs; He, Zhang, Sun,
"Channel Pruning for Accelerating Very Deep Neural Networks", ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from edge_imgq.graph import edit
from edge_imgq.graph.operators import WEIGHT_AXIS
from edge_imgq.quantize.error_model.channel_sensitivity import signed_sum
from edge_imgq.quantize.ranges.guard_set import GuardSet
from edge_imgq.quantize.torch.torch_graph import TorchGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Batch = NDArray[np.float32]
    Numbers = NDArray[np.float64]

DRAWS = 2
SEED = 1

WIDEST = 192
"""Largest number of channels of a value; time grows with its cube, memory with its square."""


@dataclass(frozen=True)
class Products:
    """Second-order statistics of a value's channels.

    x_i are the numbers of channel i, and J_c the derivatives of the output image by channel c under
    random signs.

    Attributes:
        moments: second moments H, the mean of x·xᵀ, float64 (C, C).
        photos: Σ J_c·x_i over the positions on photographs, divided by the square root of the
            number of output values, float32 (images, draws, C, C), for two draws of the signs.
        others: the same on images unlike photographs.
    """

    moments: Numbers
    photos: Batch
    others: Batch


def readers_of(value: ir.Value) -> list[ir.Node] | None:
    """Return the ungrouped convolutions that read a value, or None if it cannot be pruned.

    It cannot be if other nodes read it or nothing does, if it is a graph output, or if it has more
    than 192 channels or an unknown number.
    """
    readers = list(value.consumers())
    plain = all(
        node.op_type in WEIGHT_AXIS
        and node.inputs[0] is value
        and node.attributes.get_int("group", 1) == 1
        and edit.is_constant(node.inputs[1])
        for node in readers
    )
    width = 0 if value.shape is None else value.shape[1]
    narrow = isinstance(width, int) and width <= WIDEST
    return readers if readers and plain and narrow and not value.is_graph_output() else None


def measure_products(
    model: ir.Model, values: Sequence[ir.Value], guard: GuardSet
) -> dict[ir.Value, Products]:
    """Measure the second-order statistics of values (N, C, H, W) of a float graph.

    Photographs and images unlike them have the same weight in the moments. Derivatives are
    estimated with random signs of a fixed seed.

    Args:
        model: float graph; it is not changed.
        values: values of its graph with static channel counts.
        guard: photographs, and images unlike them.

    Returns:
        The statistics by value; empty without values.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    if not values:
        return {}
    graph = TorchGraph(model)
    batches = guard.photos, guard.unlike
    observed = [_products(graph, values, batch, guard.one_by_one) for batch in batches]
    (photo_moments, photos), (other_moments, others) = observed
    return {
        value: Products(
            (photo_moments[value] + other_moments[value]) / 2, photos[value], others[value]
        )
        for value in values
    }


def _products(
    graph: TorchGraph,
    values: Sequence[ir.Value],
    batch: Batch,
    one_by_one: bool,
) -> tuple[dict[ir.Value, Numbers], dict[ir.Value, Batch]]:
    """Compute second moments and products with derivatives, by value."""
    batches = np.split(batch, len(batch)) if one_by_one else [batch]
    generator = torch.Generator().manual_seed(SEED)
    measured = [_of_batch(graph, values, torch.from_numpy(p), generator) for p in batches]
    moments = {v: np.mean([m[i] for m, _ in measured], axis=0) for i, v in enumerate(values)}
    products = {v: np.concatenate([p[i] for _, p in measured]) for i, v in enumerate(values)}
    return moments, products


def _of_batch(
    graph: TorchGraph,
    values: Sequence[ir.Value],
    images: Tensor,
    generator: torch.Generator,
) -> tuple[list[Numbers], list[Batch]]:
    traced = graph.trace(images.requires_grad_(), values)
    image = graph.joined(traced)
    watched = [traced[value] for value in values]
    flattened = [tensor.detach().flatten(2) for tensor in watched]
    moments = [(x @ x.mT).mean(0).double().numpy() / x.shape[2] for x in flattened]
    products: list[list[Tensor]] = [[] for _ in values]
    for _ in range(DRAWS):
        slopes = torch.autograd.grad(
            signed_sum(image, generator),
            watched,
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        for sums, slope, x in zip(products, slopes, flattened, strict=True):
            sums.append(slope.flatten(2) @ x.mT / image[0].numel() ** 0.5)
    return moments, [torch.stack(sums, 1).numpy() for sums in products]


@torch.no_grad()
def own_errors(model: ir.Model, guard: GuardSet) -> Numbers:
    """Compute the float graph's squared error on every image unlike photographs; 0 if unknown.

    It is the mean over the values of the image, clipped to 0 … `peak`, in squared units. Only
    drawings have ground truths. Images are in the order of `guard.unlike`.

    Args:
        model: float graph; it is not changed.
        guard: images and, for drawings, their ground truths.

    Returns:
        float64 (images,).

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    graph, errors = TorchGraph(model), np.zeros(len(guard.unlike))
    for index, truth in enumerate(() if guard.truths is None else guard.truths):
        image = graph(torch.from_numpy(guard.stress[index : index + 1])).clamp(0, guard.peak)
        errors[index] = float((image[:, : len(truth)] - torch.from_numpy(truth)).square().mean())
    return errors


class PruningState:
    """State of pruning the channels of one value, which has C of them.

    Attributes:
        reconstruction: R, float64 (C, C): the value is approximated by R·x with the removed
            channels of x at 0. Weights that read the value are multiplied by it.
        present: bool (C,), channels that remain.
    """

    def __init__(self, products: Products, noise: float, allowed: Numbers) -> None:
        """Start with all channels present.

        Args:
            products: statistics of the value.
            noise: rounding variance of each channel, in squared units of the value.
            allowed: squared error that each image unlike photographs may still gain, float64
                (images,); it is shared with other values and reduced in place.
        """
        count = len(products.moments)
        self._moments = products.moments + noise * np.eye(count)
        self._photos, self._others = products.photos.copy(), products.others.copy()
        self._allowed = allowed
        self.present = np.ones(count, bool)
        self.reconstruction = np.eye(count)

    def costs(self) -> Numbers:
        """Return the squared error of the image from removing each channel, float64 (C,).

        It is the mean over the photographs, with the channel reconstructed from the others.
        Infinite where an image unlike photographs would exceed its allowance, for removed channels,
        and for all if one is left.
        """
        costs = np.full(len(self.present), np.inf)
        if self.present.sum() < 2:
            return costs
        fits = self._fits()
        bearable = (self._residuals(fits, self._others) <= self._allowed[:, np.newaxis]).all(axis=0)
        allowed = self.present & bearable
        costs[allowed] = self._residuals(fits, self._photos).mean(axis=0)[allowed]
        return costs

    def prune(self, channel: int) -> None:
        """Remove a channel and reconstruct it from the others, in place.

        The error is taken from the allowance of the images unlike photographs.

        Args:
            channel: index among all C channels, from 0; it must be present.
        """
        fits = self._fits()
        self._allowed -= self._residuals(fits, self._others)[:, channel]
        fit = fits[channel]
        step = np.eye(len(fit))
        step[channel] = fit
        self.reconstruction = self.reconstruction @ step
        for products in (self._photos, self._others):
            products += (
                fit.astype(np.float32)[:, np.newaxis] * products[:, :, channel : channel + 1]
            )
        self.present[channel] = False

    def _fits(self) -> Numbers:
        """Fit each channel by the others: coefficients (C, C) with a zero diagonal."""
        remaining = np.flatnonzero(self.present)
        inverse = np.linalg.inv(self._moments[np.ix_(remaining, remaining)])
        fits = np.zeros_like(self._moments)
        fits[np.ix_(remaining, remaining)] = -inverse / np.diag(inverse)[:, np.newaxis]
        np.fill_diagonal(fits, 0)
        return fits

    def _residuals(self, fits: Numbers, products: Batch) -> Numbers:
        """Compute the squared error in every image if a channel were removed, (images, C)."""
        own = np.eye(len(fits)) - fits
        residuals: Numbers = np.einsum("ci,ndci->ndc", own, products, dtype=np.float64)
        squares: Numbers = np.square(residuals).mean(axis=1)
        return squares


def fold_into_consumers(
    graph: ir.Graph, readers: Sequence[ir.Node], reconstruction: Numbers
) -> None:
    """Multiply the weights of layers by the reconstruction of their input channels, in place.

    The products are computed in float64 and stored as float32. Biases stay.

    Args:
        graph: graph of the layers.
        readers: ungrouped Conv and ConvTranspose nodes with constant weights that read the value.
        reconstruction: float64 (C, C), as in `PruningState`.
    """
    for node in readers:
        weight, axis = node.inputs[1], 1 - WEIGHT_AXIS[node.op_type]
        assert weight is not None
        array = np.moveaxis(edit.contents(weight).astype(np.float64), axis, -1) @ reconstruction
        array = np.moveaxis(array, -1, axis).astype(np.float32)
        node.replace_input_with(1, edit.add_constant(graph, f"{weight.name}.inherited", array))
