"""Pairs of (network input, ground truth) from folders of images."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError
from edge_imgq.images.degrade import PIECES, degrade_for
from edge_imgq.images.files import read_image
from edge_imgq.images.pair_files import pair_files
from edge_imgq.images.port_samples import noise_port, noisy_of_level, with_ports
from edge_imgq.images.resize import crop_to_multiple, resize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_imgq.models.zoo import ZooEntry


@dataclass(frozen=True)
class Pair:
    """A network input and its ground truth.

    Attributes:
        name: file name of the image.
        degraded: input, uint8 (H, W, C); inputs other than the image are channels after it.
        truth: ground truth, uint8 (scale * H, scale * W, C).
    """

    name: str
    degraded: NDArray[np.uint8]
    truth: NDArray[np.uint8]


@dataclass(frozen=True)
class LeftOut:
    """A file that could not be used.

    Attributes:
        path: path of the file.
        reason: why, as a sentence or clause.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class PairSet:
    """All pairs of some folders.

    Attributes:
        pairs: inputs with their ground truths.
        left_out: files that could not be used.
    """

    pairs: tuple[Pair, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Recipe:
    """Parameters of making pairs from images.

    Attributes:
        seed: Seed of the degradations, combined with each image's name.
        scales: Relative sizes at which every image is used.
        versions: Degraded versions per image.
        pair_weight: Copies of a real pair per version.
        then: Degradations applied after the one of the task.
    """

    seed: int
    scales: tuple[float, ...] = (1.0,)
    versions: int = 1
    pair_weight: int = 1
    then: tuple[str, ...] = ()


def load_pairs(folders: tuple[Path, ...], entry: ZooEntry, recipe: Recipe) -> PairSet:
    """Read every image of the folders and degrade it for the network's task.

    A folder of pairs gives its own pairs (`edge_imgq.images.pair_files`). Sides are cropped at the
    bottom and right to the network's multiple. Unreadable files, and pairs of different sizes, are
    in `left_out`. Degradations repeat exactly for a seed and file name.

    Args:
        folders: folders of images, in this order.
        entry: network of the zoo, whose task, scale, colour and inputs decide the pairs.
        recipe: sizes, versions and seed.

    Raises:
        UsageError: A folder is missing or holds no image.
        ImageError: No image of the folders could be used.
    """
    pairs: list[Pair] = []
    left_out: list[LeftOut] = []
    for file in (file for folder in folders for file in pair_files(folder)):
        try:
            truth = read_image(file.truth, entry.colour)
            if file.degraded is not None:
                real = _real_pair(truth, file.degraded, entry)
                pairs += [real] * (recipe.versions * recipe.pair_weight)
            else:
                pairs += _degraded_pairs(file.truth.name, truth, entry, recipe)
        except ImageError as error:
            left_out.append(LeftOut(file.truth, str(error)))
    if not pairs:
        raise ImageError(f"No usable image in {', '.join(map(str, folders))}.")
    return PairSet(tuple(pairs), tuple(left_out))


def _real_pair(truth: NDArray[np.uint8], path: Path, entry: ZooEntry) -> Pair:
    degraded = read_image(path, entry.colour)
    if degraded.shape != truth.shape:
        raise ImageError(f"{path} is {degraded.shape}, its sharp image {truth.shape}.")
    multiple = entry.multiple
    return Pair(path.name, crop_to_multiple(degraded, multiple), crop_to_multiple(truth, multiple))


def _degraded_pairs(
    name: str, truth: NDArray[np.uint8], entry: ZooEntry, recipe: Recipe
) -> Iterator[Pair]:
    """Yield degraded pairs of one image at every size, each version with a separate seed."""
    for index, scale in enumerate(recipe.scales):
        size = (round(truth.shape[0] * scale), round(truth.shape[1] * scale))
        sized = truth if scale == 1.0 else resize(truth, size)
        sized = crop_to_multiple(sized, entry.scale * entry.multiple)
        for version in range(recipe.versions):
            # The name, not the position, so that adding a file leaves the others as they were.
            rng = np.random.default_rng([recipe.seed, zlib.crc32(name.encode()), index, version])
            yield Pair(name, _degraded(sized, entry, recipe.then, rng), sized)


def _degraded(
    truth: NDArray[np.uint8], entry: ZooEntry, then: tuple[str, ...], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Degrade a photograph for the network's task; inputs beside the image are channels after it.

    A network that is told the noise level gets a random one, and its image that noise.
    """
    port = noise_port(entry.contract)
    if port is None:
        return degrade_for(entry.task, entry.scale, then)(truth, rng)
    picture, level = noisy_of_level(truth, port, rng)
    for piece in then:
        picture = PIECES[piece]()(picture, rng)
    return with_ports(picture, entry.contract, rng, {port.name: level})
