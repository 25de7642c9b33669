"""Check that a loaded model computes the same image as the user's ONNX file.

Loading rewrites a graph in several steps, each meant to keep its result. The file as given and the
loaded graph run on the same two images; if they differ by more than rounding, the model is refused
and the step that changed it is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import PixelRange
from edge_imgq.errors import ModelError
from edge_imgq.graph.load.load import LOADING_STEPS
from edge_imgq.pipeline.open_model.onnx_model import OnnxModel
from edge_imgq.pipeline.open_model.original_file import Original, SourceAgreement
from edge_imgq.runtime.source_onnx import (
    MAX_PIXELS,
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
"""Tolerance for float32, relative to the largest absolute value (at least 1); 1 is pixel 255."""

FLOAT16_ROUNDING = 2e-2
"""Tolerance for a file that computes in float16, relative to the largest absolute value."""

LEVEL = 1.01 / 255
"""Tolerance for a file that returns 8-bit pixels, which may round or truncate: one level."""

NUDGE = 2e-6
"""Largest change of an input value, 0 … 1, when measuring how a network amplifies rounding."""

NUDGES = 3
"""Number of changed copies of each test image."""

MARGIN = 4
"""Allowed share of differing values, relative to the share that changed inputs alone cause."""

USUAL = ((64, 96), (192, 256))
"""(height, width) to compare models of any size at, rounded up to sizes that they accept."""


def original_of(
    file: OnnxModel,
    model: ir.Model,
    contract: ImageContract,
    pixels: PixelRange,
    sizes: Sequence[Size],
) -> Original:
    """Check that the model loaded from a file computes the same images as the file.

    Both run on two test images, at the file's fixed size, or else at the first size at which both
    run. Of `sizes`, small ones are tried first. They may differ by 2e-4 of the largest value, 2e-2
    if the file computes in float16, one level if it returns 8-bit pixels; a network that amplifies
    rounding may have more values beyond that.

    Args:
        file: model as given.
        model: loaded float model, pixels 0 … peak.
        contract: contract of the loaded model.
        pixels: the file's values for pixel 0 and pixel 255.
        sizes: (height, width) that the model will be used at.

    Returns:
        The file with how close they are, or with the reason why no size was compared.

    Raises:
        ModelError: they differ by more; the message names the step of loading that is to blame.
    """
    given = file.load(weights=False)
    reasons = []
    for size in _sizes(given, model, contract, sizes):
        agreement = _compared(file, given, model, contract, pixels, size)
        if isinstance(agreement, SourceAgreement):
            return Original(file, pixels, agreement)
        reasons.append(agreement)
    return Original(file, pixels, reasons[0])


def _sizes(
    given: onnx.ModelProto, model: ir.Model, contract: ImageContract, sizes: Sequence[Size]
) -> tuple[Size, ...]:
    """Return the sizes to try: the fixed one, else those wanted that are small, USUAL, the rest."""
    from edge_imgq.graph.shapes.size import own_size

    fixed = image_size(given) or own_size(model)
    if fixed is not None:
        return (fixed,)
    small = [size for size in sizes if size[0] * size[1] <= MAX_PIXELS]
    return tuple(dict.fromkeys((*small, *(contract.fitting(size) for size in USUAL), *sizes)))


def _compared(
    given_as: OnnxModel,
    given: onnx.ModelProto,
    model: ir.Model,
    contract: ImageContract,
    pixels: PixelRange,
    size: Size,
) -> SourceAgreement | Skipped:
    """Compare a file and its model at one size; return the reason if one of them does not run.

    Raises:
        ModelError: they differ by more than rounding.
    """
    import onnx_ir as ir

    images = test_images(size, contract.channels)
    own = OwnPorts.of_file(given, contract)
    file = _running(given_as, given, pixels, images[0], own)
    if isinstance(file, Skipped):
        return file
    unit = PixelRange(0.0, contract.peak)
    ported = OwnPorts.in_peak_range(contract)
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
    """Return two test images: uniform noise, and gradients with an edge.

    Args:
        size: (height, width).
        channels: number of channels.

    Returns:
        float64 (H, W, C) in 0 … 1, multiples of 1/255; the same in every run.
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
    """Open a file in ONNX Runtime or, if that fails, in ONNX's reference evaluator."""
    whole = file.load() if file.as_it_is is None else given
    opened = in_onnx_runtime(whole, pixels, 1, file.as_it_is, ports)
    tried = _tried(opened, image)
    if not isinstance(tried, Skipped):
        return tried
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        larger = f"{image.shape[0]}x{image.shape[1]} is too large for ONNX's reference evaluator"
        return Skipped(f"{tried.reason}; {larger}")
    other = _tried(in_reference_evaluator(file.load(), pixels, ports), image)
    return Skipped(f"{tried.reason}; {other.reason}") if isinstance(other, Skipped) else other


