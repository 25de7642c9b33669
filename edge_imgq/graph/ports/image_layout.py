"""What a photograph becomes in a network's image input, by what is said of it and its channels."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from edge_imgq.contract import Colour
from edge_imgq.errors import ModelError
from edge_imgq.ports import Kind, PortRequests
from edge_imgq.wording import count_of

IMAGE_CHANNELS = 3
"""Of a picture in colour."""

PLANES = 4
"""Of a Bayer mosaic, and of a picture with transparency."""

MOSAIC = ("raw", "bayer", "mosaic", "rggb")
"""Words in the name of an input of a sensor's values."""


@dataclass(frozen=True)
class ImageLayout:
    """What a photograph becomes.

    Attributes:
        kind: as in a contract.
        colour: of the photograph.
        frames: side by side.
        channels: of the input.
    """

    kind: Kind
    colour: Colour
    frames: int
    channels: int

    @property
    def photo_unit(self) -> int:
        """Pixels of a photograph for one of the input, on a side."""
        return 2 if self.kind == "raw" else 1


def image_layout(
    model: ir.Model, name: str, asked: PortRequests, scale: int, returned: int
) -> ImageLayout:
    """Return what a photograph becomes in the first input of a model.

    Args:
        model: whose image is its first input.
        name: of the model, for messages.
        asked: what the person says of its ports.
        scale: output height over input height.
        returned: channels of the output.

    Raises:
        ModelError: that is not known.
    """
    image = model.graph.inputs[0]
    assert image.shape is not None
    channels, said = image.shape[1], asked.of_input(str(image.name)).kind
    if not isinstance(channels, int):
        raise ModelError(f"{name} leaves the channels of '{image.name}' open; export it with them.")
    kind = said or _likely(str(image.name), channels, scale, returned)
    if kind == "image" and channels in (1, IMAGE_CHANNELS):
        return ImageLayout("image", "y" if channels == 1 else "rgb", 1, channels)
    if kind in ("raw", "rgba") and channels == PLANES:
        return ImageLayout(kind, "rgb", 1, channels)
    if kind == "frames":
        in_colour = channels % IMAGE_CHANNELS == 0
        frames = channels // IMAGE_CHANNELS if in_colour else channels
        return ImageLayout("frames", "rgb" if in_colour else "y", frames, channels)
    raise ModelError(
        f"{name} takes '{image.name}' of {count_of(channels, 'channel')}, and what a photograph "
        "becomes there is not known. A gray image has 1 channel, an RGB image 3; say "
        f"--input {image.name}=frames for frames side by side, =raw for the four planes of a "
        "mosaic, =rgba for transparency; or wrap the network so that it takes the image itself."
    )


def _likely(name: str, channels: int, scale: int, returned: int) -> Kind:
    if channels == PLANES:
        is_mosaic = any(word in name.lower() for word in MOSAIC)
        return "raw" if is_mosaic or (scale % 2 == 0 and returned == IMAGE_CHANNELS) else "rgba"
    if channels % IMAGE_CHANNELS == 0 and channels > IMAGE_CHANNELS:
        return "frames"
    return "image"
