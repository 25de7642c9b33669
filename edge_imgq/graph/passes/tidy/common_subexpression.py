"""What a graph holds twice: equal constants, and nodes that compute the same from the same.

    y = f(x), z = f(x)  →  y, with z's readers reading y.

Both are onnx_ir's passes. Constants are compared by their bytes, so two equal weights become one
and the nodes that read them become equal in turn.
"""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes.common import CommonSubexpressionEliminationPass, DeduplicateInitializersPass

LARGEST = 1 << 31
"""Constants of any size are compared."""


def common_subexpression(model: ir.Model) -> int:
    """Share equal constants and drop nodes that repeat another; exact.

    Returns:
        The number of nodes dropped.
    """
    before = len(model.graph)
    DeduplicateInitializersPass(size_limit=LARGEST)(model)
    CommonSubexpressionEliminationPass()(model)
    return before - len(model.graph)
