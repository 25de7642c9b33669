"""Generate test vectors for every input of a file, in integer arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.bundle.photo import sample_photo
from edge_imgq.images.port_samples import with_ports

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.ports import Port

    Pixels = NDArray[np.uint8]


def sample_inputs(contract: ImageContract, size: tuple[int, int]) -> Pixels:
    """Return test inputs of a network, uint8 levels (H, W, C), the image's channels first.

    Levels 0 to 255 span an input's range; smaller inputs are repeated to the image's size. Integer
    arithmetic: the same bytes on every machine.

    Args:
        contract: contract of the network.
        size: (height, width) of the input image in pixels.
    """
    unit, channels = contract.photo_unit, 1 if contract.colour == "y" else 3
    photo = sample_photo(size[0] * unit, size[1] * unit, channels)
    levels = {
        port.name: _levels(port, (size[0] // port.downscale, size[1] // port.downscale))
        for port in contract.further
    }
    return with_ports(photo, contract, None, levels)


def split_inputs(levels: Pixels, contract: ImageContract) -> list[Pixels]:
    """Split the levels of all inputs, (H, W, all channels), into those of each input.

    Each is a view at the input's own size: (h, w, C), or (1, 1, C) for a vector. The photograph
    comes first, then the inputs in the contract's order.
    """
    inputs, start = [levels[..., : contract.image_channels]], contract.image_channels
    for port in contract.further:
        values = levels[..., start : start + port.channels]
        own = values[:: port.downscale, :: port.downscale]
        inputs.append(values[:1, :1] if port.kind == "vector" else own)
        start += port.channels
    return inputs


def stacked(levels: Pixels) -> Pixels:
    """Return levels (H, W, C) as a picture that PGM or PPM can hold, without changing values.

    1 and 3 channels stay (H, W, C); other numbers, and vectors (1, 1, C), become (C · H, W, 1), one
    channel below the other.
    """
    height, width, channels = levels.shape
    if channels in (1, 3) and (height, width) != (1, 1):
        return levels
    return levels.transpose(2, 0, 1).reshape(channels * height, width, 1)


def _levels(port: Port, size: tuple[int, int]) -> Pixels:
    if port.kind == "image":
        return sample_photo(*size, port.channels)[::-1]
    if port.kind == "mask":
        rows, columns = np.indices(size, dtype=np.int64)
        distance = (2 * rows - size[0]) ** 2 + (2 * columns - size[1]) ** 2
        mask = np.where(2 * distance < min(size) ** 2, 255, 0).astype(np.uint8)
        return np.repeat(mask[..., np.newaxis], port.channels, axis=2)
    return ((96 + 40 * np.arange(port.channels)) % 256).astype(np.uint8).reshape(1, 1, -1)
