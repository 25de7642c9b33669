"""Network inputs and ground truths, made from ordinary photographs.

A photograph is the ground truth and is degraded as the task defines (`edge_imgq.images.degrade`),
with a seed derived from its name, so every run uses the same pixels. A folder with `input/` and
`truth/` holds pairs. If the task is unknown, the photograph is the input and there is no truth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.artifact import sha256_of
from edge_imgq.contract import ImageContract
from edge_imgq.errors import ImageError
from edge_imgq.images.degrade import degrade_for
from edge_imgq.images.files import as_image, in_colour, list_images, read_image, unread_images
from edge_imgq.images.fit_to_size import fit
from edge_imgq.images.mixture import SCENARIOS, degrade, pieces_of
from edge_imgq.images.noise import GaussianNoise
from edge_imgq.images.port_samples import noise_of, noise_port, noisy_of_level, with_ports
from edge_imgq.images.resize import upscale
from edge_imgq.scale import Scale, scaled
from edge_imgq.wording import count_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import Colour

    Pixels: TypeAlias = NDArray[np.uint8]

ENOUGH = 64
"""Height and width of an input that suffices for any receptive field: a network of a hundred layers
sees further than most photographs reach, and an app's images end as early. The photographs that
ship give at least 75 pixels to a network that enlarges four times."""


UNKNOWN_TASKS = frozenset({"image-to-image", "image-to-vector"})
"""Tasks of networks with an unspecified purpose: there is no ground truth."""


@dataclass(frozen=True)
class Photo:
    """One image, and the file with its ground truth if that is a separate one.

    Attributes:
        name: name in reports.
        path: path of its file; for an image in memory, its description in messages.
        truth: file of its ground truth; None if that is the image itself, or unknown.
        pixels: pixels of an image in memory, uint8 (H, W, 3) or (H, W, 1); None for a file.
        of_manifest: whether a manifest lists it, so that messages use the name instead of the path.
    """

    name: str
    path: Path
    truth: Path | None = None
    pixels: Pixels | None = field(default=None, compare=False, repr=False)
    of_manifest: bool = False

    @property
    def words(self) -> str:
        """Description of the image in messages."""
        return f"'{self.name}' of the manifest" if self.of_manifest else str(self.path)

    def read(self, colour: Colour) -> Pixels:
        """Read the image in the colour that a network takes.

        uint8 (H, W, 1) luma for "y", (H, W, 3) RGB for "rgb"; see `read_image`.

        Raises:
            ImageError: its file is missing, truncated or not an image.
        """
        if self.pixels is None:
            return read_image(self.path, colour)
        return in_colour(self.pixels, colour)

    @property
    def sha256(self) -> str:
        """SHA-256 digest of its file, or of the pixels and their shape, in hexadecimal.

        Raises:
            OSError: the file cannot be read.
        """
        if self.pixels is None:
            return sha256_of(self.path)
        return hashlib.sha256(repr(self.pixels.shape).encode() + self.pixels.tobytes()).hexdigest()

    @property
    def identity(self) -> str:
        """Name and SHA-256 of image and truth in one line; the name seeds random degradations."""
        truth = "" if self.truth is None else sha256_of(self.truth)
        return f"{self.name} {self.sha256} {truth}"


@dataclass(frozen=True)
class ImageSet:
    """Images for one purpose.

    Attributes:
        description: description in reports.
        photos: the images.
        extremes: indices, among its network inputs, of those selected for extreme activations; they
            are not typical images.
    """

    description: str
    photos: tuple[Photo, ...]
    extremes: frozenset[int] = frozenset()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 digest of names and contents in any order, computed at the first access."""
        lines = sorted(photo.identity for photo in self.photos)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Sample:
    """One network input, uint8 (H, W, C), with its ground truth if known.

    Attributes:
        name: name of the image.
        pixels: all inputs of the network, concatenated along the channels.
        truth: uint8 (H × scale, W × scale, C); None if unknown.
        picture: the plain image; None if it is the only input.
    """

    name: str
    pixels: Pixels
    truth: Pixels | None
    picture: Pixels | None = None

    def untreated(self, scale: Scale) -> Pixels:
        """Return the input resized to `scale` times by bicubic: the result without a network.

        uint8 (scale × H, scale × W, C), rounded half to even; without further inputs' channels.
        """
        image = self.pixels if self.picture is None else self.picture
        return image if scale == 1 else upscale(image, scale)


