"""Find the tensor whose rounding a graph amplifies most, for files that differ from their graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_imgq.errors import ModelError
from edge_imgq.images.layout import to_nchw
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.quantize.error_model.level_gain import NEARLY_ITS_GRAPH, LevelGain
from edge_imgq.skipped import Skipped
from edge_imgq.verify.drift import AS_ITS_GRAPH, Drift, ImageDrift

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.images.samples import Sample
    from edge_imgq.pipeline.verify.references import ComparedFile, References

SIDE = 96
"""Height and width in pixels of the crop to measure on, if the graph takes any size."""

NOT_ROUNDED = Skipped("its graph rounds nothing but the image")


class AmplifiedLevels:
    """Keeps for each file the image on which it differs most from its graph."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._farthest: dict[Path, tuple[int, ComparedFile, NDArray[np.uint8]]] = {}

    def offer(self, file: ComparedFile, sample: Sample, row: ImageDrift) -> None:
        """Keep an image if more values are two levels or more off the graph than on earlier ones.

        Levels are of 255. Only int8 files that run on this host and return an image are considered.

        Args:
            file: the opened file.
            sample: the image.
            row: drift of the file on the image.
        """
        off = int(row.differences[2:].sum())
        is_image = file.session.note.contract.returns_image
        if file.quantized is None or file.host is not None or not is_image:
            return
        if off > self._farthest.get(file.path, (0,))[0]:
            self._farthest[file.path] = off, file, sample.pixels

    def of(self, path: Path, drift: Drift, watch: Watch) -> LevelGain | Skipped:
        """Return the tensor of the graph with the largest gain from one level to the output.

        The graph is run on the kept image, cropped to its middle 96 × 96 pixels if it takes any
        size.

        Args:
            path: path of a file that was passed to `offer`.
            drift: drift of the file.
            watch: called before measuring.

        Returns:
            The gain, in levels of 255 per level of a tensor; the reason if nearly all values agree
            with the graph, or the graph does not run or rounds nothing.
        """
        if drift.conversion.within_1 >= AS_ITS_GRAPH or path not in self._farthest:
            return NEARLY_ITS_GRAPH
        import onnx_ir as ir

        from edge_imgq.quantize.error_model.level_gains import level_gains

        _, file, pixels = self._farthest[path]
        note = file.session.note
        watch(ProgressStep(f"look where {note.target} leaves its graph", 0, 1))
        if file.quantized is not None and file.quantized.size is None:
            pixels = _middle(pixels, note.contract.multiple)
        model = ir.load(self._references.quantized_graph(note))
        peak = note.contract.peak
        try:
            gains = level_gains(model, to_nchw(pixels, peak), peak)
        except ModelError as error:
            return Skipped(str(error))
        return gains[0] if gains else NOT_ROUNDED


def _middle(pixels: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """Return the center crop of SIDE pixels, rounded down to a multiple, or of the whole side."""
    side = max(SIDE // multiple, 1) * multiple
    rows, columns = (
        slice(start, start + side) for start in (max(n - side, 0) // 2 for n in pixels.shape[:2])
    )
    return pixels[rows, columns]
