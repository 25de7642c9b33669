"""Conversion of a photograph to a network's image input, from user options and channels."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.contract import Colour
from edge_imgq.errors import ModelError
from edge_imgq.ports import Kind, PortRequests
from edge_imgq.scale import Scale
from edge_imgq.wording import count_of

IMAGE_CHANNELS = 3
"""Channels of a colour image."""

PLANES = 4
"""Channels of a packed Bayer mosaic, and of an image with alpha."""

MOSAIC = ("raw", "bayer", "mosaic", "rggb")
"""Words in an input's name that indicate raw sensor data."""


@dataclass(frozen=True)
class ImageLayout:
    """What the channels of the image input (1, C, H, W) hold.

    Attributes:
        kind: "image", "raw" (packed Bayer mosaic), "rgba" or "frames", as in a contract.
        colour: "rgb" or "y", the colour space of the photograph.
        frames: number of frames stacked along the channels; 1 for a single image.
        channels: channels C of the input, all frames together.
    """

    kind: Kind
    colour: Colour
    frames: int
    channels: int

    @property
    def photo_unit(self) -> int:
        """Photograph pixels per input pixel along one side: 2 for a raw mosaic, else 1."""
        return 2 if self.kind == "raw" else 1


def image_layout(
    model: ir.Model, name: str, requests: PortRequests, scale: Scale, returned: int
) -> ImageLayout:
    """Return what the channels of a model's image input hold, as requested or as is likeliest.

    Without a request, multiples of 4 channels are raw if the input's name says so (such as "bayer")
    or if the network enlarges by an even factor and returns 3 channels. Otherwise 4 are RGBA, 1 and
    3 an image, other multiples of 3 frames.

    Args:
        model: model whose first input is the image, (1, C, H, W).
        name: name of the model for messages.
        requests: port properties that the user gave.
        scale: output height over input height.
        returned: channels of the output.

    Raises:
        ModelError: the number of channels is open, or fits neither the request nor any kind.
    """
    image = model.graph.inputs[0]
    assert image.shape is not None
    channels, requested = image.shape[1], requests.of_input(str(image.name)).kind
    if not isinstance(channels, int):
        raise ModelError(f"{name} leaves the channels of '{image.name}' open; export it with them.")
    kind = requested or _likely(str(image.name), channels, scale, returned)
    if kind == "image" and channels in (1, IMAGE_CHANNELS):
        return ImageLayout("image", "y" if channels == 1 else "rgb", 1, channels)
    if kind == "raw" and channels % PLANES == 0:
        return ImageLayout("raw", "rgb", channels // PLANES, channels)
    if kind == "rgba" and channels == PLANES:
        return ImageLayout("rgba", "rgb", 1, channels)
    if kind == "frames":
        in_colour = channels % IMAGE_CHANNELS == 0
        frames = channels // IMAGE_CHANNELS if in_colour else channels
        return ImageLayout("frames", "rgb" if in_colour else "y", frames, channels)
    raise ModelError(
        f"{name} takes '{image.name}' of {count_of(channels, 'channel')}, and what a photograph "
        "becomes there is not known. A gray image has 1 channel, an RGB image 3; say "
        f"--input {image.name}=frames for frames side by side, =raw for the four planes of a "
        "mosaic, or of each of several, =rgba for transparency; or wrap the network so that it "
        "takes the image itself."
    )


def _likely(name: str, channels: int, scale: Scale, returned: int) -> Kind:
    """Return the likeliest kind of an image input.

    Frames of raw data at twice the input's sides are told by channels that are no RGB frames.
    """
    is_mosaic = any(word in name.lower() for word in MOSAIC)
    is_developed = scale % 2 == 0 and returned == IMAGE_CHANNELS
    if channels == PLANES:
        return "raw" if is_mosaic or is_developed else "rgba"
    in_colour = channels % IMAGE_CHANNELS == 0
    if channels % PLANES == 0 and (is_mosaic or (is_developed and not in_colour)):
        return "raw"
    return "frames" if in_colour and channels > IMAGE_CHANNELS else "image"
