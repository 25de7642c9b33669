"""Round weights with error feedback (GPTQ), so that errors cancel in the output.

The output of a channel is Σ w·x. Rounding one weight leaves an error e·x. The inputs of an image
network are strongly correlated, so weights not yet rounded can compensate most of it. With H the
second moments of the inputs, E the error of the weights and H = UUᵀ, U upper triangular, the
squared error of the output is the squared norm of

    E·U,  in column k:   Σ_{j<k} e_j · U_jk + e_k · U_kk,

so weights are rounded one after another, each to the integer that minimizes its column:

    q_k = round(w_k + Σ_{j<k} e_j · U_jk / U_kk),        e_j = w_j − q_j.

This is the least-squares solution at every step. With J the matrix that reverses the order, JHJ =
LLᵀ gives U = J·L·J: no inverse is needed. Layers are processed in graph order; each is fitted to
the float layer's outputs on the inputs from the layers already quantized before it is rounded
(`edge_imgq.quantize.steps.weight_reconstruction`). No labels and no gradients are needed, only some
factorizations per layer.

Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative
Pre-trained Transformers", ICLR 2023; the order by decreasing H_ii is from their code. The
equivalent formulation without the inverse: Chee, Cai, Kuleshov, De Sa, "QuIP: 2-Bit Quantization of
Large Language Models With Guarantees", NeurIPS 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import torch

from edge_imgq.graph import edit
from edge_imgq.graph.float_regions import is_marked
from edge_imgq.quantize.qdq.weights import WEIGHT_HIGH, as_int32
from edge_imgq.quantize.steps.weight_reconstruction import LayerSamples, refitted
from edge_imgq.quantize.torch.torch_graph import TorchGraph
from edge_imgq.quantize.torch.torch_windows import Sides, geometry_of, padding_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

POSITIONS = 6_000
"""Number of output positions that a layer is fitted on, drawn from all patches with a fixed
seed."""

AT_ONCE = 250
"""Number of positions gathered at once."""

SEED = 0
DAMPING = 0.01
"""Added to the diagonal of H, as a share of its mean, for inputs that were never active."""


def round_with_feedback(
    original: ir.Model,
    quantized: ir.Model,
    batch: NDArray[np.float32],
    *,
    one_by_one: bool = False,
) -> None:
    """Round the int8 weights and int32 biases of a QDQ model with error feedback (GPTQ), in place.

    Each layer is first refitted to the float layer's outputs on 6000 sampled positions, then
    rounded. Only ungrouped int8 Conv layers are changed; grouped and transposed ones keep nearest
    rounding. Positions are drawn with a fixed seed. Scales stay.

    Args:
        original: float graph that was quantized, with the same node names.
        quantized: its QDQ graph; every convolution has a bias.
        batch: network inputs, float32 (N, C, H, W), 0 … peak.
        one_by_one: whether the graphs take one image at a time. All images go through a layer
            before any goes through the next one, so that the result is the same.

    Raises:
        NotCoveredError: an operator has no torch implementation.
    """
    layers = {node.name or "" for node in quantized.graph if _is_plain(node)}
    twins = {node.name: node for node in original.graph if node.name in layers}
    images = np.split(batch, len(batch)) if one_by_one else [batch]
    targets = _targets(original, layers, images)
    executor = TorchGraph(quantized)
    with torch.no_grad():
        for layer, every in _in_step(executor, images):
            name = "" if layer is None else layer.name or ""
            if layer is None or name not in layers:
                continue
            weight = edit.contents(twins[name].inputs[1])
            fit = _fit(weight, LayerSamples(_inputs(layer, every), targets.pop(name)))
            if fit.moments.any():
                _rewrite(layer, weight.shape, fit)
                for values in every:
                    executor.reload(layer, values)


def _in_step(
    graph: TorchGraph, images: Sequence[NDArray[np.float32]]
) -> Iterator[tuple[ir.Node | None, list[dict[ir.Value, Any]]]]:
    """Run a graph on several inputs node by node; yield each node with the values of every input.

    A node is yielded before it runs on any of the inputs.
    """
    for steps in zip(*(graph.walk(torch.from_numpy(chunk)) for chunk in images), strict=True):
        yield steps[0][0], [values for _, values in steps]


def _of_every(
    every: Sequence[Mapping[ir.Value, torch.Tensor]], value: ir.Value
) -> NDArray[np.float32]:
    """Return a value (N, C, H, W) of all inputs, joined along N."""
    batches = [values[value].numpy() for values in every]
    return batches[0] if len(batches) == 1 else np.concatenate(batches)


def _is_plain(node: ir.Node) -> bool:
    grouped = node.attributes.get_int("group", 1) > 1
    return node.op_type == "Conv" and not grouped and not is_marked(node)


def feedback_rounding(weight: Matrix, moments: Matrix, scale: Matrix) -> Matrix:
    """Round the rows of a weight matrix to integers so that their errors cancel in the outputs.

    Columns are rounded one after another, by falling second moment; each takes up what it can of
    the errors so far. Values round half to even and saturate.

    Args:
        weight: float64 (O, K), in real units.
        moments: H, mean of x·xᵀ over samples of the K inputs, float64 (K, K).
        scale: scale of each row, float64 (O,), positive.

    Returns:
        float64 (O, K), integers in −127 … 127, columns in the order of `weight`.
    """
    size = len(moments)
    damping = DAMPING * np.trace(moments) / size + np.finfo(float).tiny
    order = np.argsort(-np.diag(moments), kind="stable")
    share = _shares(moments, damping, order)
    wanted = weight[:, order]
    integers, errors = np.zeros_like(wanted), np.zeros_like(wanted)
    for k in range(size):
        moved = wanted[:, k] + errors[:, :k] @ share[:k, k]
        integers[:, k] = np.rint(moved / scale).clip(-WEIGHT_HIGH, WEIGHT_HIGH)
        errors[:, k] = wanted[:, k] - integers[:, k] * scale
    result = np.empty_like(integers)
    result[:, order] = integers
    return result


def _shares(moments: Matrix, damping: float, order: NDArray[np.intp]) -> Matrix:
    """Compute U_jk / U_kk of the upper triangular U with UUᵀ = H + δI, in Fortran order.

    Rows and columns of H are permuted by `order` first.
    """
    # Keep few of these matrices alive: with many inputs they are an export's largest arrays.
    upper = torch.linalg.cholesky(_turned(moments, damping, order)).flip(0, 1)
    upper /= upper.diagonal().clone()
    columns: Matrix = upper.T.contiguous().numpy()
    return columns.T


def _turned(moments: Matrix, damping: float, order: NDArray[np.intp]) -> torch.Tensor:
    """Return the damped moments, permuted in reverse order."""
    back = torch.from_numpy(order[::-1].copy())
    turned = torch.from_numpy(moments).index_select(0, back).index_select(1, back)
    turned.diagonal().add_(damping)
    return turned


@dataclass(frozen=True)
class _Fit:
    """Statistics of a layer's samples needed to round its weights.

    Attributes:
        weight: weights fitted to the samples, (O, K).
        mean: mean of the inputs, (K,).
        moments: covariance of the inputs, (K, K).
        target: mean of the float layer's outputs, (O,).
    """

    weight: Matrix
    mean: Matrix
    moments: Matrix
    target: Matrix


def _fit(weight: Any, samples: LayerSamples) -> _Fit:
    """Fit the weights (O, I, K, L) of a layer; the samples' inputs are centred in place."""
    flat = weight.reshape(len(weight), -1).astype(np.float64)
    fitted = refitted(flat, samples)
    mean = samples.inputs.mean(axis=0, dtype=np.float64)
    moments = _moments(samples.inputs, mean)
    return _Fit(fitted, mean, moments, samples.targets.mean(axis=0))


