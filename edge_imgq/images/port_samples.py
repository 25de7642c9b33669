"""Make the inputs of a network from a photograph: mosaics, frames, and further inputs.

All inputs are concatenated along the channels of one array of levels, the image first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.images.colour import codes_per_level
from edge_imgq.images.noise import SensorNoise
from edge_imgq.images.resize import resize
from edge_imgq.ports import says_noise

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]
    Generator: TypeAlias = np.random.Generator

SHIFT = 2
"""Largest displacement of a frame, in pixels up, down and sideways."""

WHITE = 255

MAX_UNIT = 2.0
"""A noise input with a maximum above this is in levels of 255, else in units of the pixel range."""


def with_ports(
    picture: Pixels,
    contract: ImageContract,
    generator: Generator | None,
    levels: Mapping[str, Pixels],
) -> Pixels:
    """Make all inputs of a network from a picture, concatenated along the channels.

    Args:
        picture: uint8 (or uint16) (H, W, 1 or 3), H and W even for a mosaic.
        contract: contract of the network.
        generator: draws unknown inputs (levels over their range, masks) and shifts; None if all
            inputs are known and nothing is shifted.
        levels: levels of known further inputs by name, each broadcastable to (H, W, C); 0 … 255
            spans the input's range. States that are not among them are zero.

    Returns:
        (h, w, C) of the picture's dtype; h and w are half of H and W for a mosaic, else H and W.
        The picture itself for a network that takes nothing else.
    """
    if contract.takes_image_alone:
        return picture
    levels = {port.name: zeros_of(port) for port in contract.further if port.fed_by} | dict(levels)
    image = LAYOUTS[contract.layout](picture, contract.frames, generator)
    inputs = [image]
    for port in contract.further:
        known = levels.get(port.name)
        if known is None:
            assert generator is not None, f"'{port.name}' is not known"
            known = _drawn(port, picture, image, generator)
        inputs.append(_at_size(known, port, (image.shape[0], image.shape[1])))
    return np.concatenate(inputs, axis=2)


def _at_size(levels: Pixels, port: Port, size: tuple[int, int]) -> Pixels:
    """Return levels of an input as (H, W, C) of the image's size; a smaller input is repeated.

    Args:
        levels: one pixel, or an image of the image's sides, or of the input's own.
        port: the input.
        size: height and width of the image.
    """
    own = (-(-size[0] // port.downscale), -(-size[1] // port.downscale))
    if port.downscale > 1 and levels.shape[:2] == own:
        levels = levels.repeat(port.downscale, axis=0).repeat(port.downscale, axis=1)
        levels = levels[: size[0], : size[1]]
    return np.broadcast_to(levels, (*size, port.channels))


def noise_port(contract: ImageContract) -> Port | None:
    """Return the input of a network for the noise level of the image; None if there is none.

    It is the first plane or vector among the further inputs whose name has a word of NOISE_WORDS.
    """
    named = (p for p in contract.further if says_noise(p.name))
    return next((port for port in named if port.kind in ("plane", "vector")), None)


def noise_of(port: Port, level: int) -> float:
    """Convert a level of a noise input, 0 … 255 over its range, to a standard deviation.

    The result is in levels of 255, not rounded. The range of the port's first channel is used; one
    that ends above 2 (MAX_UNIT) is in levels of 255, else in units of the pixel range.
    """
    number = port.low[0] + level / WHITE * (port.high[0] - port.low[0])
    return number if port.high[0] > MAX_UNIT else number * WHITE


def noisy_of_level(
    picture: Pixels, port: Port, generator: Generator, known: Pixels | None = None
) -> tuple[Pixels, Pixels]:
    """Add sensor noise of a random or a known level to a picture; return it and the level.

    A random level is uniform over the port's range. The share of shot noise is uniform over 0 to 1.

    Args:
        picture: uint8 (H, W, C).
        port: noise input of the network.
        generator: draws level, share and noise.
        known: level (1, 1, channels of the port), uint8; None to draw it.

    Returns:
        The noisy picture (H, W, C), and the level (1, 1, channels of the port), both uint8.
    """
    drawn = np.full((1, 1, port.channels), generator.integers(WHITE + 1), np.uint8)
    level = drawn if known is None else known
    noise = SensorNoise(noise_of(port, int(level.flat[0])), generator.uniform())
    return noise(picture, generator), level


def number_of_noise(port: Port, deviation: float) -> float:
    """Convert a standard deviation in levels of 255 to the number that a noise input takes.

    Unchanged for a port whose range ends above 2 (MAX_UNIT), else divided by 255; not clipped.
    """
    return deviation if port.high[0] > MAX_UNIT else deviation / WHITE


def _drawn(port: Port, picture: Pixels, image: Pixels, generator: Generator) -> Pixels:
    if port.kind == "image" and picture.shape[2] == port.channels:
        return _reduced(shifted(picture, generator), port.downscale)
    if port.kind == "state":
        return zeros_of(port)
    if port.kind == "mask":
        return _mask((image.shape[0], image.shape[1]), generator)
    return generator.integers(0, WHITE + 1, (1, 1, port.channels), np.uint8)


def _reduced(picture: Pixels, downscale: int) -> Pixels:
    """Shrink a picture (H, W, C) by a whole number; a last row that does not fill one counts."""
    if downscale == 1:
        return picture
    return resize(picture, (-(-picture.shape[0] // downscale), -(-picture.shape[1] // downscale)))


def zeros_of(port: Port) -> Pixels:
    """Return the levels of a port that represent 0, uint8 (1, 1, C); a state starts with them.

    0 … 255 span each channel's range. Rounded half to even; the nearest end of the range if 0 lies
    outside it.
    """
    low, high = np.array(port.low), np.array(port.high)
    levels = np.rint(-low / (high - low) * WHITE).clip(0, WHITE)
    return np.broadcast_to(levels, (1, 1, port.channels)).astype(np.uint8)


def _mask(size: tuple[int, int], generator: Generator) -> Pixels:
    """Draw a white disc and a white box on black, uint8 (H, W, 1)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    top, left, y, x = (generator.random(4) * [*size, *size]).astype(int)
    radius = min(size) * generator.uniform(0.1, 0.4)
    disc = np.hypot(rows - y, columns - x) < radius
    box = (abs(rows - top) < size[0] // 6) & (abs(columns - left) < size[1] // 4)
    mask: Pixels = np.where(disc | box, WHITE, 0).astype(np.uint8)[..., np.newaxis]
    return mask


def shifted(picture: Pixels, generator: Generator) -> Pixels:
    """Shift a picture (H, W, C) randomly by up to 2 pixels (SHIFT) down or up and right or left.

    Both shifts are uniform integers. Shape and dtype are kept; the border is filled by reflection
    that repeats its row or column.
    """
    down, right = generator.integers(-SHIFT, SHIFT + 1, 2) + SHIFT
    wide = np.pad(picture, ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), "symmetric")
    return wide[down : down + picture.shape[0], right : right + picture.shape[1]]


