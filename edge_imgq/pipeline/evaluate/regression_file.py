"""Read and write ANR and A+, or learn them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import write_bytes
from edge_imgq.errors import ImageError, ModelError, UsageError
from edge_imgq.images.files import list_images, read_image
from edge_imgq.pipeline.evaluate.anchored_regression import WINDOW, AnchoredRegression
from edge_imgq.pipeline.evaluate.learn_regression import learn_regression
from edge_imgq.pipeline.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METHODS = ("ANR", "A+")
SHARED = ("basis", "atoms")
MIN_SIDE = 2 * (WINDOW + 1)
"""Least height and width of a photograph for learning, in pixels of the low-resolution image."""


def regressions(
    file: Path | None, photos: Path | None, scale: int, watch: Watch
) -> dict[str, AnchoredRegression]:
    """Read ANR and A+ from a file, or learn them from photographs and write the file.

    Args:
        file: file to read, or to write if it does not exist; None to write none.
        photos: folder of photographs to learn from if the file does not exist.
        scale: upscaling factor.
        watch: called before learning.

    Returns:
        The two methods, by the names "ANR" and "A+".

    Raises:
        UsageError: neither file nor photographs exist, or the file is of another scale.
        ImageError: no photograph of the folder can be used.
        ModelError: the file is damaged or of another kind.
        OutputError: the file cannot be written.
    """
    if file is not None and file.exists():
        return _read(file, scale)
    if photos is None:
        raise UsageError(
            f"{file} does not exist. To make it, name photographs to learn from: --learn-from DIR."
        )
    watch(ProgressStep(f"learn ANR and A+ from {photos.name} (minutes)", 0, 1))
    learned = dict(zip(METHODS, learn_regression(_luma_of(photos, scale), scale), strict=True))
    if file is not None:
        _write(file, learned, scale)
    return learned


def _luma_of(folder: Path, scale: int) -> list[NDArray[np.uint8]]:
    photos = [read_image(file, "y") for file in list_images(folder)]
    large = [photo for photo in photos if min(photo.shape[:2]) >= MIN_SIDE * scale]
    if not large:
        raise ImageError(
            f"No photograph in {folder} has {MIN_SIDE * scale} pixels on each side, which "
            f"learning to enlarge {scale} times needs."
        )
    return large


def _write(file: Path, learned: Mapping[str, AnchoredRegression], scale: int) -> None:
    from safetensors.numpy import save

    first = learned[METHODS[0]]
    tensors = {name: np.ascontiguousarray(getattr(first, name)) for name in SHARED}
    tensors |= {name: method.maps for name, method in learned.items()}
    write_bytes(file, save(tensors, {"scale": str(scale)}))


def _read(file: Path, scale: int) -> dict[str, AnchoredRegression]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "np") as stored:
            known = (stored.metadata() or {}).get("scale", "")
            tensors = {name: stored.get_tensor(name) for name in (*SHARED, *METHODS)}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file} was not written by --learn-from: {error}.") from error
    if known != str(scale):
        raise UsageError(
            f"{file} was learned for enlarging {known} times, and the model enlarges {scale} "
            "times: name another file."
        )
    basis, atoms = (tensors[name] for name in SHARED)
    return {name: AnchoredRegression(scale, basis, atoms, tensors[name]) for name in METHODS}