def _rewrite(layer: ir.Node, shape: tuple[int, ...], fit: _Fit) -> None:
    """Round the weights of a layer, in place, and compensate the mean in its bias."""
    stored, scale = _stored(layer, 1)
    integers = feedback_rounding(fit.weight, fit.moments, scale)
    edit.replace_contents(stored, integers.reshape(shape).astype(np.int8))
    bias, bias_scale = _stored(layer, 2)
    wanted = fit.target - (integers * scale[:, np.newaxis]) @ fit.mean
    edit.replace_contents(bias, as_int32(wanted / bias_scale))


def _moments(inputs: NDArray[np.float32], mean: Matrix) -> Matrix:
    """Subtract the mean from inputs (positions, K), in place; return their covariance, (K, K)."""
    inputs -= mean.astype(np.float32)
    products = inputs.T @ inputs
    products /= np.float32(len(inputs))
    return products.astype(np.float64)


def _stored(layer: ir.Node, index: int) -> tuple[ir.Value | None, Matrix]:
    """Return the integer initializer of a layer's quantized constant, and its scale, float64."""
    restore = edit.producer_of(layer, index)
    return restore.inputs[0], edit.contents(restore.inputs[1]).astype(np.float64)


def _targets(
    original: ir.Model, layers: set[str], images: Sequence[NDArray[np.float32]]
) -> dict[str, Matrix]:
    """Compute the float outputs of each layer at the sampled positions, (positions, O)."""
    targets: dict[str, Matrix] = {}
    before: ir.Node | None = None
    with torch.no_grad():
        for node, every in _in_step(TorchGraph(original), images):
            if before is not None and before.name in layers:
                answer = _of_every(every, before.outputs[0])
                n, y, x = _positions(answer.shape)
                targets[before.name or ""] = answer[n, :, y, x].astype(np.float64)
            before = node
    return targets


