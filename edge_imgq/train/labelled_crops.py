"""Crops of degraded photographs, labelled with their degradations and the gain of each repair."""

from __future__ import annotations

import dataclasses
import itertools
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from edge_imgq.errors import ImageError
from edge_imgq.images.chroma import luma_of, recoloured
from edge_imgq.images.colour import exact_luma, rgb_to_y
from edge_imgq.images.crops import evenly_spaced_pixels
from edge_imgq.images.files import read_image
from edge_imgq.images.mixture import degrade, draw_scenario
from edge_imgq.images.pair_files import pair_files
from edge_imgq.images.resize import resize
from edge_imgq.models.measures import DETAIL_GAINS, REPAIRS, TONE_GAINS, to_outputs
from edge_imgq.models.zoo import load_network, zoo_entry
from edge_imgq.train.pairs import LeftOut
from edge_imgq.train.patches import Batch, oriented

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from edge_imgq.models.assessor import DegradationNet
    from edge_imgq.train.pairs import Recipe

    Pixels = NDArray[np.uint8]

AT_ONCE = 64
"""Crops per batch of the fixed filters."""

GRID = 8
"""Block size of JPEG, in pixels."""

BORDER = 8
"""Pixels at the border of a region that are excluded from the error."""

MIN_ERROR = 0.5
"""Lower bound of the mean squared error, in levels of 255 squared: 51 dB."""

GAINS = (-4.0, 8.0)
"""Clip range of gains, in dB."""

AS_STORED, MIN_RELATIVE_SIZE = 0.35, 0.5
"""Fraction of crops at the photograph's size, and smallest relative size of the others."""

GRAY, SHIFTED, REPAIRED = 0.12, 0.3, 0.15
"""Fractions of photographs made gray, cut off the JPEG grid, and already repaired.

For repaired ones only the gain of another repair is known.
"""

SAMPLES, MAX_CROP_SIDE, MIN_CROP_SHARE = 2, 340, 0.5
"""Samples of whole photographs for each region; the sides of the parts that they are of, in pixels.

A part has at most the first number of pixels along a side, and a random share of it from the second
number up: its tones are those of another photograph.
"""

TONES = {"exposure": 0.3, "phone": 0.25}
"""Degradations of tones, with the fraction of the samples that has each; the rest has none."""

UNHARMED = 45.0
"""PSNR in dB of tones above which there is nothing of theirs that `deblur-slim` could gain.

What it does to detail would count there.
"""

TONES_ALONE = 0.8
"""Fraction of the samples that are of photographs without another degradation."""


@dataclass(frozen=True)
class CropSet:
    """Crops and samples of photographs with their labels.

    Attributes:
        pixels: RGB, uint8 (N, p, p, 3).
        labels: scaled measures as `to_outputs` gives them, float32 (N, measures); NaN if unknown.
        left_out: files that could not be used.
    """

    pixels: Pixels
    labels: NDArray[np.float32]
    left_out: tuple[LeftOut, ...]


class CropSampler:
    """Draws filter responses of random crops, with labels.

    The network's first filters are constant, so each crop is filtered once, rotated or mirrored in
    a way that keeps the JPEG grid aligned.

    Args:
        crops: crops to draw from.
        network: network whose filters are applied.
        batch: crops per draw.
    """

    def __init__(self, crops: CropSet, network: DegradationNet, batch: int) -> None:
        turned = [oriented(crop, index % 8) for index, crop in enumerate(crops.pixels)]
        with torch.inference_mode():
            statistics = [
                network.statistics(
                    torch.from_numpy(np.stack(turned[start : start + AT_ONCE])) / 255
                )
                for start in range(0, len(turned), AT_ONCE)
            ]
        self._batch = batch
        self.all = Batch(torch.cat(statistics).numpy(), crops.labels[..., None, None])

    def draw(self, rng: np.random.Generator) -> Batch:
        """Draw the next batch, with replacement; only `rng` changes state.

        Returns:
            Mean responses (batch, n, 1, 1) in 0 … 6 as inputs, and as targets scaled measures
            (batch, measures, 1, 1), NaN if unknown; both float32.
        """
        chosen = rng.integers(0, len(self.all.degraded), self._batch)
        return Batch(self.all.degraded[chosen], self.all.truth[chosen])


