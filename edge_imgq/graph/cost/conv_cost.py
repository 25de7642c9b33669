"""What a convolution costs in each form that a TFLite file may give it.

Quantizer and writer both ask here. A kernel computes output channels in tiles and reads input
channels in groups (`edge_imgq.kernels.tile`), so four output channels may cost as much as sixteen,
and in int8 one input channel as much as eight. A convolution that keeps the size of its image may
be computed in blocks of pixels, which fill more of both
(`edge_imgq.export.tflite.kernel_rewrites`). Costs are slots per output position.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from edge_imgq.kernels.profile import KernelProfile

BLOCKS = (2, 4)
WORTHWHILE = 0.9
"""A form is taken when it costs less than this share of the plain one: the count of slots is a
model, and every block makes the file insist on multiples of its size."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class ConvShape:
    """What the cost of a convolution depends on: one of stride 1 that keeps its image's size.

    Attributes:
        kernel: height and width.
        start: rows of padding at the top, columns on the left.
        inputs: channels.
        outputs: likewise.
        quantized: whether it is int8.
        shuffled: whether a depth-to-space follows anyway.
    """

    kernel: Pair
    start: Pair
    inputs: int
    outputs: int
    quantized: bool
    shuffled: bool = False


@dataclass(frozen=True)
class ConvRewrite:
    """What a convolution costs at each position of its output, in one of its forms.

    Attributes:
        slots: multiply-accumulates in filled lanes, and what is moved for them.
        taps: of its kernel.
        blocked: what lies in blocks of pixels: nothing, what it writes, what it reads too (with its
            taps, or these gathered as channels), or of what it writes the channels that overfill
            the tiles of its kernel.
        block: side of such a block.
    """

    slots: float
    taps: float
    blocked: Literal["nothing", "output", "input", "im2col", "remainder"] = "nothing"
    block: int = 1

    @property
    def places(self) -> float:
        """That the kernel is laid on for each position: fewer than one where each is a block."""
        return 1 / self.block**2


def cheapest_rewrite(
    layer: ConvShape, kernels: KernelProfile, blocks: Collection[int] = BLOCKS
) -> ConvRewrite:
    """Return the form of fewest slots; the plain one unless another costs clearly less.

    Args:
        layer: the convolution.
        kernels: of the processor that it is for.
        blocks: sides of blocks that fit its image.
    """
    plain = no_rewrite(layer, kernels)
    forms = [form(layer, side, kernels) for form in (_output, _input) for side in blocks]
    if layer.quantized and kernels.int8.tap:
        forms += [_im2col(layer, side, kernels) for side in blocks]
    if kernels.parts_outputs and BLOCKS[0] in blocks and _is_parted(layer, kernels):
        forms.append(_remainder(layer, BLOCKS[0], kernels))
    least = min(forms, key=lambda form: form.slots, default=plain)
    return least if least.slots / plain.slots < WORTHWHILE else plain


def no_rewrite(layer: ConvShape, kernels: KernelProfile) -> ConvRewrite:
    """Return a convolution as it stands, with the depth-to-space behind it."""
    taps = prod(layer.kernel)
    slots = _slots(layer, taps, 1, 1, kernels)
    return ConvRewrite(slots + _shuffle(layer, kernels), taps)


def winograd_slots(layer: ConvShape, pixels: int, kernels: KernelProfile) -> float:
    """Return the slots of a float convolution of three rows as a minimal filter.

    Args:
        layer: the convolution.
        pixels: of the whole image.
        kernels: of the processor that it is for.
    """
    largest = max(layer.inputs, layer.outputs) * pixels // 2
    cost = kernels.row_parity
    sums = cost.near if largest <= cost.near_numbers else cost.far
    products = _slots(layer, prod(layer.kernel), 1, 1, kernels) * 2 / 3
    return products + sums * (layer.inputs + layer.outputs)


def block_span(kernel: int, start: int, block: int) -> Pair:
    """Return the first and the last block that the pixels of one block read, along one side."""
    return -start // block, (block - 1 + kernel - 1 - start) // block


def _output(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the form that writes blocks; one depth-to-space does for it and any that follows."""
    taps, pixels = prod(side + block - 1 for side in layer.kernel), block**2
    slots = _slots(layer, taps, 1, pixels, kernels) / pixels
    return ConvRewrite(slots + kernels.copy * layer.outputs, taps / pixels, "output", block)


def _input(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the form that reads and writes blocks, and the moves to blocks and back."""
    sides = zip(layer.kernel, layer.start, strict=True)
    spans = [block_span(kernel, start, block) for kernel, start in sides]
    taps, pixels = prod(last - first + 1 for first, last in spans), block**2
    slots = _slots(layer, taps, pixels, pixels, kernels) / pixels
    moved = kernels.copy * (layer.inputs + layer.outputs) + _shuffle(layer, kernels)
    return ConvRewrite(slots + moved, taps / pixels, "input", block)


def _im2col(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the form that reads blocks and has no taps: what they see was made channels.

    A border, and for the columns and then for the rows of taps a copy to cut and one to join.
    """
    sides = zip(layer.kernel, layer.start, strict=True)
    rows, columns = (block_span(kernel, start, block) for kernel, start in sides)
    high, wide = rows[1] - rows[0] + 1, columns[1] - columns[0] + 1
    pixels = block**2
    slots = _slots(layer, 1, pixels * high * wide, pixels, kernels) / pixels
    gathered = layer.inputs * (1 + 2 * wide + 2 * wide * high)
    moved = kernels.copy * (layer.inputs + gathered + layer.outputs) + _shuffle(layer, kernels)
    return ConvRewrite(slots + moved, 1 / pixels, "im2col", block)


def remainder(outputs: int, kernels: KernelProfile) -> int:
    """Return the output channels of an int8 convolution that overfill the tiles of its kernel."""
    return outputs % kernels.int8.outputs


def _is_parted(layer: ConvShape, kernels: KernelProfile) -> bool:
    """Tell whether some outputs may be computed apart: where integers are joined unchanged."""
    overfills = 0 < remainder(layer.outputs, kernels) < layer.outputs
    return overfills and layer.quantized and not layer.shuffled and prod(layer.kernel) > 1


def _remainder(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the form of whole tiles, and the other outputs in blocks, joined behind."""
    rest = remainder(layer.outputs, kernels)
    whole = no_rewrite(replace(layer, outputs=layer.outputs - rest), kernels)
    blocks = _output(replace(layer, outputs=rest), block, kernels)
    slots = whole.slots + blocks.slots + kernels.copy * layer.outputs
    return ConvRewrite(slots, whole.taps + blocks.taps, "remainder", block)


def _slots(layer: ConvShape, taps: int, inputs: int, outputs: int, kernels: KernelProfile) -> float:
    """Return the slots of a convolution with so many times the channels of a layer."""
    tile = kernels.tile(quantized=layer.quantized)
    return tile.slots(taps, layer.inputs * inputs, layer.outputs * outputs)


def _shuffle(layer: ConvShape, kernels: KernelProfile) -> float:
    return kernels.copy * layer.outputs * layer.shuffled