def _inputs(
    layer: ir.Node, every: Sequence[Mapping[ir.Value, torch.Tensor]]
) -> NDArray[np.float32]:
    """Gather the inputs of a layer at the sampled positions, (positions, I·K·L)."""
    source = layer.inputs[0]
    assert source is not None
    windows = _windows(_of_every(every, source), layer)
    count, height, width = windows.shape[:3]
    n, y, x = _positions((count, 0, height, width))
    together = windows.transpose(0, 1, 2, 4, 5, 3)
    inputs = np.empty((len(n), *windows.shape[3:]), np.float32)
    # Gather contiguous channels, then transpose them while they are in the cache.
    for chunk in (slice(i, i + AT_ONCE) for i in range(0, len(n), AT_ONCE)):
        inputs[chunk] = together[n[chunk], y[chunk], x[chunk]].transpose(0, 3, 1, 2)
    return inputs.reshape(len(n), -1)


def _positions(shape: tuple[int, ...]) -> tuple[NDArray[np.intp], ...]:
    """Sample image, row and column indices of outputs (N, C, H, W)."""
    count, _, height, width = shape
    drawn = np.random.default_rng(SEED).permutation(count * height * width)[:POSITIONS]
    return np.unravel_index(np.sort(drawn), (count, height, width))


def _windows(inputs: NDArray[np.float32], layer: ir.Node) -> NDArray[np.float32]:
    """Return a view (N, H', W', I, K, L) of the input window of each output position."""
    weight = layer.inputs[1]
    assert weight is not None
    assert weight.shape is not None
    kernel = [int(length) for length in weight.shape.numpy()[2:]]
    geometry = geometry_of(layer, kernel)
    strides, dilations = geometry.strides, geometry.dilations
    # Channels last, so that the channels of a position are contiguous and fast to gather.
    last = _padded(inputs.transpose(0, 2, 3, 1), padding_of(layer, geometry, inputs.shape[2:]))
    windows = np.lib.stride_tricks.sliding_window_view(last, geometry.spans, axis=(1, 2))
    return windows[:, :: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]


def _padded(images: NDArray[np.float32], sides: Sides) -> NDArray[np.float32]:
    """Zero-pad images (N, H, W, C); negative padding crops."""
    top, left, bottom, right = sides
    height, width = images.shape[1:3]
    inside = images[
        :, max(-top, 0) : height - max(-bottom, 0), max(-left, 0) : width - max(-right, 0)
    ]
    rows, columns = ((max(a, 0), max(b, 0)) for a, b in ((top, bottom), (left, right)))
    return np.pad(inside, ((0, 0), rows, columns, (0, 0)))
