"""Lowering of a graph to ExecuTorch: XNNPACK where possible, else portable kernels."""

from __future__ import annotations

import json

import onnx_ir as ir
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from edge_imgq.contract import FileNote
from edge_imgq.export.executorch.channel_means import channel_means_as_convolutions
from edge_imgq.export.executorch.operators import LOWERINGS
from edge_imgq.export.executorch.program import TorchProgram
from edge_imgq.export.refusal import Refusal, instead
from edge_imgq.graph.network import REQUANTIZE, Network
from edge_imgq.quantize.torch.torch_inputs import NotCoveredError
from edge_imgq.runtime.executorch_file import NOTE, quiet


def lower(model: ir.Model, note: FileNote) -> bytes:
    """Lower a graph to the bytes of a .pte file for ExecuTorch with XNNPACK.

    Method `forward` takes and returns float32 (1, C, H, W), a tensor for each input and output.
    Operators that XNNPACK's partitioner
    takes are delegated to it, the others are left to portable kernels.

    Args:
        model: float or QDQ, bound to a size, without refused operators; modified.
        note: metadata that method `edge_imgq` returns as JSON.
    """
    channel_means_as_convolutions(model)
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = TorchProgram(model).eval()
        images = tuple(map(_empty, program.images))
        with torch.no_grad():
            recorded = torch.export.export(program, images, strict=False)
        lowered = to_edge_transform_and_lower(
            recorded,
            partitioner=[XnnpackPartitioner()],
            constant_methods={NOTE: json.dumps(note.to_strings())},
        )
        written: bytes = lowered.to_executorch().buffer
    return written


def without_lowering(network: Network) -> tuple[Refusal, ...]:
    """Return the operators that have no torch lowering, in network order; () if there are none."""
    return tuple(
        Refusal(
            operation.kind,
            operation.name,
            f"this operator is not lowered to ExecuTorch; {instead(operation)}, or leave the "
            "executorch targets out.",
        )
        for operation in network.operations
        if operation.kind not in LOWERINGS and operation.kind != REQUANTIZE
    )


def misused(model: ir.Model) -> tuple[Refusal, ...]:
    """Return the operators whose attributes or inputs torch cannot express, with reasons.

    The program runs on fake tensors, without contents. () if there are none.

    Args:
        model: bound to a size; every operator has a lowering.
    """
    refused = []
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        program = TorchProgram(model)
        values = {image: _empty(image) for image in program.images}
        for node in program.nodes:
            try:
                results = program.results(node, values)
            except NotCoveredError as error:
                reason = (
                    f"{error.use or error} has no torch form; write it with others in the model, "
                    "or leave the executorch targets out."
                )
                refused.append(Refusal(node.op_type, str(node.name), reason))
                results = tuple(map(_empty, node.outputs))
            values.update(zip(node.outputs, results, strict=True))
    return tuple(refused)


def _empty(value: ir.Value) -> torch.Tensor:
    assert value.shape is not None
    return torch.empty(value.shape.numpy())
