"""A hint for models whose pixels may be others than the 0 to 1 that is taken where nobody says.

A network that gets pixels of another range returns a wrong picture without a word. In every task
but style transfer the image that it should return is, coarsely, the one that it got; so the range
with which it is says more than the file does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import FileNote, PixelRange
from edge_imgq.errors import NonFiniteOutputError
from edge_imgq.report.report import RANGE_DOUBT
from edge_imgq.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.runtime.protocol import Session

OTHERS = {
    "0 to 255": ("--range 255", PixelRange(0, 255)),
    "-1 to 1": ("--range=-1,1", PixelRange(-1, 1)),
}
"""Ranges that networks are trained with, besides 0 to 1: the option that says so, and the range."""

SIDE = 96
"""Of the piece of a photograph that is looked at, where the network takes any size."""

BLOCKS = 8
"""Images are compared by the means of so many by so many blocks."""

FAR = 24.0
"""Levels of 255, root mean square over the blocks, from which an image is another one."""

LOOKED_AT = 4
"""Photographs at most: on a dark or a gray one, a wrong range may hardly show."""

NEARER = 0.5
"""Share of the distance that another range must stay below to be named."""


def is_range_unknown(source: Source) -> bool:
    """Tell whether neither the model nor the person said what the pixels of an image are."""
    unsaid = not source.is_own and source.asked is None and source.contract.peak == 1.0
    return unsaid and source.contract.result is None and source.contract.takes_image_alone


def range_hint(source: Source, photos: Iterable[NDArray[np.uint8]], threads: int) -> str:
    """Return a sentence that names another range of pixels, if the model seems to want one.

    One photograph that says so is enough.

    Args:
        source: a model that is taken to want pixels from 0 to 1, because nobody said.
        photos: pixels of photographs (H, W, C), C as the model takes; the first LOOKED_AT are
            looked at.
        threads: processor threads.

    Returns:
        The sentence, or "" where the model's images are near the photographs, or neither another
        range brings them nearer nor its last operator says which it has.
    """
    pieces = [_piece(source, pixels) for pixels in islice(photos, LOOKED_AT)]
    distances = _distances(source, PixelRange(0, 1), pieces, threads)
    far = [(piece, own) for piece, own in zip(pieces, distances, strict=True) if own > FAR]
    if not far:
        return ""
    pieces = [piece for piece, _ in far]
    others = {
        name: _distances(source, other, pieces, threads) for name, (_, other) in OTHERS.items()
    }
    for place, (_, own) in enumerate(far):
        name = min(others, key=lambda name: others[name][place])
        if others[name][place] <= NEARER * own:
            return (
                f"{source.name}: with pixels from 0 to 1 {RANGE_DOUBT} (coarsely {own:.0f} levels "
                f"off), with {name} it is ({others[name][place]:.0f} off). If it was trained so, "
                f"say {OTHERS[name][0]}."
            )
    return _by_its_end(source, far[0][1])


def _by_its_end(source: Source, own: float) -> str:
    """Return a sentence where a network, of another style perhaps, ends in pixels from -1 to 1."""
    from edge_imgq.graph.edit import find_maker

    last = find_maker(source.model.graph.outputs[0])
    if last is None or last.op_type != "Tanh":
        return ""
    return (
        f"{source.name}: {RANGE_DOUBT} (coarsely {own:.0f} levels off), and its last operator is "
        f"Tanh, which returns -1 to 1. If its pixels have that range, say "
        f"{OTHERS['-1 to 1'][0]}."
    )


def _piece(source: Source, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the middle of a photograph, of a size that the model takes."""
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.images.tiles import pad_to

    multiple = source.contract.multiple
    side = -(-SIDE // multiple) * multiple
    size = own_size(source.model) or (side, side)
    height, width = pixels.shape[:2]
    top, left = max((height - size[0]) // 2, 0), max((width - size[1]) // 2, 0)
    return pad_to(pixels[top : top + size[0], left : left + size[1]], size)


def _distances(
    source: Source, pixels: PixelRange, pieces: Sequence[NDArray[np.uint8]], threads: int
) -> list[float]:
    """Return how far the model's image of each piece is from the piece, in levels."""
    import onnx_ir as ir

    from edge_imgq.graph.pixel_range import to_unit_range
    from edge_imgq.runtime.onnxruntime import OnnxSession

    model, contract = source.model, replace(source.contract, peak=pixels.high)
    if pixels.low != 0:
        model, contract = model.clone(), source.contract
        to_unit_range(model, pixels)
    note = FileNote(source.name, "onnx-float", contract, __version__)
    session = OnnxSession(ir.to_proto(model), note, threads)
    return [_distance(session, piece) for piece in pieces]


def _distance(session: Session, piece: NDArray[np.uint8]) -> float:
    try:
        image = session.run(piece)
    except NonFiniteOutputError:
        return float("inf")
    return float(np.sqrt(np.mean((_coarse(image) - _coarse(piece)) ** 2)))


def _coarse(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the means of blocks of an image, (BLOCKS, BLOCKS), over all channels."""
    gray = image.mean(axis=2)
    rows = [part.mean(axis=0) for part in np.array_split(gray, BLOCKS, axis=0)]
    columns = [part.mean(axis=1) for part in np.array_split(np.array(rows), BLOCKS, axis=1)]
    return np.stack(columns, axis=1)
