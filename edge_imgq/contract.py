"""What a network's pixels mean, and the note about itself that every written file carries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge_imgq.errors import ModelError
from edge_imgq.ports import Kind, Port, as_kind, choices_of

Colour = Literal["y", "rgb"]

PREFIX = "edge_imgq."


@dataclass(frozen=True)
class PixelRange:
    """The float values that a network was trained with: those of pixel 0 and of pixel 255."""

    low: float
    high: float


@dataclass(frozen=True)
class ImageContract:
    """The image that a network takes and the image that it returns.

    Attributes:
        task: "super-resolution", "photo-enhancement", "deblur", "jpeg", "denoise", or
            "image-to-image" when unknown.
        scale: output height over input height, a whole number.
        colour: "rgb" (3 channels) or "y" (1 channel: BT.601 limited range, or a plain gray image).
        peak: the float value that the 8-bit pixel 255 has inside the network (1.0 or 255.0).
        multiple: input height and width must be multiples of this.
        result: what is returned, of several the largest picture; None for an image of the input's
            colour.
        others: what is returned beside it.
        layout: what a photograph becomes: "image", itself; "raw", four planes of a Bayer mosaic (R,
            G, G, B) of half its sides; "rgba", with an opaque fourth channel; "frames", several
            side by side along the channels.
        frames: how many.
        further: inputs beside the image.
        border: pixels that the network left out on each side; its files mirror the image out by as
            many, so that nothing is left out.
        port_options: the options of a command by which the person chose and bound the model's
            ports, such as "--bind", "sigma=0.25"; none where the model was taken as it is.
    """

    task: str
    scale: int
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
        """Channels of all inputs, which lie side by side in one array of pixels."""
        return self.image_channels + sum(port.channels for port in self.further)

    @property
    def image_channels(self) -> int:
        """Channels of the input image, the first ones."""
        if self.layout in ("raw", "rgba"):
            return 4
        return self.frames * (1 if self.colour == "y" else 3)

    @property
    def takes_image_alone(self) -> bool:
        """Whether a photograph is all that is taken, as it is."""
        return self.layout == "image" and not self.further

    @property
    def port_words(self) -> str:
        """What is taken and returned beside an image as it is, in words; empty for nothing."""
        said = [f"as {self.layout}"] * (self.layout != "image")
        said += [f"with {' and '.join(map(str, self.further))}"] * bool(self.further)
        said += [] if self.result is None else [f"to {self.result}"]
        said += [f"and to {' and '.join(map(str, self.others))}"] * bool(self.others)
        said += [f"({', '.join(self.port_choices)})"] * bool(self.port_choices)
        return " ".join(said)

    @property
    def port_choices(self) -> tuple[str, ...]:
        """Inputs that became constants and the output that was chosen, a few words for each."""
        return choices_of(self.port_options)

    @property
    def photo_unit(self) -> int:
        """Pixels of a photograph for one of the input image, on a side."""
        return 2 if self.layout == "raw" else 1

    @property
    def result_channels(self) -> int:
        """Channels of what is returned; a vector's numbers are those of an image of one pixel."""
        return self.image_channels if self.result is None else self.result.channels

    @property
    def results_channels(self) -> list[int]:
        """Channels of each port that is returned."""
        return [self.result_channels, *(port.channels for port in self.others)]

    @property
    def states(self) -> tuple[Port, ...]:
        """What is taken that was returned of the frame before."""
        return tuple(port for port in self.further if port.fed_by)

    @property
    def is_recurrent(self) -> bool:
        """Whether something of one frame goes into the next."""
        return bool(self.states)

    @property
    def returns_image(self) -> bool:
        """Whether a picture is returned."""
        return self.result is None or self.result.kind == "image"

    @property
    def adds_colours(self) -> bool:
        """Whether a and b of CIELAB are returned for a lightness."""
        planes = self.result is not None and self.result.kind == "plane"
        return planes and self.colour == "y" and (self.result_channels, self.scale) == (2, 1)

    def result_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of what is returned of an image of a height and width."""
        if self.result is not None and self.result.kind == "vector":
            return 1, 1
        return size[0] * self.scale, size[1] * self.scale

    def results_sizes(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return height and width of each port that is returned of an image of such."""
        first = self.result_size(size)
        parts = (None if port.kind == "vector" else port.parts for port in self.others)
        others = ((first[0] // part, first[1] // part) if part else (1, 1) for part in parts)
        return [first, *others]

    @property
    def pixel_scale(self) -> float:
        """Float value of one 8-bit level: the quantization scale of uint8 pixels."""
        return self.peak / 255.0

    @property
    def shave(self) -> int:
        """Border that the super-resolution papers leave out of PSNR, in output pixels."""
        return self.scale if self.scale > 1 else 0

    def fitting(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the least height and width that the network takes and that hold a size."""
        height, width = (-(-side // self.multiple) * self.multiple for side in size)
        return height, width


@dataclass(frozen=True)
class Authorship:
    """What a person states of a model; "" for what is not stated.

    Attributes:
        author: who made it.
        licence: terms of its weights.
        version: in the author's own counting.
    """

    author: str = ""
    licence: str = ""
    version: str = ""

    @property
    def is_stated(self) -> bool:
        """Whether anything is."""
        return self != Authorship()


NOTHING_STATED = Authorship()


@dataclass(frozen=True)
class FileNote:
    """What a written file says about itself: embedded in ONNX, TFLite and Core ML alike.

    Attributes:
        model: name of the model, as in `artifacts/<model>/`.
        target: the recipe's stem.
        contract: the meaning of the pixels.
        version: version of edge-imgq that wrote the file.
        reference_sha256: digest of the float ONNX file that drift is measured against; empty in
            that file itself.
        quantized_sha256: digest of the QDQ ONNX file that the file was lowered from; empty for
            float files.
        resizable: whether a TFLite file computes the same network when an app resizes its input to
            other multiples of `contract.multiple`.
        original_sha256: in the float ONNX file alone, the digest of the person's own file that it
            was read from; empty where there is none.
        given_sha256: in it, too, the digest of that file before ports of it were chosen; empty
            where it was taken as it is.
        original_pixels: the values that pixels have in that file.
        operators: of a file that is compiled for an NPU, before it was; 0 in all others.
        authorship: what the person states; files of those who state nothing do not mention it.
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
        """Return the note as the string pairs that ONNX and Core ML metadata hold."""
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
        """Read the note back; `where` names the file in the error.

        Raises:
            ModelError: the file carries no note, or one that is not whole.
        """
        try:
            ours = {key: text for key, text in pairs.items() if key.startswith(PREFIX)}
            return _note({key.removeprefix(PREFIX): text for key, text in ours.items()})
        except (KeyError, ValueError) as error:
            what = f"; its note is not whole: {error}" if has_note(pairs) else ""
            raise ModelError(
                f"{where} does not say what its pixels mean{what}. This command takes files that "
                "edge-imgq wrote; `edge-imgq export` makes them of a model."
            ) from error


def _note(pairs: Mapping[str, str]) -> FileNote:
    """Return a note from its pairs, keys without the prefix.

    Raises:
        KeyError, ValueError: a pair is missing or damaged.
    """
    return FileNote(
        model=pairs["model"],
        target=pairs["target"],
        contract=_contract(pairs),
        version=pairs["version"],
        reference_sha256=pairs["reference_sha256"],
        quantized_sha256=pairs["quantized_sha256"],
        # Files of version 0.1.0 do not say; not to resize them is never wrong.
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
        scale=int(pairs["scale"]),
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
    """Return the note that string metadata holds, None where it holds none of ours."""
    return FileNote.from_strings(pairs, where) if has_note(pairs) else None


def has_note(pairs: Mapping[str, str]) -> bool:
    """Tell whether string metadata holds a note of ours."""
    return PREFIX + "model" in pairs
