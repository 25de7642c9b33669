"""Lowering of a network to ncnn's layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edge_imgq.contract import ImageContract
from edge_imgq.errors import ModelError
from edge_imgq.export.ncnn.activation import clipped
from edge_imgq.export.ncnn.builder import Blob, Builder, LoweringContext, RefusedError, UnknownError
from edge_imgq.export.ncnn.int8 import with_requantization, without_integers_between
from edge_imgq.export.ncnn.layers import Layer, used_layers, with_splits
from edge_imgq.export.ncnn.lowerings import LOWERINGS
from edge_imgq.export.refusal import Refusal, as_error, instead
from edge_imgq.graph.network import Network, Operation
from edge_imgq.runtime.ncnn_file import IMAGE, RESULT, input_blobs, output_blobs


def lower(network: Network, contract: ImageContract) -> tuple[Layer, ...]:
    """Lower a network, float or quantized, to ncnn's layers.

    Inputs and outputs are (1, C, H, W), with the channels that the contract states.

    Returns:
        Layers in execution order. Inputs and outputs are named as by
        `edge_imgq.runtime.ncnn_file.input_blobs` and `output_blobs`.

    Raises:
        UnsupportedOperatorError: lists every operator that ncnn cannot express.
        ModelError: inputs or outputs contradict the contract.
    """
    further = [port.channels for port in contract.further]
    for tensors, wanted, word in (
        (network.inputs, [contract.image_channels, *further], "takes"),
        (network.outputs, contract.results_channels, "returns"),
    ):
        shapes = [tensor.shape for tensor in tensors]
        if [shape[:2] for shape in shapes] != [(1, channels) for channels in wanted]:
            raise ModelError(
                f"The network {word} {shapes}; its contract says (1, C, height, width) of "
                f"{' and '.join(map(str, wanted))} channels."
            )
    return layers_of(network, input_blobs(contract), output_blobs(contract))


def layers_of(
    network: Network, inputs: Sequence[str] = (IMAGE,), outputs: Sequence[str] = (RESULT,)
) -> tuple[Layer, ...]:
    """Lower a network, float or quantized, to layers, without checking its inputs and outputs.

    Layers come in execution order, without unused ones.

    Args:
        network: bound to a size.
        inputs: a blob's name for each input of the network.
        outputs: a blob's name for each output of the network.

    Raises:
        UnsupportedOperatorError: lists every operator that ncnn cannot express.
    """
    layers, results, refused = _built(network, inputs)
    if refused:
        raise as_error("ncnn", network.name, refused)
    used = used_layers(layers, [blob.name for blob in results])
    ending = _ending(used, dict(zip(outputs, results, strict=True)))
    return with_requantization(with_splits(ending))


def refusals(network: Network) -> tuple[Refusal, ...]:
    """Return the operators that ncnn cannot express, in network order, with reasons; or ().

    Operators that read the result of a refused one are not examined.
    """
    return _built(network, [tensor.name for tensor in network.inputs])[2]


def _built(
    network: Network, inputs: Sequence[str]
) -> tuple[list[Layer], list[Blob], tuple[Refusal, ...]]:
    """Lower all operations; return layers, the outputs' blobs (none if refused), and refusals.

    Readers of a refused operation's output are not checked.
    """
    builder, refused = Builder(), []
    for tensor, name in zip(network.inputs, inputs, strict=True):
        builder.enter(tensor, name)
    for operation in without_integers_between(network).operations:
        try:
            _build(operation, builder)
        except RefusedError as reason:
            refused.append(Refusal(operation.kind, operation.name, f"{reason}."))
        except UnknownError:
            continue
    results = [] if refused else [builder.read(tensor) for tensor in network.outputs]
    return builder.layers, results, tuple(refused)


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


def _ending(layers: Sequence[Layer], results: Mapping[str, Blob]) -> list[Layer]:
    """Rename the outputs' blobs; one that layers read, or an input, is handed on by a Noop.

    An inner blob that has an output's name gets `_` at its end.
    """
    read = {blob for layer in layers for blob in layer.inputs}
    entered = {blob for layer in layers if layer.kind == "Input" for blob in layer.outputs}
    names = {blob: f"{blob}_" for blob in results}
    ends = []
    for name, result in results.items():
        if result.name in read | entered or result.name in names.values():
            ends.append(Layer("Noop", name, (result.name,), (name,), (result.shape,), {}))
        else:
            names[result.name] = name

    def named(blobs: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(blob, blob) for blob in blobs)

    renamed = [replace(x, inputs=named(x.inputs), outputs=named(x.outputs)) for x in layers]
    return [*renamed, *(replace(x, inputs=named(x.inputs)) for x in ends)]
