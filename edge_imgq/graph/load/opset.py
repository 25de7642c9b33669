"""Conversion of a model of opset 7 to 28 to opset 21, with unchanged semantics.

Older models go through onnx's version converter, with corrections before or after
(`edge_imgq.graph.load.older_operators`). In newer ones, operators that opset 21 does not know are
replaced by their definitions (`edge_imgq.graph.load.newer_operators`). For float32 all others mean
the same in opset 21, because later opsets only added types.
"""

from __future__ import annotations

import onnx
from onnx.version_converter import convert_version

from edge_imgq.graph.load.newer_operators import refuse_newer, state_casts, with_older_operators
from edge_imgq.graph.load.older_operators import (
    COORDINATE_MODE_OPSET,
    ONE_AXIS,
    flatten_hardmax,
    state_coordinates,
)

OPSET = 21
"""Pinned: the first opset whose QuantizeLinear supports 16-bit types, and new enough for torch."""

IR_VERSION = 10
"""File format version of that opset; ONNX Runtime does not open all later ones."""

CONSTANTS_APART = 4
"""First file format version whose initializers need not be graph inputs."""

STANDARD = ("", "ai.onnx")
"""Names of the standard ONNX domain."""


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the standard ONNX opset that a model imports; 1 if it imports none."""
    return next((o.version for o in model.opset_import if o.domain in STANDARD), 1)


def at_project_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a model of opset 7 to 28 to opset 21, and CastLike to Cast.

    Older models are converted by onnx's version converter, with Hardmax and Resize as their opset
    defined them; newer operators are replaced by ONNX's definitions in older ones. The result is
    the same up to float rounding.

    Args:
        model: float32 model without local functions; not changed.

    Returns:
        The model itself if nothing is to be converted, else a copy.

    Raises:
        ModelError: it holds newer operators without a definition in older ones.
        Exception: onnx's converter has no conversion for an operator.
    """
    version = opset_of(model)
    if version < OPSET:
        model = _raised(model, version)
    elif version > OPSET:
        model = _lowered(model)
    return state_casts(model)


def _raised(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    raised = onnx.ModelProto()
    raised.CopyFrom(model)
    # Between two conversions, one of an older format loses the constants that the first made.
    raised.ir_version = max(raised.ir_version, CONSTANTS_APART)
    if version < ONE_AXIS:
        flatten_hardmax(raised)
    if version < COORDINATE_MODE_OPSET:
        raised = convert_version(raised, COORDINATE_MODE_OPSET)
        state_coordinates(raised)
    result: onnx.ModelProto = convert_version(raised, OPSET)
    return result


def _lowered(model: onnx.ModelProto) -> onnx.ModelProto:
    lowered = with_older_operators(model, OPSET)
    refuse_newer(lowered, OPSET)
    for opset in lowered.opset_import:
        if opset.domain in STANDARD:
            opset.version = OPSET
    lowered.ir_version = min(lowered.ir_version, IR_VERSION)
    return lowered
