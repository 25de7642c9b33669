"""Loading of ONNX models from any exporter into the normal form that all later stages expect.

The normal form is float32, channels first, opset 21, simplified by onnxsim (constants and shape
arithmetic folded, batch norm fused), with constants as initializers, images as inputs and outputs,
and finite weights. It is the float reference; later stages do not change it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import onnx_ir as ir
from onnx.external_data_helper import uses_external_data
from onnx_ir.passes.common import LiftConstantsToInitializersPass

from edge_imgq.errors import ModelError, UsageError
from edge_imgq.graph import edit
from edge_imgq.graph.load.attention_masks import with_finite_masks
from edge_imgq.graph.load.channels_last import channels_first
from edge_imgq.graph.load.counted_padding import without_counted_padding
from edge_imgq.graph.load.dynamic_shape import holds_no_size
from edge_imgq.graph.load.mean_variance_norm import without_mean_variance
from edge_imgq.graph.load.old_group_norm import without_old_groups
from edge_imgq.graph.load.onnxruntime_fusions import without_fusions
from edge_imgq.graph.load.opset import OPSET, at_project_opset
from edge_imgq.graph.load.refusals import (
    refuse_bad_weights,
    refuse_branches,
    refuse_operators,
    refuse_signature,
    refuse_training_mode,
)
from edge_imgq.graph.load.resize_axes import with_all_axes
from edge_imgq.graph.load.simplifier import simplified
from edge_imgq.graph.load.single_precision import to_float32
from edge_imgq.graph.load.training_mode import without_training_norms
from edge_imgq.graph.load.uint8_io import without_bytes
from edge_imgq.graph.shapes.shape_inference import infer_shapes


def read_onnx(path: Path) -> onnx.ModelProto:
    """Read an .onnx file and check it with ONNX's checker.

    Weights in files beside it are loaded. Operators that the checker rejects, ONNX Runtime's fused
    ones and the GroupNormalization of opsets 18 to 20, are decomposed first. Opset, types and
    layout stay those of the file; `normalise` converts them.

    Raises:
        UsageError: there is no file, or it is a folder.
        ModelError: it is truncated, not ONNX, or not valid ONNX.
    """
    try:
        return _valid(onnx.load(path))
    except FileNotFoundError as error:
        raise UsageError(f"There is no model at {path}.") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder; give the .onnx file in it.") from error
    except Exception as error:  # protobuf and the checker raise unrelated classes
        advice = _operator_advice(error) or (
            "If it was cut off, or is a pointer of Git LFS, fetch it again; else export it again."
        )
        raise ModelError(
            f"{path} is not a whole, valid ONNX model: {_reason(error)}. {advice}"
        ) from error


def parse_onnx(contents: bytes, name: str) -> onnx.ModelProto:
    """Parse a serialised model and check it with ONNX's checker.

    Operators that the checker rejects, ONNX Runtime's fused ones and the GroupNormalization of
    opsets 18 to 20, are decomposed first. Opset, types and layout stay those of the file.

    Args:
        contents: bytes of an .onnx file with embedded weights.
        name: name of the model for messages.

    Raises:
        ModelError: it is truncated, not ONNX, not valid ONNX, or its weights are external.
    """
    try:
        model = onnx.load_model_from_string(contents)
        if any(uses_external_data(tensor) for tensor in model.graph.initializer):
            raise ModelError(
                f"{name} has its weights in files beside it; give the path of its .onnx file."
            )
        return _valid(model)
    except ModelError:
        raise
    except Exception as error:  # protobuf and the checker raise unrelated classes
        advice = _operator_advice(error)
        raise ModelError(
            f"{name} is not a whole, valid ONNX model: {_reason(error)}. {advice}".rstrip()
        ) from error


def _valid(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fix what ONNX's checker rejects and runtimes take, check the model and return it."""
    open_negative_lengths(model)
    result = _with_output_shapes(without_fusions(without_old_groups(model)))
    onnx.checker.check_model(result)
    return result


