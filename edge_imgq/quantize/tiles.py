"""Places that a tensor may gain for nothing: those that fill the tiles of the layers beside it.

A kernel computes channels in tiles (`edge_imgq.graph.lanes`): a layer that writes ten channels
computes sixteen, and one that reads ten reads sixteen. What is there anyway may hold copies of
channels that carry the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from edge_imgq.graph.lanes import OUTPUT_LANES, round_up
from edge_imgq.graph.layer_slots import layer_slots


def free_places(writers: Sequence[ir.Node], readers: Sequence[ir.Node], width: int) -> int:
    """Return how many channels a value may gain before a layer beside it fills more slots.

    Args:
        writers: layers that write the value.
        readers: layers that read it.
        width: its channels.
    """
    if any(node.op_type != "Conv" for node in (*writers, *readers)):
        return 0
    places = 0
    for wider in range(width + 1, round_up(width, OUTPUT_LANES) + 1):
        written = all(layer_slots(n, outputs=wider) <= layer_slots(n) for n in writers)
        read = all(layer_slots(n, inputs=wider) <= layer_slots(n) for n in readers)
        if written and read:
            places = wider - width
    return places
