"""Lowering of DepthToSpace and SpaceToDepth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai_edge_litert import schema_py_generated as schema

from edge_imgq.export.tflite.refusal import RefusedError

if TYPE_CHECKING:
    from edge_imgq.export.tflite.emitter import Emitter
    from edge_imgq.graph.network import Operation

Code = schema.BuiltinOperator


def depth_to_space(file: Emitter, operation: Operation) -> None:
    """Lower DepthToSpace of (N, b² · C, H, W), mode DCR, to DEPTH_TO_SPACE: (N, C, b · H, b · W).

    In float32 or int8. Exact, but an int8 input at another scale than the output's is requantized
    first. Mode CRD is the same with one output channel.

    Raises:
        RefusedError: the mode is CRD with several output channels.
    """
    mode = operation.attributes.get("mode", "DCR")
    channels = operation.output.shape[1]
    # With one output channel the two modes are one.
    if mode != "DCR" and channels != 1:
        raise RefusedError(
            f"mode {mode} keeps channels outermost. Run the pass that permutes the channels of "
            "the convolution before it, which costs nothing."
        )
    _shuffle(file, operation, Code.DEPTH_TO_SPACE, schema.DepthToSpaceOptionsT())


def space_to_depth(file: Emitter, operation: Operation) -> None:
    """Lower SpaceToDepth of (N, C, b · H, b · W), mode DCR, to SPACE_TO_DEPTH: (N, b² · C, H, W).

    In float32 or int8. Exact, but an int8 input at another scale than the output's is requantized
    first. Mode CRD is the same with one input channel.

    Raises:
        RefusedError: the mode is CRD with several input channels.
    """
    if operation.attributes.get("mode", "DCR") != "DCR" and operation.operand(0).shape[1] != 1:
        raise RefusedError("mode CRD keeps channels outermost. Use mode DCR.")
    _shuffle(file, operation, Code.SPACE_TO_DEPTH, schema.SpaceToDepthOptionsT())


def _shuffle(file: Emitter, operation: Operation, code: int, options: Any) -> None:
    options.blockSize = operation.attributes["blocksize"]
    source = file.requantized(operation.operand(0), operation.output.quantization)
    file.emit(operation, code, [source], options)
