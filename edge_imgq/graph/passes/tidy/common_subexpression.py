"""Common-subexpression elimination: share equal constants and nodes that repeat a computation.

    y = f(x), z = f(x)  →  y, with z's readers reading y.

Both steps are onnx_ir passes. Constants are compared by their bytes, so two equal weights become
one initializer, and the nodes that read them then become equal as well.
"""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import CommonSubexpressionEliminationPass, DeduplicateInitializersPass

MAX_CONSTANT = 1 << 31
"""Largest constant, in bytes, that is compared: 2 GiB, in effect every constant."""


def common_subexpression(model: ir.Model) -> int:
    """Share equal constants, and remove nodes that repeat another node's computation; bit-exact.

    Nodes with the same operator, inputs and attributes count as equal, as do constants of the same
    dtype, shape and bytes, of at most 2 GiB (MAX_CONSTANT).

    Args:
        model: edited in place.

    Returns:
        The number of nodes removed.
    """
    before = len(model.graph)
    DeduplicateInitializersPass(size_limit=MAX_CONSTANT)(model)
    CommonSubexpressionEliminationPass()(model)
    return before - len(model.graph)
