"""Slopes of LeakyReLUs that an exporter has lost.

Paddle2ONNX 2.1.0 writes whatever lies in memory for the slope of every LeakyReLU of PaddlePaddle
3.3.1, without a warning (`findings/paddle2onnx-activation-constants.sh`): 8e-34 or 5e+27, say.
Nobody trains such a slope.
"""

from __future__ import annotations

import onnx_ir as ir

SMALLEST, LARGEST = 1e-5, 100.0
"""Slopes between these, and 0, are taken to be meant."""


def lost_slopes(model: ir.Model) -> tuple[str, ...]:
    """Return a sentence on LeakyReLUs whose slope cannot be meant; nothing if there are none."""
    lost = [node for node in model.graph if _is_lost(node)]
    if not lost:
        return ()
    first = lost[0]
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    slope = first.attributes.get_float("alpha", 0.0)
    return (
        f"LeakyRelu '{first.name}'{more} of the model has a slope of {slope:.0e}, which nobody "
        "trains: Paddle2ONNX loses slopes. Compare the file's result with the network's.",
    )


def _is_lost(node: ir.Node) -> bool:
    if node.op_type != "LeakyRelu" or node.domain:
        return False
    slope = abs(node.attributes.get_float("alpha", 0.01))
    return slope != 0.0 and not SMALLEST <= slope <= LARGEST