def load_crops(folders: tuple[Path, ...], recipe: Recipe, patch: int) -> CropSet:
    """Make labelled crops of degraded photographs, to train a network that measures degradations.

    A region of each photograph is degraded at random and cut into four crops, labelled with the
    severities and with the PSNR that each network of REPAIRS gains there. Two more crops (SAMPLES)
    hold evenly spaced pixels of a large part whose tones are degraded. Results repeat exactly for a
    seed and file names.

    Args:
        folders: folders of sharp photographs without degradations.
        recipe: seed, and number of versions per photograph.
        patch: side of a crop in pixels, a multiple of 8.

    Raises:
        UsageError: a folder is missing or holds no image.
        ImageError: no photograph is readable with sides of at least 2 × patch + 8 pixels (GRID).
        ModelError: the weights of a network are missing or do not fit.
    """
    networks = {name: load_network(name) for name in REPAIRS}
    pixels: list[Pixels] = []
    labels: list[NDArray[np.float32]] = []
    left_out: list[LeftOut] = []
    for file in (file for folder in folders for file in pair_files(folder)):
        try:
            photo = read_image(file.truth, "rgb")
        except ImageError as error:
            left_out.append(LeftOut(file.truth, str(error)))
            continue
        if min(photo.shape[:2]) < 2 * patch + GRID:
            left_out.append(LeftOut(file.truth, f"smaller than {2 * patch + GRID} pixels"))
            continue
        for version in range(recipe.versions):
            rng = np.random.default_rng(
                [recipe.seed, zlib.crc32(file.truth.name.encode()), version]
            )
            both = (_labelled(photo, patch, networks, rng), _samples(photo, patch, networks, rng))
            for crop, label in itertools.chain(*both):
                pixels.append(crop)
                labels.append(label)
    if not pixels:
        raise ImageError(f"No usable image in {', '.join(map(str, folders))}.")
    return CropSet(np.stack(pixels), np.stack(labels), tuple(left_out))


def _labelled(
    photo: Pixels, patch: int, networks: dict[str, nn.Module], rng: np.random.Generator
) -> Iterator[tuple[Pixels, NDArray[np.float32]]]:
    """Yield four labelled crops of one degraded region."""
    truth = _region(photo, 2 * patch + GRID, rng)
    names = draw_scenario(rng)
    degraded, suffered = degrade(truth, names, rng)
    truth, degraded = in_colour(truth), in_colour(degraded)
    known: dict[str, float] = dataclasses.asdict(suffered)
    del known["exposure"]
    if suffered.blur == 0:
        del known["elongation"]
    if rng.uniform() < REPAIRED:
        name = tuple(DETAIL_GAINS)[int(rng.integers(len(DETAIL_GAINS)))]
        degraded, known = repaired(degraded, name, networks[name]), {}
    before = _errors(truth, degraded)
    after = {
        DETAIL_GAINS[n]: _errors(truth, repaired(degraded, n, networks[n])) for n in DETAIL_GAINS
    }
    first = int(rng.integers(1, GRID)) if rng.uniform() < SHIFTED else 0
    for top in (first, first + patch):
        for left in (first, first + patch):
            window = slice(top, top + patch), slice(left, left + patch)
            psnr = _decibels(before[window])
            gains = {
                name: float(np.clip(_decibels(errors[window]) - psnr, *GAINS))
                for name, errors in after.items()
            }
            if set(TONES) & set(names):  # whose errors hide those of detail
                gains, psnr = {}, math.nan
            yield degraded[window], to_outputs({**known, "detail_psnr": psnr, **gains})