def folder_set(folder: Path) -> ImageSet:
    """List the images of a folder, or the pairs of its `input/` and `truth/` folders.

    Files are sorted by name; pairs have one name but for the suffix. No file is opened.

    Raises:
        UsageError: a folder does not exist or holds no image.
        ImageError: an input has no truth of the same name.
    """
    if not (folder / "input").is_dir() or not (folder / "truth").is_dir():
        photos = tuple(Photo(path.stem, path) for path in list_images(folder))
        words = f"{count_of(len(photos), 'image')} of {folder.name}"
        return ImageSet("; ".join(filter(None, (words, unread_images(folder)))).rstrip("."), photos)
    truths = {path.stem: path for path in list_images(folder / "truth")}
    inputs = list_images(folder / "input")
    lonely = [path.name for path in inputs if path.stem not in truths]
    if lonely:
        raise ImageError(
            f"{folder / 'truth'} has no image named like {lonely[0]} of {folder / 'input'}; "
            "pairs have the same name but for the extension."
        )
    photos = tuple(Photo(path.stem, path, truths[path.stem]) for path in inputs)
    return ImageSet(f"{count_of(len(photos), 'pair')} in {folder.name}/", photos)


def file_set(paths: Sequence[Path]) -> ImageSet:
    """Make an image set from a list of image files, without ground truths.

    Files keep their order and are named by their stems. They are not opened yet.

    Raises:
        ImageError: the list is empty, or a file does not exist.
    """
    _refuse_none(paths)
    for path in paths:
        if not path.is_file():
            raise ImageError(f"{path} does not exist or is not a file.")
    photos = tuple(Photo(path.stem, path) for path in paths)
    return ImageSet(f"{count_of(len(photos), 'image')} of a list", photos)


def array_set(arrays: Sequence[object]) -> ImageSet:
    """Make an image set from arrays: uint8, (H, W, 3) RGB, (H, W, 1) or (H, W) gray.

    The arrays are not copied. They are named "image 1", "image 2" and so on, and have no ground
    truth.

    Raises:
        ImageError: the list is empty, or an array has another type or shape.
    """
    _refuse_none(arrays)
    photos = []
    for number, array in enumerate(arrays, start=1):
        pixels = as_image(array, name := f"image {number}")
        photos.append(Photo(name, Path(f"{name} of {len(arrays)}"), pixels=pixels))
    return ImageSet(f"{count_of(len(photos), 'image')} in memory", tuple(photos))


def is_one_image(images: object) -> bool:
    """Return True if an argument meant as a list is a single NumPy image: (H, W) or (H, W, 1 or 3).

    The dtype is not looked at.
    """
    if not isinstance(images, np.ndarray):
        return False
    return images.ndim == 2 or (images.ndim == 3 and images.shape[2] in (1, 3))


def _refuse_none(images: Sequence[object]) -> None:
    if not len(images):
        raise ImageError("The list of images is empty; give at least one.")


def samples(
    images: ImageSet,
    contract: ImageContract,
    size: tuple[int, int] | None,
    smallest: int = 1,
    known: Mapping[str, Pixels] = MappingProxyType({}),
) -> Iterator[Sample]:
    """Read the images of a set one at a time as network inputs, uint8 (H, W, C).

    One input per image, in order; for assessment networks one per scenario of
    `edge_imgq.images.mixture`. Without a separate truth, the image is the truth and is degraded as
    the task defines, with a seed from its name, so results repeat exactly; for a network of unknown
    task, the image is the input.

    Args:
        images: images to read.
        contract: contract of the network.
        size: fixed input height and width of the network, to which photographs are cropped or
            extended by reflection; None if it takes any.
        smallest: side of the network's receptive field. If the network takes any size, an input
            must be at least that large, or at least 64 pixels a side (ENOUGH).
        known: levels of further inputs by name, uint8 (1, 1, C), 0 … 255 over their range; others
            are drawn.

    Raises:
        ImageError: a file is unreadable, or an image is too small.
    """
    for photo in images.photos:
        if contract.task == "assessment":
            yield from _degraded_each_way(photo, contract, size)
            continue
        sample = _ported(_read(photo, contract, size), contract, photo, known)
        if size is None:
            _refuse_small(photo, sample, smallest)
        yield sample