def _with_output_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give outputs without a shape, as some exporters leave them, the one that follows."""
    tensors = [value.type.tensor_type for value in model.graph.output]
    if all(tensor.HasField("shape") for tensor in tensors):
        return model
    return infer_shapes(model)


def _reason(error: Exception) -> str:
    return (str(error).strip().split("\n")[0] or type(error).__name__).rstrip(".")


def _operator_advice(error: Exception) -> str:
    """Return what to do about an operator that the file's opset lacks, or "".

    tf2onnx writes an operator of TensorFlow that it does not know under its own name; Keras exports
    by it, so a network with an exact GELU holds Erfc.
    """
    unknown = re.search(r"No Op registered for (\w+) with domain_version of (\d+)", str(error))
    if unknown is None:
        return ""
    kind, opset = unknown.groups()
    gelu = (
        " (Erfc is TensorFlow's exact GELU: use gelu(approximate=True))" if kind == "Erfc" else ""
    )
    return (
        f"Opset {opset} of ONNX has no operator {kind}: export with a newer opset if that has it; "
        f"else the exporter kept an operator of its framework: replace it in the network{gelu}."
    )


def open_negative_lengths(model: onnx.ModelProto) -> None:
    """Replace negative lengths in the shapes of a model's values by unknown ones, in place.

    Older converters, such as Paddle's, write -1 for an open length, which ONNX Runtime accepts and
    ONNX's checker does not.
    """
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_value < 0:
                dimension.Clear()


def normalise(model: onnx.ModelProto, name: str) -> ir.Model:
    """Return the float32 reference model in the one form that all later stages expect.

    That is opset 21, images (1, C, H, W) as inputs and outputs, constants as initializers and
    folded, batch norm fused, nodes with unique names. It computes what the model computes up to
    float32 rounding, without conversions from and to 8-bit pixels at its ends.

    Args:
        model: any valid ONNX model; not changed.
        name: name of the model for messages.

    Raises:
        ModelError: it cannot be converted to opset 21 or simplified; it is quantized, in training
            mode or random; it has NaN or infinite weights, operators of other domains, branches or
            loops, or inputs and outputs of other kinds (`edge_imgq.graph.load.refusals`).
    """
    plain = _applied(DECOMPOSITION, model, name)
    refuse_bad_weights(plain, name)
    refuse_operators(plain, name)
    refuse_training_mode(plain, name)
    simplified = _applied(CONVERSION, plain, name)
    result: ir.Model = ir.from_proto(infer_shapes(simplified))
    LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(result)
    _leave_out_empty_inputs(result)
    _rename_coordinates(result)
    refuse_branches(result, name)
    refuse_signature(result, name)
    _take_one_image(result, name)
    result.producer_name = "edge-imgq"
    for node in result.graph:
        node.metadata_props.clear()  # torch leaves stack traces with local paths here
    _name_nodes(result)
    return result


def _forgetting_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose outputs have no named lengths; shape inference restores those that hold.

    Exporters are often told that the sides of an enlarged output are those of the image.
    """
    forgetting = onnx.ModelProto()
    forgetting.CopyFrom(model)
    for value in forgetting.graph.output:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.Clear()
    return forgetting


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model with its local functions inlined."""
    if not model.functions:
        return model
    result: onnx.ModelProto = onnx.inliner.inline_local_functions(model, convert_version=True)
    return result


def _channels_first(model: onnx.ModelProto) -> onnx.ModelProto:
    return channels_first(infer_shapes(model))  # onnxsim too wants an output's shape


ModelStep = tuple[str, Callable[[onnx.ModelProto], onnx.ModelProto]]

DECOMPOSITION: tuple[ModelStep, ...] = (
    ("inlining the functions that the file defines", _inlined),
    ("decomposing GroupNormalization of opsets 18 to 20", without_old_groups),
    ("decomposing what ONNX Runtime had fused", without_fusions),
    ("decomposing MeanVarianceNormalization", without_mean_variance),
    ("decomposing batch normalization in training mode", without_training_norms),
    ("making masks of minus infinity finite", with_finite_masks),
)
CONVERSION: tuple[ModelStep, ...] = (
    ("leaving out the casts from and to 8-bit pixels", without_bytes),
    ("computing in float32", to_float32),
    ("inferring the lengths of the output", _forgetting_names),
    (f"the conversion to opset {OPSET}", at_project_opset),
    ("putting channels first", _channels_first),
    ("simplification by onnxsim", simplified),
    ("stating what a Resize does to all axes", with_all_axes),
    ("padding in front of average pools", without_counted_padding),
)
LOADING_STEPS = (*DECOMPOSITION, *CONVERSION)
"""Steps that bring any ONNX file into one form, in order, each with its name in messages.

Each takes a model, does not change it, and returns one that computes the same function.
"""


def _applied(steps: Sequence[ModelStep], model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    for what, step in steps:
        try:
            model = step(model)
        except ModelError as error:
            raise ModelError(f"{name} cannot be read: {error}.") from error
        except Exception as error:  # of ours, of onnx and of onnxsim
            reason = str(error).strip().split("\n")[0].rstrip(".")
            raise ModelError(f"{name} cannot be read: {what} failed: {reason}.") from error
    return model


def _take_one_image(model: ir.Model, name: str) -> None:
    """Set a fixed batch of several images to one.

    Raises:
        ModelError: a node may hold the batch size.
    """
    shape = model.graph.inputs[0].shape
    if shape is None or not isinstance(shape[0], int) or shape[0] == 1:
        return
    holder = next((node for node in model.graph if not holds_no_size(node)), None)
    if holder is not None:
        raise ModelError(
            f"{name} was exported for batches of {shape[0]} images, and {holder.op_type} "
            f"'{holder.name}' may hold that number. Export it with a batch of one."
        )
    for value in (*model.graph.inputs, *(v for node in model.graph for v in node.outputs)):
        if value.shape is not None and not value.is_initializer():
            value.shape = ir.Shape([1, *value.shape[1:]])


def _leave_out_empty_inputs(model: ir.Model) -> None:
    """Remove empty constant inputs of Resize, as older exporters write them."""
    for node in model.graph:
        for index, value in enumerate(node.inputs if node.op_type == "Resize" else ()):
            if edit.is_constant(value) and not edit.contents(value).size:
                node.replace_input_with(index, None)


def _rename_coordinates(model: ir.Model) -> None:
    """Rename TensorFlow's nearest-neighbour coordinates to their name in later opsets.

    "tf_half_pixel_for_nn" until opset 12 is floor((x + ½) / s), which equals "half_pixel" with
    round((x + ½) / s − ½), ties rounded up.
    """
    for node in model.graph:
        attributes = node.attributes
        if attributes.get_string("coordinate_transformation_mode") != "tf_half_pixel_for_nn":
            continue
        if attributes.get_string("nearest_mode") == "floor":
            attributes["coordinate_transformation_mode"] = ir.AttrString(
                "coordinate_transformation_mode", "half_pixel"
            )
            attributes["nearest_mode"] = ir.AttrString("nearest_mode", "round_prefer_ceil")


def _name_nodes(model: ir.Model) -> None:
    """Give every node a readable, unique name for messages and reports."""
    counts: dict[str, int] = {}
    for node in model.graph:
        stem = node.name or f"{node.op_type}_{node.outputs[0].name}"
        count = counts.get(stem, 0)
        counts[stem] = count + 1
        node.name = stem if count == 0 else f"{stem}_{count}"
