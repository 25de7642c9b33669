"""Extend the contract of a bundle with ports: inputs and outputs other than one image."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.bundle.contract import (
    AppContract,
    ColourContract,
    FileContract,
    SignatureContract,
    TensorContract,
)
from edge_imgq.contract import ImageContract
from edge_imgq.ports import Kind, Port, says_noise

PHOTOGRAPH: dict[Kind, str] = {
    "image": "its pixels",
    "raw": "the planes R, G, G and B of its Bayer mosaic (RGGB), of half its height and width; "
    "of several frames, those of each in turn",
    "rgba": "its pixels, and its opacity, 255 where it is opaque, as a fourth channel",
    "frames": "frames side by side along the channels; the middle one is what comes out",
}
"""Description of what an input takes of a photograph, by its kind."""

LIGHTNESS = "its lightness, L of CIELAB with 0 to 100 as 0 to 255"
"""Description of the input of a network that adds colours."""

INPUTS: dict[Kind, str] = {
    "plane": "numbers of every pixel; fill it with one where that holds for the whole photograph",
    "mask": "255 where it holds and 0 elsewhere, of the image's height and width",
    "vector": "numbers of the whole photograph",
    "image": "an image of the same size; the photograph itself where there is no other",
    "state": "what the file returned for the frame before, byte for byte; the number 0 for the "
    "first frame",
}
"""Description of what an app must pass to a further input, by its kind."""

OUTPUTS: dict[Kind, str] = {
    "image": "a picture",
    "plane": "numbers of every pixel",
    "vector": "numbers of the whole photograph",
    "state": "what the file takes for the next frame",
}
"""Description of an output, by its kind."""


@dataclass(frozen=True)
class PortContract:
    """A further input other than the photograph, or an output that is not an image of pixels.

    A stored value v of a tensor, from `at_0` to `at_255`, stands for the model's number
    low + (v - at_0) / (at_255 - at_0) * (high - low).

    Attributes:
        name: name in the model; for an input, also in every file.
        kind: "plane", "mask", "vector", "image" or "state".
        channels: number of channels; for a vector, its length.
        low: model's number at `at_0`, one per channel or one for all.
        high: model's number at `at_255`, one per channel or one for all.
        meaning: description.
        vector: path of its test vector, a picture of levels from 0 to 255; "" for an output. If
            there are neither 1 nor 3 channels, they are stacked vertically.
        downscale: height and width of the image divided by those of an input, or those of the first
            output divided by those of a further one.
        fed_by: output of the previous frame that feeds a state; "" for other inputs.
    """

    name: str
    kind: Kind
    channels: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    meaning: str
    vector: str
    downscale: int = 1
    fed_by: str = ""


@dataclass(frozen=True)
class PhotographContract:
    """The input that takes a photograph.

    Attributes:
        kind: "image", "raw", "rgba" or "frames".
        channels: number of channels of the input.
        frames: number of frames, concatenated along the channels.
        unit: photograph pixels per input pixel along each side, such as 2 for a Bayer mosaic.
        border: pixels by which the files themselves extend the image on each side, by mirroring.
        meaning: description.
        vector: path of its test vector.
    """

    kind: Kind
    channels: int
    frames: int
    unit: int
    border: int
    meaning: str
    vector: str


@dataclass(frozen=True)
class PortedSignature(SignatureContract):
    """A way to call a file of ports.

    Attributes:
        extra_results: outputs after the first, in the order of `further_outputs`.
    """

    extra_results: tuple[TensorContract, ...] = ()


@dataclass(frozen=True)
class PortedFile(FileContract):
    """A file with ports.

    Attributes:
        signatures: entry points, each with every output.
    """

    signatures: tuple[PortedSignature, ...]


@dataclass(frozen=True, kw_only=True)
class PortedContract(AppContract):
    """Contract of a bundle with further inputs, an input other than an image, or another output.

    Attributes:
        photograph: input that takes the photograph.
        inputs: further inputs, in the order of the model.
        output: output; None for an image with the pixel range of the input.
        further_outputs: outputs beside it.
        files: files, with every output of each.
    """

    photograph: PhotographContract
    inputs: tuple[PortContract, ...]
    output: PortContract | None
    further_outputs: tuple[PortContract, ...]
    files: tuple[PortedFile, ...]


def is_ported(contract: ImageContract) -> bool:
    """Return True if a network needs a contract with ports.

    That is, it takes or returns anything but one image, or its scale is a fraction.
    """
    is_image = contract.result is None and contract.takes_image_alone and not contract.others
    return not is_image or not isinstance(contract.scale, int)


def ported(made: AppContract, contract: ImageContract) -> PortedContract:
    """Return a bundle's contract extended by the inputs and outputs of its files.

    Each has its name, kind, channels, range, and what it means in words.

    Args:
        made: contract of the bundle, whose files have `PortedSignature`s.
        contract: contract of the network.
    """
    lightness = ColourContract(("L",), 0, 255, standard="CIELAB, D65")
    said = vars(made) | ({"colour": lightness} if contract.adds_colours else {})
    said["files"] = tuple(PortedFile(**vars(file)) for file in made.files)
    return PortedContract(
        **said,
        photograph=PhotographContract(
            kind=contract.layout,
            channels=contract.image_channels,
            frames=contract.frames,
            unit=contract.photo_unit,
            border=contract.border,
            meaning=LIGHTNESS if contract.adds_colours else PHOTOGRAPH[contract.layout],
            vector=input_file(0),
        ),
        inputs=tuple(
            _port(port, _meaning(port), input_file(index))
            for index, port in enumerate(contract.further, 1)
        ),
        output=_output(contract.result),
        further_outputs=tuple(_port(port, OUTPUTS[port.kind], "") for port in contract.others),
    )


def input_file(index: int) -> str:
    """Return the path, in a bundle, of an input's test vector: "vectors/input-0.pnm" and so on.

    Index 0 is the photograph, 1 the first further input: names may be no file names.
    """
    return f"vectors/input-{index}.pnm"


def _port(port: Port, meaning: str, vector: str) -> PortContract:
    return PortContract(
        *(port.name, port.kind, port.channels, port.low, port.high),
        *(meaning, vector, port.downscale, port.fed_by),
    )


def _output(port: Port | None) -> PortContract | None:
    return None if port is None else _port(port, OUTPUTS[port.kind], "")


def _meaning(port: Port) -> str:
    """Describe what an app must pass to an input."""
    noise = "how strong the noise of the photograph is, its standard deviation: "
    sides = f"; of 1/{port.downscale} of the image's height and width" if port.downscale > 1 else ""
    return f"{noise if says_noise(port.name) else ''}{INPUTS[port.kind]}{sides}"
