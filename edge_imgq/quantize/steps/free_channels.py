"""Cost of a tensor's width: the kernel tiles that it fills in the adjacent layers.

A kernel computes channels in tiles (`edge_imgq.kernels.tile`): with tiles of eight, a layer that
writes ten channels computes sixteen, and one that reads ten reads sixteen. The unused channels of a
tile can hold copies of channels that carry the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import onnx_ir as ir

from edge_imgq.graph.cost.conv_slots import mac_slots
from edge_imgq.kernels.profile import KernelProfile
from edge_imgq.kernels.tile import round_up


def free_channels(
    writers: Sequence[ir.Node], readers: Sequence[ir.Node], width: int, kernels: KernelProfile
) -> int:
    """Count the channels that a value can gain without more work in the adjacent layers.

    The work of a layer is its multiply-accumulates per output position in complete int8 tiles,
    those for unused channels included. Exact by the profile; 0 if an adjacent layer is not a Conv,
    or if `width` already fills its tiles.

    Args:
        writers: layers that write the value.
        readers: layers that read it.
        width: present number of channels.
        kernels: kernel profile of the target processor.
    """
    if any(node.op_type != "Conv" for node in (*writers, *readers)):
        return 0
    free = 0
    now = {node: mac_slots(node, kernels) for node in (*writers, *readers)}
    for wider in range(width + 1, round_up(width, kernels.int8.outputs) + 1):
        written = all(mac_slots(n, kernels, outputs=wider) <= now[n] for n in writers)
        read = all(mac_slots(n, kernels, inputs=wider) <= now[n] for n in readers)
        if written and read:
            free = wider - width
    return free


def slots_beside(
    writers: Sequence[ir.Node], readers: Sequence[ir.Node], width: int, kernels: KernelProfile
) -> float:
    """Estimate the int8 multiply-accumulates of the layers that write or read a value.

    They are counted per position of the value and in slots: kernels compute whole tiles of
    channels, so unused channels of the last tile count as well. A reader with strides counts for
    its share of the positions.

    Args:
        writers: Conv layers that write the value.
        readers: Conv layers that read it.
        width: number of channels of the value to count for, which may differ from the present one.
        kernels: kernel profile of the target processor.
    """
    total = sum(mac_slots(node, kernels, outputs=width) for node in writers)
    for node in readers:
        strides = node.attributes.get_ints("strides", [1, 1])
        total += mac_slots(node, kernels, inputs=width) / prod(strides)
    return total
