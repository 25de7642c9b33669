"""Extend the contract of a bundle with ports: inputs and outputs other than one image."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.bundle.contract import AppContract, ColourContract
from edge_imgq.contract import ImageContract
from edge_imgq.ports import Kind, Port, says_noise

PHOTOGRAPH: dict[Kind, str] = {
    "image": "its pixels",
    "raw": "the planes R, G, G and B of its Bayer mosaic (RGGB), of half its height and width",
    "rgba": "its pixels, and a fourth channel that is opaque, 255",
    "frames": "frames side by side along the channels; the middle one is what comes out",
}
"""What is taken of a photograph, by the kind of the input."""

LIGHTNESS = "its lightness, L of CIELAB with 0 to 100 as 0 to 255"
"""What is taken where colours come out."""

INPUTS: dict[Kind, str] = {
    "plane": "numbers of every pixel; fill it with one where that holds for the whole photograph",
    "mask": "255 where it holds and 0 elsewhere, of the image's height and width",
    "vector": "numbers of the whole photograph",
    "image": "an image of the same size; the photograph itself where there is no other",
}
"""What an app gives to inputs, by their kind."""

OUTPUTS: dict[Kind, str] = {
    "image": "a picture",
    "plane": "numbers of every pixel",
    "vector": "numbers of the whole photograph",
}
"""What comes out, by its kind."""


@dataclass(frozen=True)
class PortContract:
    """An input beside the photograph, or what comes out.

    Where a tensor's value v lies between its `at_0` and `at_255`, the model's own number is
    low + (v - at_0) / (at_255 - at_0) * (high - low).

    Attributes:
        name: in the model, and of an input in every file.
        kind: "plane", "mask", "vector" or "image".
        channels: that it has; of a vector, its numbers.
        low: the model's number at `at_0`; one for each channel, or for all.
        high: the one at `at_255`, likewise.
        meaning: in words.
        vector: file with the levels from 0 to 255 that `vectors/` is made with; empty for what
            comes out. Channels that are neither 1 nor 3 lie below each other.
    """

    name: str
    kind: Kind
    channels: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    meaning: str
    vector: str


@dataclass(frozen=True)
class PhotographContract:
    """What files take of a photograph.

    Attributes:
        kind: "image", "raw", "rgba" or "frames".
        channels: of the input.
        frames: side by side.
        unit: pixels of the photograph for one of the input, on a side.
        border: pixels that the files mirror the image out by, on each side, before anything else.
        meaning: in words.
        vector: file with the levels that `vectors/` is made with.
    """

    kind: Kind
    channels: int
    frames: int
    unit: int
    border: int
    meaning: str
    vector: str


@dataclass(frozen=True, kw_only=True)
class PortedContract(AppContract):
    """A bundle of files of several inputs, of other inputs than a picture, or of another result.

    Attributes:
        photograph: what is taken of a photograph.
        inputs: what is taken beside it.
        output: what comes out; None for a picture as it is taken.
    """

    photograph: PhotographContract
    inputs: tuple[PortContract, ...]
    output: PortContract | None


def is_ported(contract: ImageContract) -> bool:
    """Return True if a network takes or returns anything but one image."""
    return contract.result is not None or not contract.takes_image_alone


def ported(made: AppContract, contract: ImageContract) -> PortedContract:
    """Return a contract extended by the ports of its files."""
    lightness = ColourContract(("L",), 0, 255, standard="CIELAB, D65")
    said = vars(made) | ({"colour": lightness} if contract.adds_colours else {})
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
            _port(port, _meaning(port), input_file(place))
            for place, port in enumerate(contract.further, 1)
        ),
        output=_output(contract.result),
    )


def input_file(place: int) -> str:
    """Return the path of an input's test vector; by index, since names may be no file names."""
    return f"vectors/input-{place}.pnm"


def _port(port: Port, meaning: str, vector: str) -> PortContract:
    return PortContract(port.name, port.kind, port.channels, port.low, port.high, meaning, vector)


def _output(port: Port | None) -> PortContract | None:
    return None if port is None else _port(port, OUTPUTS[port.kind], "")


def _meaning(port: Port) -> str:
    noise = "how strong the noise of the photograph is, its standard deviation: "
    return f"{noise if says_noise(port.name) else ''}{INPUTS[port.kind]}"
