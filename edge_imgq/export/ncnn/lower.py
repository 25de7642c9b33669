"""Lowering of a network to ncnn's layers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.ncnn.activation import clipped
from edge_imgq.export.ncnn.builder import Blob, Builder, LoweringContext, RefusedError, UnknownError
from edge_imgq.export.ncnn.int8 import with_requantization, without_integers_between
from edge_imgq.export.ncnn.layers import Layer, with_splits
from edge_imgq.export.ncnn.lowerings import LOWERINGS
from edge_imgq.export.refusal import Refusal, as_error, instead
from edge_imgq.graph.network import Network, Operation

IMAGE, RESULT = "image", "result"
"""Names of the two images in an app's code, equal in all files."""


def lower(network: Network, contract: ImageContract) -> tuple[Layer, ...]:
    """Lower a network, float or quantized, to ncnn's layers.

    Inputs and outputs are (1, C, H, W), with the channels that the contract states.

    Returns:
        Layers in execution order. Inputs are named as by `input_names`, the output RESULT.

    Raises:
        UnsupportedOperatorError: lists every operator that ncnn cannot express.
        ModelError: inputs or outputs contradict the contract.
    """
    further = [port.channels for port in contract.further]
    for tensors, wanted, word in (
        (network.inputs, [contract.image_channels, *further], "takes"),
        (network.outputs, [contract.result_channels], "returns"),
    ):
        shapes = [tensor.shape for tensor in tensors]
        if [shape[:2] for shape in shapes] != [(1, channels) for channels in wanted]:
            raise ModelError(
                f"The network {word} {shapes}; its contract says (1, C, height, width) of "
                f"{' and '.join(map(str, wanted))} channels."
            )
    return layers_of(network)


def layers_of(network: Network) -> tuple[Layer, ...]:
    """Lower a network, float or quantized, to layers, without checking its inputs and outputs.

    Layers come in execution order, without unused ones; inputs are named as by `input_names`, the
    output blob RESULT.

    Raises:
        UnsupportedOperatorError: lists every operator that ncnn cannot express.
    """
    layers, result, refused = _built(network)
    if result is None:
        raise as_error("ncnn", network.name, refused)
    return with_requantization(with_splits(_ending(layers, result), RESULT))


def refusals(network: Network) -> tuple[Refusal, ...]:
    """Return the operators that ncnn cannot express, in network order, with reasons; or ().

    Operators that read the result of a refused one are not examined.
    """
    return _built(network)[2]


def input_names(network: Network) -> tuple[str, ...]:
    """Return the input blobs: IMAGE, then the other inputs' names.

    White space in names becomes `_`.
    """
    return (IMAGE, *(re.sub(r"\s", "_", tensor.name) for tensor in network.inputs[1:]))


def _built(network: Network) -> tuple[list[Layer], Blob | None, tuple[Refusal, ...]]:
    """Lower all operations; return layers, result blob, and refusals.

    Readers of a refused operation's output are not checked.
    """
    builder, refused = Builder(), []
    for tensor, name in zip(network.inputs, input_names(network), strict=True):
        builder.enter(tensor, name)
    for operation in without_integers_between(network).operations:
        try:
            _build(operation, builder)
        except RefusedError as reason:
            refused.append(Refusal(operation.kind, operation.name, f"{reason}."))
        except UnknownError:
            continue
    result = None if refused else builder.read(network.outputs[0])
    return builder.layers, result, tuple(refused)


def _build(operation: Operation, builder: Builder) -> None:
    lowering = LOWERINGS.get(operation.kind)
    if lowering is None:
        raise RefusedError(
            f"this operator is not lowered to ncnn; {instead(operation)}, or leave the ncnn "
            "targets out"
        )
    context = LoweringContext(operation, builder)
    built = lowering.build(context)
    results = built if isinstance(built, tuple) else (built,)
    for tensor, blob in zip(operation.outputs, results, strict=False):
        if operation.activation is not None and not lowering.clips:
            blob = clipped(context, blob, operation.activation)
        builder.write(tensor, blob)


def _ending(layers: Sequence[Layer], result: Blob) -> list[Layer]:
    """Rename the result blob to RESULT."""
    if result.name == IMAGE:
        return [*layers, Layer("Noop", RESULT, (IMAGE,), (RESULT,), (result.shape,), {})]

    def named(blobs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(RESULT if blob == result.name else blob for blob in blobs)

    return [replace(x, inputs=named(x.inputs), outputs=named(x.outputs)) for x in layers]
