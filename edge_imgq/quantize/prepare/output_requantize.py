"""Insert a requantization where the last operator has a fixed output range.

A Sigmoid writes levels of 1/256, pixels have levels of 1/255. If the Sigmoid is the last operator,
its output would need both scales. An Identity after it carries the second one, and the graph states
the rounding of the file: to 1/256, then to pixels.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.graph import edit
from edge_imgq.quantize.scales.scale_constraints import FIXED_OUTPUT


def insert_output_requantize(graph: ir.Graph) -> None:
    """Append an Identity to each graph output that a Sigmoid, Tanh or Softmax writes, in place.

    Exact. Formats fix the output scale of such operators, 1/256 for a Sigmoid, and pixels have
    1/255. The Identity carries the second scale. Names of outputs stay.
    """
    for index, value in enumerate(graph.outputs):
        node = value.producer()
        if node is None or node.op_type not in FIXED_OUTPUT:
            continue
        identity = ir.node("Identity", [value], name=f"{node.name}.pixels")
        output = identity.outputs[0]
        output.shape, output.type = value.shape, value.type
        output.name, value.name = value.name, edit.free_name(graph, f"{value.name}.levels")
        graph.append(identity)
        graph.outputs[index] = output
