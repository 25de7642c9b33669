"""Writes pools in a form that ONNX Runtime's optimisations do not change the meaning of.

A Pad in front of a MaxPool or AveragePool is merged into the pool's own `pads`. But a MaxPool
ignores its own padding, where it compares the zeros of a Pad with the image; and padding as wide as
the window, which a Pad may have, is refused in a pool, so that the file does not open. With
`auto_pad = VALID`, which means the same, a pool without padding of its own is left alone.

An AveragePool between two quantizations becomes a QLinearAveragePool. With `ceil_mode` and
`count_include_pad`, that counts positions beyond the padding too, and the last row and column come
out too small. Without padding, `count_include_pad` means nothing, and is dropped.

Where neither is possible, a Max with the lowest float stands in front of the pool: it changes no
value, and no optimisation removes it.

Source: ONNX Runtime 1.31, microsoft/onnxruntime#24737.
"""

from __future__ import annotations

from typing import Any

import onnx
from onnx import helper

from edge_imgq.export.optimization_barrier import insert_barrier

POOLS = ("MaxPool", "AveragePool")


def keep_exact(model: onnx.ModelProto) -> None:
    """Rewrite the pools that ONNX Runtime's optimisations would otherwise change, in place.

    A pool after a Pad gets `auto_pad = VALID` if it has neither padding nor `ceil_mode`, else a Max
    with the lowest float32 before it. An AveragePool with `ceil_mode` and `count_include_pad` loses
    the latter if it has no padding, and gets that Max if it has padding and reads a
    DequantizeLinear. Other pools are not changed. The result of the graph is unchanged, exactly.

    Args:
        model: float32 graph, or QDQ graph, whose pools have explicit padding.
    """
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    for node in list(model.graph.node):
        if node.op_type not in POOLS:
            continue
        maker = makers.get(node.input[0])
        values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        pads, ceils = any(values.get("pads", ())), bool(values.get("ceil_mode", 0))
        counts = ceils and bool(values.get("count_include_pad", 0))
        if counts and not pads:
            _state(node, count_include_pad=0)
        if maker == "Pad" and not (pads or ceils):
            _state(node, auto_pad="VALID", pads=None)
        elif maker == "Pad" or (maker == "DequantizeLinear" and counts and pads):
            insert_barrier(model.graph, node)


def _state(node: onnx.NodeProto, **attributes: Any) -> None:
    """Set attributes of a node; None removes one."""
    kept = [a for a in node.attribute if a.name not in attributes]
    stated = [helper.make_attribute(k, v) for k, v in attributes.items() if v is not None]
    del node.attribute[:]
    node.attribute.extend([*kept, *stated])
