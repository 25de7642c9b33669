"""Run networks on one photograph of any size, in colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError
from edge_imgq.images.chroma import luma_of, recoloured, recoloured_bands
from edge_imgq.images.colour import codes_per_level, to_pixels
from edge_imgq.images.files import joined
from edge_imgq.images.lightness import coloured, coloured_bands, lightness_of
from edge_imgq.images.port_results import first_result, other_results
from edge_imgq.images.sixteen_bits import from_levels
from edge_imgq.images.tiles import run_tiled, tile_count
from edge_imgq.pipeline.enhance.plan_tiles import plan_tiles, refuse_small
from edge_imgq.pipeline.enhance.port_settings import packed
from edge_imgq.pipeline.enhance.recurrent_states import store_states, with_states
from edge_imgq.pipeline.progress import ProgressStep, Watch

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from edge_imgq.pipeline.enhance.enhancer import Enhancer
    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]
    TileWatch: TypeAlias = Callable[[int, int], None]
    Beside: TypeAlias = Callable[[Port, Pixels], None]

COLOURS = 3
"""Channels of a colour picture."""


def leave_out(port: Port, pixels: Pixels) -> None:
    """Do nothing with a further output image: the default of arguments named `beside`."""


def enhance_pixels(
    photo: Pixels, enhancer: Enhancer, watch: TileWatch, beside: Beside = leave_out
) -> Pixels:
    """Run one network on one photograph.

    Args:
        photo: RGB (H, W, 3), RGBA (H, W, 4) or gray (H, W, 1), uint8, or uint16 if
            `enhancer.keeps_16_bits`. Only RGBA networks read the opacity; they get other
            photographs as opaque.
        enhancer: opened network.
        watch: called before each tile with the tiles done and their total.
        beside: called with each further output image, (H', W', C).

    Returns:
        (scale × H, scale × W, C) in the type of the photograph: four channels of a network that
        returns RGBA. A network for luma keeps the colours of an RGB photograph.

    Raises:
        ImageError: the photograph is smaller than the receptive field.
        NonFiniteOutputError: the network returned NaN or infinity.
    """
    gray, contract = photo.shape[2] == 1, enhancer.contract
    if photo.shape[2] > COLOURS and contract.layout != "rgba":
        photo = photo[..., :COLOURS]
    if contract.adds_colours and contract.result is not None:
        lightness = lightness_of(photo)
        return coloured(lightness, _run(lightness, enhancer, watch, beside), contract.result)
    if contract.colour == "rgb":
        return _run(np.repeat(photo, 3, axis=2) if gray else photo, enhancer, watch, beside)
    luma = _run(photo if gray else luma_of(photo), enhancer, watch, beside)
    return recoloured(photo, luma) if _keeps_colours(photo, enhancer) else luma


def enhance_image(pixels: Pixels, name: str, enhancers: Sequence[Enhancer], watch: Watch) -> Pixels:
    """Run several networks on one photograph, one after the other.

    Args:
        pixels: RGB (H, W, 3) or gray (H, W, 1), uint8, or uint16 if all networks keep 16 bits.
        name: name of the photograph for messages.
        enhancers: opened networks.
        watch: called before each tile.

    Returns:
        The last network's image (H', W', C), in the type of the photograph; the photograph itself
        without networks.

    Raises:
        ImageError: the photograph is smaller than the receptive field.
        NonFiniteOutputError: a network returned NaN or infinity.
    """
    try:
        for enhancer in enhancers:
            pixels = enhance_pixels(pixels, enhancer, _tile_watch(name, enhancer, watch))
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error
    return pixels


def enhance_to_image(
    pixels: Pixels,
    name: str,
    enhancers: Sequence[Enhancer],
    watch: Watch,
    beside: Beside = leave_out,
) -> PillowImage.Image:
    """Run several networks on one photograph, one after the other, and return a Pillow image.

    The result of the last network, (scale × H, scale × W), is assembled from bands without a
    further copy.

    Args:
        pixels: RGB (H, W, 3) or gray (H, W, 1), uint8.
        name: name of the photograph for messages.
        enhancers: opened networks, at least one.
        watch: called before each tile.
        beside: called with each further output image of the last network.

    Returns:
        An image of mode "RGB", "L" for gray, or "RGBA" of a network that returns opacity.

    Raises:
        ImageError: the photograph is smaller than the receptive field.
        NonFiniteOutputError: a network returned NaN or infinity.
    """
    *before, last = enhancers
    pixels = enhance_image(pixels, name, before, watch)
    size = _result_size(pixels, last)
    try:
        return joined(size, _bands(pixels, last, _tile_watch(name, last, watch), beside))
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error


def _result_size(photo: Pixels, enhancer: Enhancer) -> tuple[int, int]:
    """Return (height, width) of a network's result for a photograph."""
    contract = enhancer.contract
    height, width = (side // contract.photo_unit for side in photo.shape[:2])
    return contract.result_size((height, width))


def _tile_watch(name: str, enhancer: Enhancer, watch: Watch) -> TileWatch:
    def step(done: int, total: int) -> None:
        watch(ProgressStep(f"enhance {Path(name).name}: tiles by {enhancer.name}", done, total))

    return step


def _bands(photo: Pixels, enhancer: Enhancer, watch: TileWatch, beside: Beside) -> Iterator[Pixels]:
    """Yield the result of `enhance_pixels` in bands of rows, from the top."""
    result = enhancer.contract.result
    if enhancer.contract.adds_colours and result is not None:
        lightness = lightness_of(photo)
        yield from coloured_bands(lightness, _run(lightness, enhancer, watch, beside), result)
    elif _keeps_colours(photo, enhancer):
        yield from recoloured_bands(photo, _run(luma_of(photo), enhancer, watch, beside))
    else:
        yield enhance_pixels(photo, enhancer, watch, beside)


def _keeps_colours(photo: Pixels, enhancer: Enhancer) -> bool:
    """Return True if a network returns luma and the photograph has colours to add back."""
    contract = enhancer.contract
    returns_luma = contract.colour == "y" and contract.result_channels != COLOURS
    return returns_luma and not contract.adds_colours and photo.shape[2] == COLOURS


def _run(pixels: Pixels, enhancer: Enhancer, watch: TileWatch, beside: Beside) -> Pixels:
    is_deep, contract = pixels.dtype == np.uint16, enhancer.contract
    if contract.is_recurrent and enhancer.computes_in_float and not is_deep:
        pixels = from_levels(pixels.astype(np.float64))  # states keep more than 8 bits
    pixels = packed(pixels, contract, enhancer.levels)
    if enhancer.states:
        pixels = with_states(pixels, enhancer)
    size = pixels.shape[0], pixels.shape[1]
    refuse_small(size, enhancer)
    tiling = plan_tiles(size, enhancer)
    total, scale = tile_count(size, tiling), enhancer.contract.scale
    result = run_tiled(pixels, enhancer.run, scale, tiling, lambda done: watch(done, total))
    enhancer.give_back()
    if contract.is_recurrent:
        store_states(pixels, result, enhancer)
        result = result if is_deep else to_pixels(result / codes_per_level(result))
    for port, image in other_results(result, contract):
        if port.kind == "image":
            beside(port, image)
    return first_result(result, contract)
