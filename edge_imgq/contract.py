"""Define the image contract of a network and the note that every written file carries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge_imgq.errors import ModelError
from edge_imgq.ports import Kind, Port, as_kind, choices_of
from edge_imgq.scale import Scale, read_scale, scaled

Colour = Literal["y", "rgb"]

PREFIX = "edge_imgq."


@dataclass(frozen=True)
class PixelRange:
    """Float values of 8-bit pixels 0 (`low`) and 255 (`high`) at a network's input; linear."""

    low: float
    high: float


@dataclass(frozen=True)
class ImageContract:
    """The image that a network takes and the image or other tensors that it returns.

    Attributes:
        task: "super-resolution", "photo-enhancement", "deblur", "jpeg", "denoise", or
            "image-to-image" if unknown.
        scale: output height / input height; a denominator divides `multiple`.
        colour: "rgb" (3 channels) or "y" (1 channel: BT.601 limited range, or a plain gray image).
        peak: float value of 8-bit pixel 255 inside the network (1.0 or 255.0); pixel 0 is 0.0.
        multiple: input height and width must be multiples of this.
        result: main output, the largest picture if there are several; None for an image of the
            input's colour.
        others: further outputs.
        layout: how a photograph becomes the input: "image", unchanged; "raw", four planes of a
            Bayer mosaic (R, G, G, B) of half its height and width, for each frame; "rgba", with
            opacity as a fourth channel; "frames", several frames concatenated along the channels.
        frames: number of frames in the input.
        further: inputs beside the image.
        border: pixels that the network crops on each side; its files pad the image by mirroring as
            many, so that the output keeps its full size.
        port_options: command-line options by which the user chose or bound the model's ports, such
            as "--bind", "sigma=0.25"; empty if the model was used unchanged.
    """

    task: str
    scale: Scale
    colour: Colour
    peak: float = 1.0
    multiple: int = 1
    result: Port | None = None
    layout: Kind = "image"
    frames: int = 1
    further: tuple[Port, ...] = ()
    border: int = 0
    port_options: tuple[str, ...] = ()
    others: tuple[Port, ...] = ()

    @property
    def channels(self) -> int:
        """Number of channels of all inputs together: one array holds them, the image's first."""
        return self.image_channels + sum(port.channels for port in self.further)

    @property
    def image_channels(self) -> int:
        """Number of channels of the input image: 3 per frame, 1 if gray, 4 if raw or rgba."""
        if self.layout in ("raw", "rgba"):
            return 4 * self.frames
        return self.frames * (1 if self.colour == "y" else 3)

    @property
    def takes_image_alone(self) -> bool:
        """True if the only input is one gray or RGB photograph, without opacity or more frames."""
        return self.layout == "image" and not self.further

    @property
    def port_words(self) -> str:
        """Ports other than plain images, such as "with plane 'sigma' of 1 channel"; "" if none."""
        said = [f"as {self.layout}"] * (self.layout != "image")
        said += [f"with {' and '.join(map(str, self.further))}"] * bool(self.further)
        said += [] if self.result is None else [f"to {self.result}"]
        said += [f"and to {' and '.join(map(str, self.others))}"] * bool(self.others)
        said += [f"({', '.join(self.port_choices)})"] * bool(self.port_choices)
        return " ".join(said)

    @property
    def port_choices(self) -> tuple[str, ...]:
        """Bound inputs and chosen outputs, one phrase each, such as "bound: sigma = 0.0588"."""
        return choices_of(self.port_options)

    @property
    def photo_unit(self) -> int:
        """Pixels of the photograph per pixel of the input, along one side: 2 for "raw", else 1."""
        return 2 if self.layout == "raw" else 1

    @property
    def result_channels(self) -> int:
        """Number of channels of the main output; N for a vector of N numbers."""
        return self.image_channels if self.result is None else self.result.channels

    @property
    def results_channels(self) -> list[int]:
        """Number of channels of each output, the main one first; N for a vector of N numbers."""
        return [self.result_channels, *(port.channels for port in self.others)]

    @property
    def states(self) -> tuple[Port, ...]:
        """Inputs that hold an output of the previous frame, in the order of `further`."""
        return tuple(port for port in self.further if port.fed_by)

    @property
    def is_recurrent(self) -> bool:
        """True if an output of one frame is an input of the next."""
        return bool(self.states)

    @property
    def returns_image(self) -> bool:
        """True if the main output is a picture."""
        return self.result is None or self.result.kind == "image"

    @property
    def adds_colours(self) -> bool:
        """True if it colourizes: one channel (lightness) in, one plane (a, b of CIELAB) out."""
        planes = self.result is not None and self.result.kind == "plane"
        return planes and self.colour == "y" and (self.result_channels, self.scale) == (2, 1)

    def result_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return (height, width) in pixels of the main output for an input of (height, width).

        A vector has size (1, 1). Rounded down where the scale is a fraction.
        """
        if self.result is not None and self.result.kind == "vector":
            return 1, 1
        return scaled(size[0], self.scale), scaled(size[1], self.scale)

    def results_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return (height, width) in pixels of each output, main one first; see `result_size`."""
        first = self.result_size(size)
        divisors = (None if port.kind == "vector" else port.downscale for port in self.others)
        others = ((first[0] // n, first[1] // n) if n else (1, 1) for n in divisors)
        return [first, *others]

    @property
    def pixel_scale(self) -> float:
        """Float value of one 8-bit level, peak / 255: the quantization scale of uint8 pixels."""
        return self.peak / 255.0

    @property
    def shave(self) -> int:
        """Output pixels at each border that papers exclude from PSNR: `scale` rounded up, or 0."""
        return math.ceil(self.scale) if self.scale > 1 else 0

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        """Round (height, width), in input pixels, up to the next multiples of `multiple`."""
        height, width = (-(-side // self.multiple) * self.multiple for side in size)
        return height, width


@dataclass(frozen=True)
class Authorship:
    """Author, licence and version that the user states of a model; "" where nothing is stated.

    Attributes:
        author: person or organization that made the model.
        licence: licence of its weights.
        version: version in the author's own numbering.
    """

    author: str = ""
    licence: str = ""
    version: str = ""

    @property
    def is_stated(self) -> bool:
        """True if any of the three is stated."""
        return self != Authorship()


NOTHING_STATED = Authorship()


@dataclass(frozen=True)
class FileNote:
    """Metadata that a written file carries about itself, in every format.

    Attributes:
        model: name of the model, as in `artifacts/<model>/`.
        target: name of the target: the recipe's file name without its suffix.
        contract: image contract of the network.
        version: version of edge-imgq that wrote the file.
        reference_sha256: digest of the float ONNX file that drift is measured against; empty in
            that file itself.
        quantized_sha256: digest of the QDQ ONNX file that the file was lowered from; empty for
            float files.
        resizable: True if a TFLite file computes the same network after an app resizes its input to
            other multiples of `contract.multiple`.
        original_sha256: only in the float ONNX file: digest of the user's file that it was read
            from; empty if there is none.
        given_sha256: only in the float ONNX file: digest of the user's file before ports were
            chosen; empty if it was used unchanged.
        original_pixels: range of pixels in the user's file.
        operators: number of operators before compilation, of a file compiled for an NPU; else 0.
        authorship: author, licence and version; written only if stated.
    """

    model: str
    target: str
    contract: ImageContract
    version: str
    reference_sha256: str = ""
    quantized_sha256: str = ""
    resizable: bool = False
    original_sha256: str = ""
    given_sha256: str = ""
    original_pixels: PixelRange = PixelRange(0.0, 1.0)
    operators: int = 0
    authorship: Authorship = NOTHING_STATED

    def to_strings(self) -> dict[str, str]:
        """Return the note as string pairs for the metadata of ONNX, TFLite, Core ML and others.

        Keys begin with "edge_imgq.". Floats are written with `repr`: `from_strings` is exact.
        """
        contract = self.contract
        pairs = {
            "model": self.model,
            "target": self.target,
            "version": self.version,
            "task": contract.task,
            "scale": str(contract.scale),
            "colour": contract.colour,
            "peak": repr(contract.peak),
            "multiple": str(contract.multiple),
            "reference_sha256": self.reference_sha256,
            "quantized_sha256": self.quantized_sha256,
            "resizable": "yes" if self.resizable else "no",
        }
        if self.original_sha256:
            pairs["original_sha256"] = self.original_sha256
            pairs["original_low"] = repr(self.original_pixels.low)
            pairs["original_high"] = repr(self.original_pixels.high)
        if self.given_sha256:
            pairs["given_sha256"] = self.given_sha256
        if contract.port_options:
            pairs["port_options"] = json.dumps(contract.port_options)
        if self.operators:
            pairs["operators"] = str(self.operators)
        if contract.result is not None:
            pairs["result"] = json.dumps(contract.result.to_dict())
        if contract.others:
            pairs["others"] = json.dumps([port.to_dict() for port in contract.others])
        if contract.border:
            pairs["border"] = str(contract.border)
        if not contract.takes_image_alone:
            pairs["layout"], pairs["frames"] = contract.layout, str(contract.frames)
            pairs["further"] = json.dumps([port.to_dict() for port in contract.further])
        stated = vars(self.authorship)
        pairs |= {f"stated_{key}": value for key, value in stated.items() if value}
        return {PREFIX + key: value for key, value in pairs.items()}

    @staticmethod
    def from_strings(pairs: Mapping[str, str], where: str) -> FileNote:
        """Parse a note from string pairs, as `to_strings` writes it.

        Args:
            pairs: metadata of a file; keys without our prefix are ignored.
            where: name of the file, for the error message.

        Raises:
            ModelError: the file carries no note, or a damaged one.
        """
        try:
            ours = {key: text for key, text in pairs.items() if key.startswith(PREFIX)}
            return _note({key.removeprefix(PREFIX): text for key, text in ours.items()})
        except (KeyError, ValueError) as error:
            what = f"; its note is not whole: {error}" if has_note(pairs) else ""
            raise ModelError(
                f"{where} does not say what its pixels mean{what}. This command takes files that "
                "edge-imgq wrote; `edge-imgq export` makes them from a model."
            ) from error


def _note(pairs: Mapping[str, str]) -> FileNote:
    """Return a note from its pairs without prefix; KeyError or ValueError if one is damaged."""
    return FileNote(
        model=pairs["model"],
        target=pairs["target"],
        contract=_contract(pairs),
        version=pairs["version"],
        reference_sha256=pairs["reference_sha256"],
        quantized_sha256=pairs["quantized_sha256"],
        # Files of version 0.1.0 lack the key; treating them as fixed-size is always safe.
        resizable=pairs.get("resizable") == "yes",
        original_sha256=pairs.get("original_sha256", ""),
        given_sha256=pairs.get("given_sha256", ""),
        original_pixels=PixelRange(
            float(pairs.get("original_low", 0.0)), float(pairs.get("original_high", 1.0))
        ),
        authorship=Authorship(
            **{key: pairs.get(f"stated_{key}", "") for key in vars(Authorship())}
        ),
        operators=int(pairs.get("operators", 0)),
    )


def _contract(pairs: Mapping[str, str]) -> ImageContract:
    colour: Colour = "y" if pairs["colour"] == "y" else "rgb"
    return ImageContract(
        task=pairs["task"],
        scale=read_scale(pairs["scale"]),
        colour=colour,
        peak=float(pairs["peak"]),
        multiple=int(pairs["multiple"]),
        result=_port(pairs.get("result")),
        layout=as_kind(pairs.get("layout", "image")),
        frames=int(pairs.get("frames", 1)),
        further=_ports(pairs.get("further", "[]")),
        border=int(pairs.get("border", 0)),
        others=_ports(pairs.get("others", "[]")),
        port_options=tuple(json.loads(pairs.get("port_options", "[]"))),
    )


def _port(text: str | None) -> Port | None:
    return None if text is None else Port.from_dict(json.loads(text))


def _ports(text: str) -> tuple[Port, ...]:
    return tuple(Port.from_dict(values) for values in json.loads(text))


def note_in(pairs: Mapping[str, str], where: str) -> FileNote | None:
    """Parse the note in a file's metadata; return None if there is none.

    Raises:
        ModelError: the note is damaged; `where` names the file in the message.
    """
    return FileNote.from_strings(pairs, where) if has_note(pairs) else None


def has_note(pairs: Mapping[str, str]) -> bool:
    """Return True if a file's string metadata holds a note written by edge-imgq."""
    return PREFIX + "model" in pairs
