"""Choosing, for every convolution, the form that costs the fewest lanes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import lcm

from edge_imgq.export.tflite.forms.blocked_input import BlockedInput
from edge_imgq.export.tflite.forms.blocked_output import BlockedOutput
from edge_imgq.export.tflite.forms.plain import plain_convolution
from edge_imgq.graph.layer_slots import BLOCKS, WORTHWHILE
from edge_imgq.graph.network import Network, Operation


@dataclass(frozen=True)
class FastNetwork:
    """A network in its fastest form.

    Attributes:
        network: computes what the original does, in int8 to the bit.
        multiple: input height and width must now be multiples of this.
    """

    network: Network
    multiple: int


def fastest_forms(network: Network) -> FastNetwork:
    """Return a network with its convolutions in the form of fewest slots (`graph.lanes`)."""
    followers = _sole_followers(network)
    operations: list[Operation] = []
    multiple, absorbed = 1, set()
    for operation in network.operations:
        if operation.name in absorbed:
            continue
        follower = followers.get(operation.output.name) if len(operation.outputs) == 1 else None
        chosen, block, taken = _best(operation, follower, network.is_quantized)
        operations.extend(chosen)
        absorbed.update(taken)
        if block > 1:
            ratio = network.inputs[0].shape[2] / operation.output.shape[2]
            multiple = lcm(multiple, max(1, round(block * ratio)))
    return FastNetwork(replace(network, operations=tuple(operations)), multiple)


def _best(
    operation: Operation, follower: Operation | None, quantized: bool
) -> tuple[Sequence[Operation], int, set[str]]:
    """Return the operations that replace one, their block size and the followers they absorb."""
    convolution = plain_convolution(operation)
    if convolution is None:
        return (operation,), 1, set()
    shuffle = follower if follower is not None and _is_shuffle(follower) else None
    blocks = [b for b in BLOCKS if not any(side % b for side in convolution.size)]
    forms: tuple[BlockedOutput | BlockedInput, ...] = (
        BlockedOutput(convolution, shuffle),
        BlockedInput(convolution),
    )
    costs = [
        (form.slots(block, quantized) / form.slots(1, quantized), index, block)
        for index, form in enumerate(forms)
        for block in blocks
    ]
    share, index, block = min(costs, default=(1.0, 0, 1))
    if share >= WORTHWHILE:
        return (operation,), 1, set()
    taken = {shuffle.name} if shuffle is not None and index == 0 else set()
    return forms[index].operations(block), block, taken


def _is_shuffle(operation: Operation) -> bool:
    return operation.kind == "DepthToSpace" and operation.attributes.get("mode", "DCR") == "DCR"


def _sole_followers(network: Network) -> dict[str, Operation]:
    """Return, by tensor, the operation that alone reads it, unless it leaves the network."""
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
