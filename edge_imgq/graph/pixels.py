"""What the pixels of an ONNX model mean: read from its note, or worked out from its shapes."""

from __future__ import annotations

import onnx_ir as ir

from edge_imgq.contract import FileNote, ImageContract, has_note
from edge_imgq.errors import ModelError
from edge_imgq.graph.refusals import shape_in_words
from edge_imgq.graph.size import bind_size, own_size
from edge_imgq.wording import count_of

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
TRIAL = 7
"""Trial images are this many multiples high, an odd number, so that a wrong multiple shows."""


def contract_of(model: ir.Model, name: str, peak: float) -> ImageContract:
    """Return the contract of a model.

    Args:
        model: normalised float model.
        name: for messages.
        peak: float value of pixel 255 where the model has no note.

    Raises:
        ModelError: the input is not a gray or RGB image, the output is not an image of as many
            channels, or its size is no whole multiple of the input's.
    """
    if has_note(model.metadata_props):
        return FileNote.from_strings(model.metadata_props, name).contract
    channels = _channels(model, name)
    fixed = own_size(model)
    sizes = [(m, (m * TRIAL, m * TRIAL)) for m in MULTIPLES] if fixed is None else [(1, fixed)]
    for multiple, size in sizes:
        scale = _scale_at(model, size, channels)
        if scale is not None:
            return ImageContract(
                task="super-resolution" if scale > 1 else "image-to-image",
                scale=scale,
                colour="y" if channels == 1 else "rgb",
                peak=peak,
                multiple=multiple,
            )
    output = model.graph.outputs[0]
    taken, given = count_of(channels, "channel"), _channels_of(output)
    returned = f" of {count_of(given, 'channel')}," if given else ""
    raise ModelError(
        f"{name} takes images of {taken} and returns '{output.name}'{returned} of shape "
        f"{shape_in_words(output)}; edge-imgq is for networks that return an image of as many "
        "channels, whose sides are a whole multiple of the input's. Wrap the network so that it "
        "takes and returns the whole image, or convert it with another tool."
    )


def _channels_of(value: ir.Value) -> int | None:
    """Return the channels of an image, None where they are open or it is none."""
    channels = value.shape[1] if value.shape is not None and len(value.shape) == 4 else None
    return channels if isinstance(channels, int) else None


def _channels(model: ir.Model, name: str) -> int:
    shape = model.graph.inputs[0].shape
    assert shape is not None
    channels = shape[1]
    if channels not in (1, 3) or not isinstance(channels, int):
        raise ModelError(
            f"{name} takes {channels} channels; a gray image has 1 and an RGB image 3, in NCHW "
            "order. Wrap the network so that it takes and returns the image itself."
        )
    return channels


def _scale_at(model: ir.Model, size: tuple[int, int], channels: int) -> int | None:
    """Return output over input at one size; None when that size does not work out."""
    try:
        output = bind_size(model, size).graph.outputs[0].shape
    except ModelError:
        return None
    if output is None or len(output) != 4 or output[1] != channels:
        return None
    height, width = output.numpy()[2:]
    if height % size[0] or width % size[1] or height // size[0] != width // size[1]:
        return None
    return int(height // size[0])
