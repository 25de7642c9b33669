"""Selection of the cheapest rewrite, in SIMD lanes, for every convolution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm

from edge_imgq.export.tflite.kernel_rewrites.depth_to_space_output import DepthToSpaceOutput
from edge_imgq.export.tflite.kernel_rewrites.im2col_input import Im2colInput
from edge_imgq.export.tflite.kernel_rewrites.large_depthwise import large_depthwise
from edge_imgq.export.tflite.kernel_rewrites.remainder_output import RemainderOutput
from edge_imgq.export.tflite.kernel_rewrites.row_parity_operators import on_split_rows
from edge_imgq.export.tflite.kernel_rewrites.row_parity_split import BLOCK
from edge_imgq.export.tflite.kernel_rewrites.same_convolution import (
    SameConvolution,
    same_convolution,
)
from edge_imgq.export.tflite.kernel_rewrites.space_to_depth_input import SpaceToDepthInput
from edge_imgq.export.tflite.kernel_rewrites.strided_space_to_depth import strided_space_to_depth
from edge_imgq.export.tflite.kernel_rewrites.winograd_region import (
    Region,
    output_name,
    winograd_region,
)
from edge_imgq.graph.cost.conv_cost import (
    BLOCKS,
    WORTHWHILE,
    ConvRewrite,
    cheapest_rewrite,
    remainder,
)
from edge_imgq.graph.network import Network, Operation
from edge_imgq.kernels.profile import KernelProfile


@dataclass(frozen=True)
class FastNetwork:
    """A network with its fastest rewrites applied.

    Attributes:
        network: equivalent to the original; bit-exact in int8.
        multiple: divisor that the input height and width must have.
    """

    network: Network
    multiple: int


def fastest_rewrites(network: Network, kernels: KernelProfile) -> FastNetwork:
    """Replace each convolution by its rewrite with the fewest slots per pixel, if one is cheaper.

    Slots are multiply-accumulates including unused vector lanes. int8 networks are bit-exact; in
    float networks sums are taken in another order and the rounding differs.

    Args:
        network: float or quantized, bound to a size; images are (1, C, H, W).
        kernels: kernels of the target processor.

    Returns:
        The new network, and the multiple that the sides of its image must have for it.
    """
    region = winograd_region(network, lambda conv: _least_slots(conv, kernels), kernels)
    multiple = _multiple(network, region)
    network = on_split_rows(network, region)
    followers = _sole_followers(network)
    operations: list[Operation] = []
    absorbed: set[str] = set()
    for operation in network.operations:
        if operation.name in absorbed:
            continue
        follower = followers.get(operation.output.name) if len(operation.outputs) == 1 else None
        chosen, block, absorbed_names = _best(
            operation, follower, kernels, quantized=network.is_quantized
        )
        operations.extend(chosen)
        absorbed.update(absorbed_names)
        if len(chosen) > 1:
            multiple = lcm(multiple, _at_input(network, operation, block))
    return FastNetwork(replace(network, operations=tuple(operations)), multiple)


def _multiple(network: Network, region: Region) -> int:
    members = [op for op in network.operations if output_name(op) in region.members]
    return lcm(*(_at_input(network, operation, BLOCK) for operation in members))


def _at_input(network: Network, operation: Operation, block: int) -> int:
    """Return the divisor of the image's sides that makes an output's sides multiples of `block`."""
    ratio = network.inputs[0].shape[2] / operation.output.shape[2]
    return max(1, round(block * ratio))


def _best(
    operation: Operation, follower: Operation | None, kernels: KernelProfile, *, quantized: bool
) -> tuple[Sequence[Operation], int, set[str]]:
    """Return the replacement operations, their block size and the names of absorbed followers."""
    deep = large_depthwise(operation, kernels)
    if deep is not None:
        return deep.operations(), 1, set()
    strided = strided_space_to_depth(operation)
    if strided is not None and strided.share(kernels, quantized=quantized) < WORTHWHILE:
        return strided.operations(), 1, set()
    convolution = same_convolution(operation)
    if convolution is None:
        return (operation,), 1, set()
    shuffle = follower if follower is not None and _is_shuffle(follower) else None
    rewrite = _cheapest(convolution, shuffle, kernels, quantized=quantized)
    if rewrite.blocked == "input":
        return SpaceToDepthInput(convolution).operations(rewrite.block), rewrite.block, set()
    if rewrite.blocked == "im2col":
        return Im2colInput(convolution).operations(rewrite.block), rewrite.block, set()
    if rewrite.blocked == "remainder":
        remaining = RemainderOutput(convolution, remainder(convolution.outputs, kernels))
        return remaining.operations(rewrite.block), rewrite.block, set()
    if rewrite.blocked == "output":
        absorbed_names = set() if shuffle is None else {shuffle.name}
        return (
            DepthToSpaceOutput(convolution, shuffle).operations(rewrite.block),
            rewrite.block,
            absorbed_names,
        )
    return (operation,), 1, set()


def _least_slots(convolution: SameConvolution, kernels: KernelProfile) -> float:
    """Return the slots per pixel of a float convolution in its cheapest rewrite."""
    return _cheapest(convolution, None, kernels, quantized=False).slots


def _cheapest(
    convolution: SameConvolution,
    shuffle: Operation | None,
    kernels: KernelProfile,
    *,
    quantized: bool,
) -> ConvRewrite:
    """Return the cheapest rewrite among those whose block divides the image."""
    blocks = [b for b in BLOCKS if not any(side % b for side in convolution.size)]
    layer = convolution.layer(quantized=quantized, shuffled=shuffle is not None)
    return cheapest_rewrite(layer, kernels, blocks)


def _is_shuffle(operation: Operation) -> bool:
    return operation.kind == "DepthToSpace" and operation.attributes.get("mode", "DCR") == "DCR"


def _sole_followers(network: Network) -> dict[str, Operation]:
    """Map each tensor with a single reader, and no network output, to that reader."""
    readers = Counter(
        tensor.name
        for operation in network.operations
        for tensor in operation.inputs
        if tensor is not None
    )
    leaving = {tensor.name for tensor in network.outputs}
    return {
        tensor.name: operation
        for operation in network.operations
        for tensor in operation.inputs
        if tensor is not None and readers[tensor.name] == 1 and tensor.name not in leaving
    }