def _tried(opened: SourceOnnx | Skipped, image: Image) -> SourceOnnx | Skipped:
    """Return an opened model if it runs on an image, else the reason."""
    if isinstance(opened, Skipped):
        return opened
    try:
        opened(image)
    except Exception as error:  # runtimes raise what their operators raise
        return Skipped(f"{opened.runtime} does not run it: {first_line(error)}")
    return opened


class _Comparison:
    """Images of the given file, and the tolerance for images of a model loaded from it.

    Values that the file's number type cannot represent in a defined way are not compared.
    """

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
            share = LEVEL if self.is_clipped else FLOAT16_ROUNDING
        self.limit = share * largest

    def distance(self, other: SourceOnnx) -> float:
        """Return the largest absolute difference (1 is pixel 255); infinity if shapes differ."""
        return max(
            float(self._apart(w, other(image)).max(initial=0))
            for image, w in zip(self.images, self.wanted, strict=True)
        )

    def is_same(self, other: SourceOnnx) -> bool:
        """Return True if another model's images differ by no more than rounding.

        In networks that round or compare inside, a tiny difference may change single values by
        much. So the share of differing values may be up to 4 times (MARGIN) the share that the file
        itself shows when its input changes by at most 2e-6 (NUDGE).
        """
        far = self._far(other, self.images)
        return far == 0 or far <= MARGIN * self._own_share()

    def _own_share(self) -> float:
        """Return the share of the file's values that a tiny change of the input moves beyond it."""
        generator = np.random.default_rng(1)
        nudged = [
            [image + generator.uniform(-NUDGE, NUDGE, image.shape) for image in self.images]
            for _ in range(NUDGES)
        ]
        return max(self._far(self.file, images) for images in nudged)

    def _far(self, other: SourceOnnx, images: Sequence[Image]) -> float:
        """Return the share of values that differ by more than the tolerance, 0 to 1."""
        apart = [self._apart(w, other(image)) for image, w in zip(images, self.wanted, strict=True)]
        return float(np.mean([np.mean(values > self.limit) for values in apart]))

    def _apart(self, wanted: Image, got: Image) -> NDArray[Any]:
        """Return the absolute differences of all values; all infinite if the shapes differ."""
        if wanted.shape != got.shape:
            return np.full(wanted.shape, np.inf)
        with np.errstate(invalid="ignore", over="ignore"):  # equal infinities are `same`, below
            apart = np.abs(wanted - got)
        same = (wanted == got) | (np.isnan(wanted) & np.isnan(got))
        if self.is_clipped:  # casting values out of range to uint8 depends on the processor
            same |= (got < 0) | (got > 1)
        if self.is_rounded:  # float16 overflows where float32 does not
            same |= ~np.isfinite(wanted)
        return np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf))


def _culprit(file: OnnxModel, comparison: _Comparison, pixels: PixelRange, ports: OwnPorts) -> str:
    """Describe the first step of loading after which the images differ."""
    model = file.load()
    for what, step in LOADING_STEPS:
        model = step(model)
        images = comparison.images
        opened = _tried(in_onnx_runtime(model, pixels, 1, ports=ports), images[0])
        if isinstance(opened, Skipped) and images[0].size <= 3 * MAX_PIXELS:
            opened = _tried(in_reference_evaluator(model, pixels, ports), images[0])
        if not isinstance(opened, Skipped) and not comparison.is_same(opened):
            return what
    return "what follows simplification"