def _as_it_is(picture: Pixels, frames: int, generator: Generator | None) -> Pixels:  # noqa: ARG001
    return picture


def _mosaic(picture: Pixels, frames: int, generator: Generator | None) -> Pixels:
    """Return the planes R, G, G and B of an RGGB mosaic of each frame, (H / 2, W / 2, 4 * frames).

    Frames are shifted before they are sampled, so a shift may be half a pixel of a plane.
    """
    sites = ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2))
    shown = _frames(picture, frames, generator)
    colours = picture.shape[2]
    planes = [
        shown[top::2, left::2, frame * colours + colour]
        for frame in range(frames)
        for top, left, colour in sites
    ]
    return np.stack(planes, axis=2)


def _with_opacity(
    picture: Pixels,
    frames: int,  # noqa: ARG001
    generator: Generator | None,
) -> Pixels:
    """Return a picture with a fourth channel: opaque, or in half of the draws a mask's."""
    if generator is not None and generator.integers(2):
        mask = _mask((picture.shape[0], picture.shape[1]), generator)
        return np.concatenate([picture, mask], axis=2)
    if picture.shape[2] == 4:  # it has an opacity of its own
        return picture
    opaque = np.full_like(picture[..., :1], WHITE * codes_per_level(picture))
    return np.concatenate([picture, opaque], axis=2)


def _frames(picture: Pixels, frames: int, generator: Generator | None) -> Pixels:
    """Return a picture as the middle frame, and shifted copies of it before and after."""
    still = frames // 2
    shown = [
        picture if generator is None or frame == still else shifted(picture, generator)
        for frame in range(frames)
    ]
    return np.concatenate(shown, axis=2)


LAYOUTS: Mapping[str, Callable[[Pixels, int, Generator | None], Pixels]] = {
    "image": _as_it_is,
    "raw": _mosaic,
    "rgba": _with_opacity,
    "frames": _frames,
}
"""Conversions of a picture to the image input, by the layout of a contract."""