def sample_count(images: ImageSet, contract: ImageContract) -> int:
    """Count the network inputs that `samples` reads from a set, without reading it."""
    return len(images.photos) * (len(SCENARIOS) if contract.task == "assessment" else 1)


def _ported(
    sample: Sample, contract: ImageContract, photo: Photo, known: Mapping[str, Pixels]
) -> Sample:
    """Make all inputs of a network from a picture; add noise according to its noise input."""
    if contract.takes_image_alone:
        return sample
    generator, levels = _generator(f"{sample.name} ports"), dict(known)
    picture, truth, port = sample.pixels, sample.truth, noise_port(contract)
    enlarges = contract.task == "super-resolution" and photo.truth is None
    if port is not None and truth is None and contract.task == "denoise":
        truth = picture
        told = known.get(port.name)
        picture, levels[port.name] = noisy_of_level(truth, port, generator, told)
    elif port is not None and (contract.task in UNKNOWN_TASKS or enlarges):
        drawn = np.full((1, 1, port.channels), generator.integers(256), np.uint8)
        level = levels.setdefault(port.name, drawn)
        restores = truth is None and contract.scale == 1 and contract.result is None
        truth = picture if restores else truth
        if restores or enlarges:
            sigma = noise_of(port, int(level.flat[0]))
            picture = GaussianNoise((sigma, sigma))(picture, generator)
    return Sample(sample.name, with_ports(picture, contract, generator, levels), truth, picture)


def _degraded_each_way(
    photo: Photo, contract: ImageContract, size: tuple[int, int] | None
) -> Iterator[Sample]:
    """Yield a photograph clean and with every kind of degradation, for assessment networks."""
    picture = fit(photo.read(contract.colour), size, contract, unit=1)
    for scenario in SCENARIOS:
        rng = _generator(f"{photo.name} {scenario}")
        degraded, _ = degrade(picture, pieces_of(scenario, rng), rng)
        yield Sample(f"{photo.name}, {scenario}", degraded, None)


def _read(photo: Photo, contract: ImageContract, size: tuple[int, int] | None) -> Sample:
    picture = photo.read(contract.colour)
    if photo.truth is not None:
        return _pair(photo, picture, read_image(photo.truth, contract.colour), contract, size)
    known = contract.task not in UNKNOWN_TASKS
    picture = fit(picture, size, contract, contract.scale if known else contract.photo_unit)
    noise_follows = contract.task == "denoise" and noise_port(contract) is not None
    if not known or noise_follows:
        return Sample(photo.name, picture, None)
    degrade = degrade_for(contract.task, contract.scale)
    return Sample(photo.name, degrade(picture, _generator(photo.name)), picture)


def _pair(
    photo: Photo,
    pixels: Pixels,
    truth: Pixels,
    contract: ImageContract,
    size: tuple[int, int] | None,
) -> Sample:
    scale = contract.scale
    if truth.shape[:2] != (scaled(pixels.shape[0], scale), scaled(pixels.shape[1], scale)):
        own = f"{pixels.shape[1]}x{pixels.shape[0]}"
        must = f"be {scale} times its {own}" if scale != 1 else f"have the same size, {own}"
        raise ImageError(
            f"{photo.truth} is {truth.shape[1]}x{truth.shape[0]}, but the truth of {photo.path} "
            f"must {must}."
        )
    return Sample(
        photo.name,
        fit(pixels, size, contract, unit=contract.photo_unit),
        fit(truth, size, contract, unit=scale),
    )


def _generator(name: str) -> np.random.Generator:
    """Make a random generator seeded by the name of an image."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def _refuse_small(photo: Photo, sample: Sample, smallest: int) -> None:
    height, width = sample.pixels.shape[:2]
    wanted = min(smallest, ENOUGH)
    if min(height, width) < wanted:
        raise ImageError(
            f"{photo.path} gives an input of {height}x{width}; the network sees {smallest}x"
            f"{smallest} pixels at once, so every pixel would be measured at a border. "
            f"Leave the image out, or give one whose input is at least {wanted}x{wanted}."
        )