def _samples(
    photo: Pixels, side: int, networks: dict[str, nn.Module], rng: np.random.Generator
) -> Iterator[tuple[Pixels, NDArray[np.float32]]]:
    """Yield samples of parts of a photograph, labelled with what their tones suffered and gain.

    Gains are measured on the part at the size of a sample, before its detail is degraded.
    """
    for _ in range(SAMPLES):
        truth = _random_crop(photo, rng)
        toned, suffered = degrade(truth, _drawn_tones(rng), rng)
        degraded = toned
        if rng.uniform() > TONES_ALONE:
            degraded, _ = degrade(
                toned, tuple(n for n in draw_scenario(rng) if n not in TONES), rng
            )
        truth, toned = (resize(in_colour(one), (side, side)) for one in (truth, toned))
        before = luma_psnr(truth, toned)
        gains = {
            measure: luma_psnr(truth, repaired(toned, name, networks[name])) - before
            for name, measure in TONE_GAINS.items()
        }
        if before > UNHARMED:
            del gains[TONE_GAINS["deblur-slim"]]
        clipped = {measure: float(np.clip(gain, *GAINS)) for measure, gain in gains.items()}
        values = {"exposure": suffered.exposure, "tone_psnr": before, **clipped}
        yield evenly_spaced_pixels(in_colour(degraded), side), to_outputs(values)


def _drawn_tones(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw what the tones of a photograph suffer: a key of TONES, or nothing."""
    names = [*TONES, ""]
    name = names[int(rng.choice(len(names), p=[*TONES.values(), 1.0 - sum(TONES.values())]))]
    return (name,) if name else ()


def _random_crop(photo: Pixels, rng: np.random.Generator) -> Pixels:
    """Cut a random part out of a photograph, sometimes in gray."""
    lengths = photo.shape[:2]
    shape = [round(min(n, MAX_CROP_SIDE) * rng.uniform(MIN_CROP_SHARE, 1.0)) for n in lengths]
    top, left = (int(rng.integers(n - m + 1)) for n, m in zip(lengths, shape, strict=True))
    crop = photo[top : top + shape[0], left : left + shape[1]]
    return exact_luma(crop) if rng.uniform() < GRAY else crop


def repaired(photo: Pixels, name: str, network: nn.Module) -> Pixels:
    """Return the result of a network of the zoo on an RGB photograph, as `enhance` computes it.

    A network on luma gets BT.601 luma; the photograph's chroma is added to its result. Values are
    rounded to 8 bits after the network.

    Args:
        photo: uint8 (H, W, 3).
        name: name of the network in the zoo; its scale is 1.
        network: the network with its weights.

    Returns:
        uint8 (H, W, 3).

    Raises:
        UsageError: there is no such network.
    """
    from edge_imgq.train.validate import restore

    if zoo_entry(name).colour == "rgb":
        return restore(network, photo)
    return recoloured(photo, restore(network, luma_of(photo)))


def in_colour(photo: Pixels) -> Pixels:
    """Return uint8 (H, W, 1) or (H, W, 3) as RGB (H, W, 3): gray is repeated, RGB unchanged."""
    return np.repeat(photo, 3, axis=2) if photo.shape[2] == 1 else photo


def luma_psnr(truth: Pixels, image: Pixels) -> float:
    """Return the PSNR of an RGB image in dB, on BT.601 luma, at most 51, excluding the border.

    0.5 (MIN_ERROR) is added to the mean squared error, in levels of 255 squared, so equal images
    give 51.1 dB; 8 pixels on each side (BORDER) do not count.

    Args:
        truth: RGB, uint8 (H, W, 3).
        image: RGB, uint8 of the same shape.
    """
    return _decibels(_errors(truth, image))


def _errors(truth: Pixels, image: Pixels) -> NDArray[np.float64]:
    """Return squared errors of luma (H, W), in levels squared; NaN at the border."""
    errors: NDArray[np.float64] = ((rgb_to_y(image) - rgb_to_y(truth)) ** 2)[..., 0]
    inside = np.full_like(errors, np.nan)
    kept = slice(BORDER, -BORDER)
    inside[kept, kept] = errors[kept, kept]
    return inside


def _decibels(errors: NDArray[np.float64]) -> float:
    return float(10 * np.log10(255.0**2 / (np.nanmean(errors) + MIN_ERROR)))


def _region(photo: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    """Cut a square region out of a photograph at a random size, sometimes in gray."""
    if rng.uniform() > AS_STORED:
        least = max(MIN_RELATIVE_SIZE, side / min(photo.shape[:2]))
        share = rng.uniform(least, max(least, 0.9))
        photo = resize(photo, (round(photo.shape[0] * share), round(photo.shape[1] * share)))
    top, left = (int(rng.integers(0, length - side + 1)) for length in photo.shape[:2])
    region = photo[top : top + side, left : left + side]
    return exact_luma(region) if rng.uniform() < GRAY else region
