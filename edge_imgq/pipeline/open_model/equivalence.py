"""Whether a model that was read computes what the person's own file computes.

Reading changes a graph in many steps, and each is meant to keep its meaning. Here the file as it is
and the graph that came of it are run on the same two images, before anything else happens. Where
they are further apart than rounding takes them, the model is refused, and the step named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import PixelRange
from edge_imgq.errors import ModelError
from edge_imgq.graph.load.load import STEPS
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.pipeline.open_model.original_file import Original, SourceAgreement
from edge_imgq.runtime.source_onnx import (
    MOST_PIXELS,
    OwnPorts,
    SourceOnnx,
    first_line,
    gives_bytes,
    image_size,
    in_onnx_runtime,
    in_reference_evaluator,
    is_rounded,
)
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from typing import Any

    import onnx
    import onnx_ir as ir
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract

    Image = NDArray[np.float64]
    Size = tuple[int, int]

ROUNDING = 2e-4
"""Of the largest value of an image from 0 to 1: what float32 may differ by; a 20th of a level."""

HALF_ROUNDING = 2e-2
"""What a file that computes in half precision may differ by from the same in float32."""

LEVEL = 1.01 / 255
"""What a file that returns 8-bit pixels may differ by: it rounds, or cuts off."""

NUDGE = 2e-6
"""What an image is changed by to see how far rounding alone takes a network."""

NUDGES = 3

MARGIN = 4
"""So many times the values that rounding alone changes may be others."""

USUAL = ((64, 96), (192, 256))
"""Heights and widths that open models are compared at, or what they take above them."""


def original_of(
    file: OnnxModel,
    model: ir.Model,
    contract: ImageContract,
    pixels: PixelRange,
    sizes: Sequence[Size],
) -> Original:
    """Compare a file with the model that was read from it.

    Args:
        file: as it was given.
        model: float, of images from 0 to the contract's peak.
        contract: of the model.
        pixels: the values that the file has for pixel 0 and pixel 255.
        sizes: heights and widths that the model is wanted at.

    Raises:
        ModelError: they differ by more than rounding; the step that changed it is named.
    """
    given = file.load(weights=False)
    reasons = []
    for size in _sizes(given, model, contract, sizes):
        found = _compared(file, given, model, contract, pixels, size)
        if isinstance(found, SourceAgreement):
            return Original(file, pixels, found)
        reasons.append(found)
    return Original(file, pixels, reasons[0])


def _sizes(
    given: onnx.ModelProto, model: ir.Model, contract: ImageContract, sizes: Sequence[Size]
) -> tuple[Size, ...]:
    """Return sizes to compare at, until both run at one; small ones first where that is free."""
    from edge_imgq.graph.shapes.size import own_size

    fixed = image_size(given) or own_size(model)
    if fixed is not None:
        return (fixed,)
    small = [size for size in sizes if size[0] * size[1] <= MOST_PIXELS]
    return tuple(dict.fromkeys((*small, *(contract.fitting(size) for size in USUAL), *sizes)))


def _compared(
    given_as: OnnxModel,
    given: onnx.ModelProto,
    model: ir.Model,
    contract: ImageContract,
    pixels: PixelRange,
    size: Size,
) -> SourceAgreement | Skipped:
    import onnx_ir as ir

    images = test_images(size, contract.channels)
    own = OwnPorts.of(contract)
    file = _running(given_as, given, pixels, images[0], own)
    if isinstance(file, Skipped):
        return file
    unit = PixelRange(0.0, contract.peak)
    further, others = (
        [replace(port, low=(0.0,), high=(unit.high,)) for port in ports]
        for ports in (contract.further, contract.others)
    )
    ported = OwnPorts(further, others=others)
    ours = _tried(in_onnx_runtime(ir.to_proto(model), unit, 1, ports=ported), images[0])
    if isinstance(ours, Skipped):
        return ours
    comparison = _Comparison(file, given, images)
    levels = comparison.distance(ours) * 255
    if comparison.is_same(ours):
        return SourceAgreement(file.runtime, levels, size)
    culprit = _culprit(given_as, comparison, pixels, own)
    raise ModelError(
        f"{given_as.where} returns another image than the model that edge-imgq made of it: at "
        f"{size[0]}x{size[1]} they are up to {levels:.3g} levels of 255 apart, by {file.runtime}. "
        f"What changed it is {culprit}. That is no fault of the "
        "file: please report it, and export the model for another opset meanwhile."
    )


def test_images(size: Size, channels: int) -> list[Image]:
    """Return two images (H, W, C) of 8-bit levels from 0 to 1: noise, and gradients with an edge.

    Args:
        size: height and width.
        channels: of each.
    """
    noise = np.random.default_rng(0).integers(0, 256, (*size, channels)) / 255.0
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float64)
    rows, columns = rows / max(size[0] - 1, 1), columns / max(size[1] - 1, 1)
    planes = [rows * columns, (rows + columns) / 2, np.where(rows > columns, 0.8, 0.2 * columns)]
    gradients = np.stack([planes[channel % 3] for channel in range(channels)], axis=2)
    return [noise, np.rint(gradients * 255) / 255.0]


def _running(
    file: OnnxModel,
    given: onnx.ModelProto,
    pixels: PixelRange,
    image: Image,
    ports: OwnPorts,
) -> SourceOnnx | Skipped:
    """Return a file in ONNX Runtime, or where that does not run it, in the reference evaluator."""
    whole = file.load() if file.as_it_is is None else given
    opened = in_onnx_runtime(whole, pixels, 1, file.as_it_is, ports)
    tried = _tried(opened, image)
    if not isinstance(tried, Skipped):
        return tried
    if image.shape[0] * image.shape[1] > MOST_PIXELS:
        larger = f"{image.shape[0]}x{image.shape[1]} is too large for ONNX's reference evaluator"
        return Skipped(f"{tried.reason}; {larger}")
    other = _tried(in_reference_evaluator(file.load(), pixels, ports), image)
    return Skipped(f"{tried.reason}; {other.reason}") if isinstance(other, Skipped) else other


def _tried(opened: SourceOnnx | Skipped, image: Image) -> SourceOnnx | Skipped:
    if isinstance(opened, Skipped):
        return opened
    try:
        opened(image)
    except Exception as error:  # runtimes raise what their operators raise
        return Skipped(f"{opened.runtime} does not run it: {first_line(error)}")
    return opened


class _Comparison:
    """One file's images, and how far those of others may be from them."""

    def __init__(self, file: SourceOnnx, given: onnx.ModelProto, images: Sequence[Image]) -> None:
        self.file, self.images = file, images
        self.wanted = [file(image) for image in images]
        self.is_clipped = gives_bytes(given)
        self.is_rounded = is_rounded(given)
        largest = max(
            [1.0, *(float(np.abs(w[np.isfinite(w)]).max(initial=0)) for w in self.wanted)]
        )
        share = ROUNDING
        if self.is_rounded:
            share = LEVEL if self.is_clipped else HALF_ROUNDING
        self.limit = share * largest

    def distance(self, other: SourceOnnx) -> float:
        """Return the largest difference, images from 0 to 1."""
        return max(
            float(self._apart(w, other(image)).max(initial=0))
            for image, w in zip(self.images, self.wanted, strict=True)
        )

    def is_same(self, other: SourceOnnx) -> bool:
        """Tell whether another model's images differ by no more than rounding.

        Networks that round or compare inside change single values by a lot when a digit changes;
        what their own image does when the input is nudged is allowed, a few times over.
        """
        far = self._far(other, self.images)
        return far == 0 or far <= MARGIN * self._own_share()

    def _own_share(self) -> float:
        generator = np.random.default_rng(1)
        nudged = [
            [image + generator.uniform(-NUDGE, NUDGE, image.shape) for image in self.images]
            for _ in range(NUDGES)
        ]
        return max(self._far(self.file, images) for images in nudged)

    def _far(self, other: SourceOnnx, images: Sequence[Image]) -> float:
        """Return the share of values that are further apart than rounding takes them."""
        apart = [self._apart(w, other(image)) for image, w in zip(images, self.wanted, strict=True)]
        return float(np.mean([np.mean(values > self.limit) for values in apart]))

    def _apart(self, wanted: Image, got: Image) -> NDArray[Any]:
        """Return the differences; infinite everywhere where not even the shapes are the same."""
        if wanted.shape != got.shape:
            return np.full(wanted.shape, np.inf)
        apart = np.abs(wanted - got)
        same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
        if self.is_clipped:  # what a cast to bytes makes of others is the processor's choice
            same |= (got < 0) | (got > 1)
        if self.is_rounded:  # half precision overflows where float32 does not
            same |= ~np.isfinite(wanted)
        return np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf))


def _culprit(file: OnnxModel, comparison: _Comparison, pixels: PixelRange, ports: OwnPorts) -> str:
    """Return the first step of reading after which the images are others, in words."""
    model = file.load()
    for what, step in STEPS:
        model = step(model)
        images = comparison.images
        opened = _tried(in_onnx_runtime(model, pixels, 1, ports=ports), images[0])
        if isinstance(opened, Skipped) and images[0].size <= 3 * MOST_PIXELS:
            opened = _tried(in_reference_evaluator(model, pixels, ports), images[0])
        if not isinstance(opened, Skipped) and not comparison.is_same(opened):
            return what
    return "what follows simplification"
