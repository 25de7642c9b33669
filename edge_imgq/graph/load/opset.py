"""A model of any opset from 7 to 28 as one of opset 21 that computes the same numbers.

Older models go through onnx's version converter, with what it loses stated beforehand or
afterwards (`edge_imgq.graph.load.older_operators`). Of newer ones, the operators that opset 21 does
not know are replaced by their definitions (`edge_imgq.graph.load.newer_operators`); for float32 the
others mean in opset 21 what they meant, since later opsets only took more types.
"""

from __future__ import annotations

import onnx
from onnx.version_converter import convert_version

from edge_imgq.graph.load.newer_operators import refuse_newer, state_casts, written_out
from edge_imgq.graph.load.older_operators import (
    ONE_AXIS,
    STATED_PLACES,
    flatten_hardmax,
    state_places,
)

OPSET = 21
"""Pinned: the first opset whose QuantizeLinear knows 16-bit types, and new enough for torch."""

IR_VERSION = 10
"""The file format of that opset; ONNX Runtime does not open all later ones."""

CONSTANTS_APART = 4
"""The first file format whose constants need not be inputs as well."""

STANDARD = ("", "ai.onnx")
"""The two names of ONNX's own domain."""


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that a model is written for."""
    return next((o.version for o in model.opset_import if o.domain in STANDARD), 1)


def at_project_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model at opset 21 without CastLike; the same one where it is so already.

    Args:
        model: float32, without functions of its own; it is not changed.

    Raises:
        ModelError: it holds newer operators that have no definition by older ones.
        Exception: of onnx, which has no conversion for an operator of it.
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
    if version < STATED_PLACES:
        raised = convert_version(raised, STATED_PLACES)
        state_places(raised)
    result: onnx.ModelProto = convert_version(raised, OPSET)
    return result


def _lowered(model: onnx.ModelProto) -> onnx.ModelProto:
    lowered = written_out(model, OPSET)
    refuse_newer(lowered, OPSET)
    for opset in lowered.opset_import:
        if opset.domain in STANDARD:
            opset.version = OPSET
    lowered.ir_version = min(lowered.ir_version, IR_VERSION)
    return lowered
