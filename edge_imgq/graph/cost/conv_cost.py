"""Cost of a convolution in each variant that a TFLite file may use.

The quantizer and the writer share this model. A kernel computes output channels in tiles and reads
input channels in groups (`edge_imgq.kernels.tile`), so four output channels may cost as much as
sixteen, and in int8 one input channel as much as eight. A convolution that keeps the image size
may be computed on blocks of pixels, which fill both better
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
"""Largest cost, relative to the plain variant, at which a rewrite is chosen.

The slot count is only a model, and every block requires image sizes that are multiples of it.
"""

Pair = tuple[int, int]


@dataclass(frozen=True)
class ConvShape:
    """The properties that determine the cost of a size-preserving convolution of stride 1.

    Attributes:
        kernel: height and width, in taps.
        start: padding at the top and left, in pixels.
        inputs: input channels.
        outputs: output channels.
        quantized: whether it is int8.
        shuffled: whether a depth-to-space follows.
    """

    kernel: Pair
    start: Pair
    inputs: int
    outputs: int
    quantized: bool
    shuffled: bool = False


@dataclass(frozen=True)
class ConvRewrite:
    """The estimated cost of one variant of a convolution, per output position (pixel).

    A variant in blocks treats block × block pixels as channels of one position, as SpaceToDepth
    does.

    Attributes:
        slots: multiply-accumulates of the kernel's tiles, idle lanes included, plus the cost of
            copies in the same unit.
        taps: kernel taps that are computed per output position.
        blocked: tensors that are stored in blocks of pixels: none, the output, the input as well
            (with taps, or with the taps gathered as channels, "im2col"), or only the output
            channels that exceed whole kernel tiles ("remainder").
        block: side of a block in pixels; 1 for none.
    """

    slots: float
    taps: float
    blocked: Literal["nothing", "output", "input", "im2col", "remainder"] = "nothing"
    block: int = 1

    @property
    def positions(self) -> float:
        """Kernel applications per output position: 1 / block²."""
        return 1 / self.block**2


def cheapest_rewrite(
    layer: ConvShape, kernels: KernelProfile, blocks: Collection[int] = BLOCKS
) -> ConvRewrite:
    """Return the cheapest variant, or the plain one if none costs below 0.9 of it (WORTHWHILE).

    Costs are multiply-accumulates per output position, idle lanes included (`Tile.slots`).
    They include the copies to blocks and back, and a following depth-to-space.

    Args:
        layer: the convolution.
        kernels: kernel profile of the target processor.
        blocks: sides, out of BLOCKS (2 and 4), that divide the image's height and width; with
            none, the plain variant is returned.
    """
    plain = no_rewrite(layer, kernels)
    variants = [variant(layer, side, kernels) for variant in (_output, _input) for side in blocks]
    if layer.quantized and kernels.int8.tap:
        variants += [_im2col(layer, side, kernels) for side in blocks]
    if (
        kernels.splits_remainder_outputs
        and BLOCKS[0] in blocks
        and _may_split_outputs(layer, kernels)
    ):
        variants.append(_remainder(layer, BLOCKS[0], kernels))
    least = min(variants, key=lambda variant: variant.slots, default=plain)
    return least if least.slots / plain.slots < WORTHWHILE else plain


def no_rewrite(layer: ConvShape, kernels: KernelProfile) -> ConvRewrite:
    """Return the variant of a convolution without blocks of pixels.

    Slots are estimated per output position for the processor of the kernel profile, with a
    following depth-to-space if the layer has one.
    """
    taps = prod(layer.kernel)
    slots = _slots(layer, taps, 1, 1, kernels)
    return ConvRewrite(slots + _shuffle(layer, kernels), taps)


def winograd_slots(layer: ConvShape, pixels: int, kernels: KernelProfile) -> float:
    """Return the slots per output position of a float convolution by Winograd's F(2, 3) over rows.

    Two output rows take four products per column of taps in place of six; the sums of rows before
    and after are added. A following depth-to-space is not included.

    Args:
        layer: convolution with a kernel of three rows; `quantized` is False.
        pixels: height × width of the whole image.
        kernels: kernel profile of the target processor.
    """
    largest = max(layer.inputs, layer.outputs) * pixels // 2
    cost = kernels.row_parity
    sums = cost.near if largest <= cost.near_numbers else cost.far
    products = _slots(layer, prod(layer.kernel), 1, 1, kernels) * 2 / 3
    return products + sums * (layer.inputs + layer.outputs)


def block_span(kernel: int, start: int, block: int) -> Pair:
    """Return the first and last block, relative to its own, that one block reads along one axis.

    Both are included: for 3 taps, 1 pixel of padding before and blocks of 2 they are −1 and 1.
    Stride 1, no dilation.

    Args:
        kernel: taps along the axis.
        start: padding in pixels before the first pixel.
        block: pixels of a block along the axis.
    """
    return -start // block, (block - 1 + kernel - 1 - start) // block


def _output(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the variant that writes blocks; one depth-to-space serves it and any that follows."""
    taps, pixels = prod(side + block - 1 for side in layer.kernel), block**2
    slots = _slots(layer, taps, 1, pixels, kernels) / pixels
    return ConvRewrite(slots + kernels.copy * layer.outputs, taps / pixels, "output", block)


def _input(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the variant that reads and writes blocks, with the copies to blocks and back."""
    sides = zip(layer.kernel, layer.start, strict=True)
    spans = [block_span(kernel, start, block) for kernel, start in sides]
    taps, pixels = prod(last - first + 1 for first, last in spans), block**2
    slots = _slots(layer, taps, pixels, pixels, kernels) / pixels
    moved = kernels.copy * (layer.inputs + layer.outputs) + _shuffle(layer, kernels)
    return ConvRewrite(slots + moved, taps / pixels, "input", block)


def _im2col(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the variant that reads blocks with the taps gathered as channels of a 1×1 kernel.

    It pads the image, then slices and concatenates once per column and once per row of taps.
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
    """Return how many of `outputs` channels are beyond the last full int8 tile; 0 if all are full.

    A tile is as many output channels as the int8 kernel of the profile computes at once.
    """
    return outputs % kernels.int8.outputs


def _may_split_outputs(layer: ConvShape, kernels: KernelProfile) -> bool:
    """Return True if channels beyond whole tiles may be a separate convolution."""
    overfills = 0 < remainder(layer.outputs, kernels) < layer.outputs
    return overfills and layer.quantized and not layer.shuffled and prod(layer.kernel) > 1


def _remainder(layer: ConvShape, block: int, kernels: KernelProfile) -> ConvRewrite:
    """Return the variant that computes whole tiles plain and the remaining outputs in blocks."""
    rest = remainder(layer.outputs, kernels)
    whole = no_rewrite(replace(layer, outputs=layer.outputs - rest), kernels)
    blocks = _output(replace(layer, outputs=rest), block, kernels)
    slots = whole.slots + blocks.slots + kernels.copy * layer.outputs
    return ConvRewrite(slots, whole.taps + blocks.taps, "remainder", block)


def _slots(layer: ConvShape, taps: int, inputs: int, outputs: int, kernels: KernelProfile) -> float:
    """Return the slots of a convolution with the layer's channels multiplied by these factors."""
    tile = kernels.tile(quantized=layer.quantized)
    return tile.slots(taps, layer.inputs * inputs, layer.outputs * outputs)


def _shuffle(layer: ConvShape, kernels: KernelProfile) -> float:
    return kernels.copy * layer.outputs * layer.shuffled
