"""Define the contract of a bundle, `contract.json`: everything an app must know about its files."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.formats import Layout
from edge_imgq.scale import Scale
from edge_imgq.skipped import Skipped

FILE = "contract.json"

SCHEMA = 1
"""Version of the schema."""

Size = tuple[int, int]
Row = tuple[float, float, float]


@dataclass(frozen=True)
class ColourContract:
    """Colour encoding of a network's 8-bit pixels.

    Attributes:
        channels: names of the channels in order, such as R, G, B, or only Y.
        lowest: level of black.
        highest: level of white.
        matrix: rows that turn R, G, B of 0 to 1 into Y, Cb, Cr before `offset` is added; empty if
            the channels are R, G, B.
        offset: offsets added to Y, Cb, Cr; empty without a matrix.
        standard: standard that defines the encoding; "" for R, G, B.
    """

    channels: tuple[str, ...]
    lowest: int
    highest: int
    matrix: tuple[Row, ...] = ()
    offset: tuple[float, ...] = ()
    standard: str = ""


@dataclass(frozen=True)
class TensorContract:
    """An input or output of a file.

    Attributes:
        name: name of the tensor in the file.
        shape: lengths of the axes in the file's layout; None for a dynamic length.
        layout: order of the axes.
        type: element type, such as "uint8" or "float32".
        scale: real value of one level; None if the tensor is not quantized.
        zero_point: integer that represents 0; None if the tensor is not quantized.
        at_0: stored value of pixel 0.
        at_255: stored value of pixel 255.
        clipped: true if no value lies outside `at_0` to `at_255`; otherwise the app must clip.
    """

    name: str
    shape: tuple[int | None, ...]
    layout: Layout
    type: str
    scale: float | None
    zero_point: int | None
    at_0: float
    at_255: float
    clipped: bool


@dataclass(frozen=True)
class SignatureContract:
    """An entry point of a file.

    Attributes:
        name: name of the signature; "" if the file has only one entry point.
        image: input that takes the photograph.
        result: output.
        extra_inputs: further inputs, which the app must fill.
    """

    name: str
    image: TensorContract
    result: TensorContract
    extra_inputs: tuple[TensorContract, ...] = ()


@dataclass(frozen=True)
class TilingContract:
    """Tiling of a photograph without seams; `vectors/tiles.json` has examples.

    Attributes:
        tiles: tile sizes [height, width] in pixels. Of several, use the one with which the fewest
            pixels are computed. Empty if the file takes any size: use the largest tile that fits
            into memory.
        halo: number of input pixels on each side that an output pixel depends on.
        overlap: least overlap of neighbouring tiles in input pixels.
        multiple: tiles start at multiples of this number of input pixels.
    """

    tiles: tuple[Size, ...]
    halo: int
    overlap: int
    multiple: int


@dataclass(frozen=True)
class ReceptiveFieldContract:
    """Receptive field of an output pixel, in input pixels.

    Attributes:
        radius: distance that it reaches on each side.
        diameter: height and width of the square that it covers.
        period: shift of the input after which the network computes the same shifted output.
    """

    radius: int
    diameter: int
    period: int


@dataclass(frozen=True)
class DriftContract:
    """Measured drift of a file on the evaluation images, in dB rounded to one decimal.

    Attributes:
        vs_float: mean PSNR against the float model.
        vs_float_worst: PSNR of the worst image against the float model.
        lost: mean drop in PSNR against the truth, compared with the float model; the reason if
            there is no truth.
        runtime: name and version of the runtime that was measured.
    """

    vs_float: float
    vs_float_worst: float
    lost: float | Skipped
    runtime: str


@dataclass(frozen=True)
class FileContract:
    """A model file of a bundle.

    Attributes:
        target: export target of the file.
        file: path in the bundle.
        format: name of the format, such as "TFLite".
        bytes: size in bytes of the file, or of all files of a package.
        sha256: digest of the file; of a package or several files, over names and contents.
        resizable: true if the file runs correctly at other image sizes.
        multiple: image height and width must be multiples of this number.
        signatures: entry points.
        tiling: tiling of larger photographs; the reason if they cannot be tiled.
        memory: bytes of the activations at the first signature's size; the reason if unknown.
        drift: measured drift; the reason if it was not measured.
    """

    target: str
    file: str
    format: str
    bytes: int
    sha256: str
    resizable: bool
    multiple: int
    signatures: tuple[SignatureContract, ...]
    tiling: TilingContract | Skipped
    memory: int | Skipped
    drift: DriftContract | Skipped

    @property
    def size(self) -> Size | None:
        """(height, width) in pixels of the first signature's input image; None if it is dynamic."""
        image = self.signatures[0].image
        axes = {"NCHW": (2, 3), "NHWC": (1, 2), "CHW": (1, 2), "image": (0, 1)}[image.layout]
        height, width = (image.shape[axis] for axis in axes)
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None


@dataclass(frozen=True)
class AppContract:
    """The contract of a bundle.

    Attributes:
        schema: version of the schema.
        model: name of the network.
        edge_imgq: version of edge-imgq that wrote the files.
        task: task of the network.
        scale: output height divided by input height.
        colour: colour encoding of the pixels.
        receptive_field: receptive field; the reason if it is the whole image.
        reference_sha256: digest of the float model, which is in the bundle.
        measured_on: description of the images that drift was measured on.
        measured_on_sha256: digest of the names and contents of these images.
        calibration: description of the images that int8 scales were chosen on; "" without int8
            files.
        calibration_sha256: digest of the names and contents of these images; "" without int8 files.
        author: author as stated when exporting or bundling; "" if not stated.
        licence: licence of the weights as stated; "" if not stated.
        model_version: version of the model as stated; "" if not stated.
        warnings: sentences on the network itself: that it was worse against the truth than no
            network, or that its pixels may have another range.
        files: model files, sorted by target.
        port_choices: descriptions of the inputs that became constants and the output that was
            chosen: "bound: sigma = 0.0588", "output: full".
    """

    schema: int
    model: str
    edge_imgq: str
    task: str
    scale: Scale
    colour: ColourContract
    receptive_field: ReceptiveFieldContract | Skipped
    reference_sha256: str
    measured_on: str
    measured_on_sha256: str
    calibration: str
    calibration_sha256: str
    author: str
    licence: str
    model_version: str
    files: tuple[FileContract, ...]
    port_choices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
