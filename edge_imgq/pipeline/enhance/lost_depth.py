"""Decide if a photograph keeps 16 bits per channel, and explain why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.images.sixteen_bits import is_deep, missing_package

if TYPE_CHECKING:
    from edge_imgq.pipeline.enhance.enhancer import Enhancer

DEEP_SUFFIXES = (".png", ".tif", ".tiff")


def keeps_depth(photo: Path, result: Path, enhancers: Sequence[Enhancer]) -> bool:
    """Return True if a photograph has 16 bits per channel and its result will have them too.

    That needs a PNG or TIFF result, networks that compute in float and neither add colours nor
    return opacity, and the packages that read and write such files.

    Args:
        photo: file of the photograph.
        result: path of the result, which need not exist.
        enhancers: opened networks.

    Raises:
        ImageError: the photograph cannot be read.
    """
    return is_deep(photo) and not _reason(photo, result, enhancers)


def lost_depths(jobs: Sequence[tuple[Path, Path]], enhancers: Sequence[Enhancer]) -> Iterator[str]:
    """Yield a sentence for each photograph reduced from 16 to 8 bits per channel, with the reason.

    Args:
        jobs: file of each photograph and path of its result.
        enhancers: opened networks.

    Raises:
        ImageError: a photograph cannot be read.
    """
    for photo, result in jobs:
        reason = _reason(photo, result, enhancers) if is_deep(photo) else ""
        if reason:
            yield f"{photo} has 16 bits a channel, and {result} has 8: {reason}."


def _reason(photo: Path, result: Path, enhancers: Sequence[Enhancer]) -> str:
    for enhancer in enhancers:
        if not enhancer.keeps_16_bits:
            return f"{enhancer.name} takes and returns 8; onnx-float and tflite-float files keep 16"
    if result.suffix.lower() not in DEEP_SUFFIXES:
        return f"{result.suffix} holds no more; --format png and tiff do"
    return missing_package(photo, result.suffix)
