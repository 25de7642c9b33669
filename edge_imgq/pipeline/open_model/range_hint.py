"""Guess whether a model wants another pixel range than the default of 0 to 1.

A network fed with the wrong range silently returns a wrong image. Except in style transfer, its
output should look coarsely like its input, so the range with which it does is probably right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.contract import FileNote, PixelRange
from edge_imgq.errors import NonFiniteOutputError
from edge_imgq.version import __version__

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.pipeline.open_model.source import Source
    from edge_imgq.runtime.protocol import Session

OTHERS = {
    "0 to 255": ("--range 255", PixelRange(0, 255)),
    "-1 to 1": ("--range=-1,1", PixelRange(-1, 1)),
}
"""Other common pixel ranges of networks, by description: command-line option, and range."""

SIDE = 96
"""Height and width in pixels of the crop to run, if the network takes any size."""

BLOCKS = 8
"""Images are compared by the means of BLOCKS × BLOCKS blocks."""

FAR = 24.0
"""Distance above which output and input count as different: RMS over the blocks, in levels of 255.
"""

LOOKED_AT = 4
"""Most photographs to try; on a dark or gray one, a wrong range may hardly show."""

DOUBT = "its image is nothing like the photograph"
"""Predicate of a model whose output differs by more than FAR."""

NEARER = 0.5
"""Another range is suggested if its distance is at most this share of the default's."""


def is_range_unknown(source: Source) -> bool:
    """Return True if neither the model nor the user states a pixel range.

    Models with another result than an image, or with further inputs, return False.
    """
    unsaid = not source.is_own and source.pixel_range is None and source.contract.peak == 1.0
    return unsaid and source.contract.result is None and source.contract.takes_image_alone


def range_hint(source: Source, photos: Iterable[NDArray[np.uint8]], threads: int) -> str:
    """Return a sentence that suggests another pixel range, if the model seems to want one.

    Input and output are compared by the means of 8 × 8 blocks: they should look alike. One
    photograph that indicates another range is enough.

    Args:
        source: model that is assumed to take pixels 0 … 1.
        photos: photographs, uint8 (H, W, C) with the model's channels; the first four are used.
        threads: processor threads.

    Returns:
        The sentence; "" if the model's images resemble the photographs, or if no other range brings
        them closer and the last operator does not indicate one. If the last operator is Tanh, a
        range of -1 to 1 that brings every image closer is suggested even if they do resemble them.
    """
    pieces = [_piece(source, pixels) for pixels in islice(photos, LOOKED_AT)]
    distances = _distances(source, PixelRange(0, 1), pieces, threads)
    far = [(piece, own) for piece, own in zip(pieces, distances, strict=True) if own > FAR]
    if not far:
        return _by_nearer_end(source, pieces, distances, threads)
    pieces = [piece for piece, _ in far]
    others = {
        name: _distances(source, other, pieces, threads) for name, (_, other) in OTHERS.items()
    }
    for index, (_, own) in enumerate(far):
        name = min(others, key=lambda name: others[name][index])
        if others[name][index] <= NEARER * own:
            return (
                f"{source.name}: with pixels from 0 to 1 {DOUBT} (coarsely {own:.0f} levels "
                f"off), with {name} it is ({others[name][index]:.0f} off). If it was trained so, "
                f"say {OTHERS[name][0]}."
            )
    return _by_its_end(source, far[0][1])


def _by_its_end(source: Source, own: float) -> str:
    """Return a sentence if the last operator is Tanh, which suggests -1 to 1, else ""."""
    if not _ends_in_tanh(source):
        return ""
    return (
        f"{source.name}: {DOUBT} (coarsely {own:.0f} levels off), and its last operator is "
        f"Tanh, which returns -1 to 1. If its pixels have that range, say "
        f"{OTHERS['-1 to 1'][0]}."
    )


def _by_nearer_end(
    source: Source, pieces: Sequence[NDArray[np.uint8]], own: Sequence[float], threads: int
) -> str:
    """Return a sentence if the last operator is Tanh and -1 to 1 brings all images closer."""
    if not pieces or not _ends_in_tanh(source):
        return ""
    option, pixels = OTHERS["-1 to 1"]
    other = _distances(source, pixels, pieces, threads)
    if not all(one < before for one, before in zip(other, own, strict=True)):
        return ""
    return (
        f"{source.name}: its last operator is Tanh, which returns -1 to 1, and with pixels of that "
        f"range its image is nearer to the photograph (coarsely {other[0]:.0f} levels off, not "
        f"{own[0]:.0f}). If it was trained so, say {option}."
    )


def _ends_in_tanh(source: Source) -> bool:
    from edge_imgq.graph.edit import find_producer

    last = find_producer(source.model.graph.outputs[0])
    return last is not None and last.op_type == "Tanh"


def _piece(source: Source, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the center crop of a photograph at a size that the model takes, padded if needed."""
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
    """Return the distance of the model's image of each crop from the crop, in levels of 255.

    Args:
        source: the model.
        pixels: range to feed it with.
        pieces: crops, uint8 (H, W, C).
        threads: processor threads.
    """
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
    """Return the RMS difference of block means in levels of 255; infinity for NaN or infinity."""
    try:
        image = session.run(piece)
    except NonFiniteOutputError:
        return float("inf")
    return float(np.sqrt(np.mean((_coarse(image) - _coarse(piece)) ** 2)))


def _coarse(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the block means of an image over all channels, float64 (BLOCKS, BLOCKS)."""
    gray = image.mean(axis=2)
    rows = [block.mean(axis=0) for block in np.array_split(gray, BLOCKS, axis=0)]
    columns = [block.mean(axis=1) for block in np.array_split(np.array(rows), BLOCKS, axis=1)]
    return np.stack(columns, axis=1)
