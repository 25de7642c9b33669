"""Reading an ONNX model, whoever wrote it, into the one form that everything else expects.

That form: float32, channels first, opset 21, simplified by onnxsim (constants folded, shape
arithmetic gone, batch norm fused), constants as initializers, one image in and one image out,
finite weights. What comes out of here is the float reference; nothing changes it afterwards.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxsim
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from edge_imgq.errors import ModelError
from edge_imgq.graph import edit
from edge_imgq.graph.channels_last import channels_first
from edge_imgq.graph.shape_inference import infer_shapes
from edge_imgq.graph.single_precision import to_float32

OPSET = 21
"""Pinned: the first opset whose QuantizeLinear knows 16-bit types, and new enough for torch."""


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read an .onnx file and check it against the ONNX specification.

    Raises:
        ModelError: the file is missing, truncated, not ONNX, or not valid ONNX.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise ModelError(f"There is no model at {path}.") from error
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder; give the .onnx file in it.") from error
    except Exception as error:  # protobuf and the checker raise unrelated classes
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ModelError(f"{path} is not a whole, valid ONNX model: {reason}") from error
    return model


def normalise(model: onnx.ModelProto, name: str) -> ir.Model:
    """Return the model in the form that this module's docstring describes.

    Args:
        model: any valid ONNX model.
        name: what to call the model in errors.

    Raises:
        ModelError: it cannot be converted to opset 21 or simplified, has not exactly one image
            input and one output, or holds NaN or infinite weights.
    """
    _refuse_bad_weights(model, name)
    try:
        shaped = infer_shapes(to_float32(model))  # onnxsim wants an output's shape
        simplified, _ = onnxsim.simplify(channels_first(shaped), target_opset_version=OPSET)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"{name} could not be simplified at opset {OPSET}: {reason}") from error
    result: ir.Model = ir.from_proto(infer_shapes(simplified))
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(result)
    _leave_out_empty_inputs(result)
    _refuse_other_signatures(result, name)
    result.producer_name = "edge-imgq"
    for node in result.graph:
        node.metadata_props.clear()  # torch leaves stack traces with local paths here
    _name_nodes(result)
    return result


def _refuse_bad_weights(model: onnx.ModelProto, name: str) -> None:
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise ModelError(
                f"{name} holds NaN or infinity in the weight '{tensor.name}'. "
                "Export the model again from a checkpoint whose weights are finite."
            )


def _refuse_other_signatures(model: ir.Model, name: str) -> None:
    graph = model.graph
    images = [value for value in graph.inputs if not value.is_initializer()]
    if len(images) != 1 or len(graph.outputs) != 1:
        takes, returns = (
            " and ".join(f"'{value.name}'" for value in values) or "nothing"
            for values in (images, graph.outputs)
        )
        raise ModelError(
            f"{name} takes {takes} and returns {returns}; an image-to-image network takes one "
            "image and returns one. Export it again with the others left out or fixed."
        )
    for value in (images[0], graph.outputs[0]):
        if value.dtype is not ir.DataType.FLOAT:
            raise ModelError(
                f"{name}: '{value.name}' is of type {value.dtype}; expected float32 (1, C, H, W)."
            )
    if images[0].shape is None or len(images[0].shape) != 4:
        raise ModelError(
            f"{name}: the input '{images[0].name}' has shape {images[0].shape}; "
            "expected a batch of images (1, C, H, W)."
        )


def _leave_out_empty_inputs(model: ir.Model) -> None:
    """Let a Resize have no region and no scales where older exporters wrote empty ones."""
    for node in model.graph:
        for index, value in enumerate(node.inputs if node.op_type == "Resize" else ()):
            if edit.is_constant(value) and not edit.contents(value).size:
                node.replace_input_with(index, None)


def _name_nodes(model: ir.Model) -> None:
    """Give every node a readable, unique name: error messages and reports point with it."""
    seen: dict[str, int] = {}
    for node in model.graph:
        stem = node.name or f"{node.op_type}_{node.outputs[0].name}"
        count = seen.get(stem, 0)
        seen[stem] = count + 1
        node.name = stem if count == 0 else f"{stem}_{count}"
