"""Select the images to calibrate and evaluate on, and keep the two sets apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from edge_imgq.errors import ImageError
from edge_imgq.images.perceptual_hash import fingerprint, is_copy
from edge_imgq.images.samples import (
    ImageSet,
    Photo,
    Sample,
    array_set,
    file_set,
    folder_set,
    is_one_image,
    sample_count,
    samples,
)
from edge_imgq.pipeline.progress import ProgressStep, Watch
from edge_imgq.recipe.manifest import default_manifest, image_path, read_manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_imgq.pipeline.open_model.source import Source


Images: TypeAlias = "str | Path | ImageSet | Sequence[str | Path] | Sequence[NDArray[np.uint8]]"
"""Images as given by the user: a folder, a list of files, or pixels in memory."""


def calibration_images(images: Images | None) -> ImageSet:
    """Return the user's images as a set; for None, the calibration images of the manifest.

    Raises:
        ImageError: there is no image, or a folder, file or array is not valid; or an image of the
            manifest is missing or changed.
        UsageError: the user's folder does not exist.
        RecipeError: the manifest is invalid.
    """
    return _manifest_set("calibration") if images is None else image_set(images)


def evaluation_images(images: Images | None) -> ImageSet:
    """Return the user's images as a set; for None, the evaluation images of the manifest.

    Raises:
        ImageError: there is no image, or a folder, file or array is not valid; or an image of the
            manifest is missing or changed.
        UsageError: the user's folder does not exist.
        RecipeError: the manifest is invalid.
    """
    return _manifest_set("evaluation") if images is None else image_set(images)


def image_set(images: Images) -> ImageSet:
    """Return the user's images as a set.

    Args:
        images: folder of photographs or of `input/` and `truth/`; list of files; one array or a
            list of arrays, uint8 (H, W, 3) or (H, W, 1); or a set, which is returned.

    Raises:
        ImageError: there is no image, or a folder, file or array is not valid.
        UsageError: a path that should be a folder is not one.
    """
    if isinstance(images, ImageSet):
        return images
    if isinstance(images, (str, Path)):
        return folder_set(Path(images))
    given = [images] if is_one_image(images) else list(images)
    if given and all(isinstance(image, (str, Path)) for image in given):
        return file_set([Path(str(image)) for image in given])
    return array_set(given)


def network_inputs(
    images: ImageSet,
    source: Source,
    known: Mapping[str, NDArray[np.uint8]] = MappingProxyType({}),
) -> Iterator[Sample]:
    """Yield images as network inputs, uint8 (H, W, C), with their truth if known.

    They are read one at a time. Where the task defines a degradation and the set has no pairs,
    images are degraded and the photograph is the truth. For a recurrent network, states are those
    after some frames. For a model of fixed size they are cropped, or extended by reflection.

    Args:
        images: images to read.
        source: float model.
        known: levels (1, 1, C) of further inputs by name; others are drawn.

    Raises:
        ImageError: an image cannot be read, or is smaller than the receptive field.
    """
    from edge_imgq.graph.receptive_field.receptive_field import receptive_field
    from edge_imgq.graph.shapes.size import own_size

    smallest = receptive_field(source.model).diameter or 1
    read = samples(images, source.contract, own_size(source.model), smallest, known)
    yield from _after_frames(read, source) if source.contract.is_recurrent else read


def _after_frames(read: Iterator[Sample], source: Source) -> Iterator[Sample]:
    """Yield inputs whose states come from running the float model on earlier frames."""
    import onnx_ir as ir

    from edge_imgq.contract import FileNote
    from edge_imgq.images.frame_sequences import CALIBRATED, run_frames
    from edge_imgq.images.layout import pixels_of
    from edge_imgq.runtime.onnxruntime import OnnxSession
    from edge_imgq.version import __version__

    note = FileNote(source.name, "onnx-float", source.contract, __version__)
    session = OnnxSession(ir.to_proto(source.model), note, threads=0)
    for index, sample in enumerate(read):
        frames = CALIBRATED[index % len(CALIBRATED)] + 1
        *_, (seen, _) = run_frames(session.levels, sample.pixels, source.contract, frames)
        yield replace(sample, pixels=pixels_of(seen))


def covering_set(images: ImageSet, source: Source, watch: Watch) -> ImageSet:
    """Select at most 64 images of a set, which cover its activation ranges.

    A smaller set is returned unchanged. Of more than 1000 images, every n-th is considered, so that
    at most 1000 are run.

    Args:
        images: calibration images.
        source: float model whose activations are measured.
        watch: called for each image.

    Raises:
        ImageError: an image cannot be read, or is too small.
        NonFiniteOutputError: an activation is NaN or infinite.
    """
    if len(images.photos) <= MAX_CALIBRATION_IMAGES:
        return images
    from edge_imgq.graph.shapes.size import own_size
    from edge_imgq.quantize.calibration.calibration_selection import covering_images

    stride = -(-len(images.photos) // LOOKED_AT)
    looked_at = replace(images, photos=images.photos[::stride])
    count = sample_count(looked_at, source.contract)

    def pixels() -> Iterator[NDArray[np.uint8]]:
        for index, sample in enumerate(network_inputs(looked_at, source)):
            watch(ProgressStep("choose calibration images", index, count))
            yield sample.pixels

    peak, size = source.contract.peak, own_size(source.model)
    chosen = covering_images(source.model, pixels(), peak, MAX_CALIBRATION_IMAGES, size)
    each = count // len(looked_at.photos)  # inputs that one photograph gives
    taken = list(dict.fromkeys(index // each for index in chosen.positions))
    photos = tuple(looked_at.photos[index] for index in taken)
    order = [index * each + variant for index in taken for variant in range(each)]
    extremes = frozenset(i for i, index in enumerate(order) if index in chosen.extremes)
    description = f"{len(photos)} of the {images.description}, by the ranges they reach"
    return ImageSet(description, photos, extremes)


MAX_CALIBRATION_IMAGES = 64
"""Most images that calibration uses."""

LOOKED_AT = 1000
"""Most images to select them from."""


def refuse_overlap(calibration: ImageSet, evaluation: ImageSet) -> None:
    """Raise if two sets share an image, compared by the SHA-256 of their contents.

    Raises:
        ImageError: an image is in both sets.
    """
    known = {photo.sha256: photo for photo in calibration.photos}
    for photo in evaluation.photos:
        twin = known.get(photo.sha256)
        if twin is not None:
            raise ImageError(
                f"{photo.words} is in the evaluation set and, as {twin.words}, in the calibration "
                f"set. {KEEP_APART}"
            )


def refuse_copies(calibration: ImageSet, evaluation: ImageSet) -> None:
    """Raise if two sets share a picture, also recompressed, resized or cropped.

    Images are compared by perceptual hashes, so a copy may be missed.

    Raises:
        ImageError: an image of one set is a copy of one of the other, or cannot be read.
    """
    known = [(photo, fingerprint(photo)) for photo in calibration.photos]
    for photo in evaluation.photos:
        own = fingerprint(photo)
        for twin, other in known:
            if is_copy(own, other):
                raise ImageError(
                    f"{photo.words} of the evaluation set shows the same as {twin.words} of the "
                    f"calibration set, or a piece of it. {KEEP_APART}"
                )


KEEP_APART = "Drift measured on calibration images looks better than it is; keep them apart."


def _manifest_set(split: str) -> ImageSet:
    """Return the images of the default manifest with a split: "calibration" or "evaluation"."""
    path = default_manifest()
    chosen = [image for image in read_manifest(path) if image.split == split]
    if not chosen:
        raise ImageError(
            f'{path} lists no image with split = "{split}"; add one, or name a folder.'
        )
    photos = tuple(Photo(image.name, image_path(image), of_manifest=True) for image in chosen)
    return ImageSet(f"{len(photos)} {split} images of the manifest", photos)
