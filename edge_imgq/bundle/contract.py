"""Define the contract of a bundle, `contract.json`: everything an app must know of its files."""

from __future__ import annotations

from dataclasses import dataclass

from edge_imgq.formats import Layout
from edge_imgq.skipped import Skipped

FILE = "contract.json"

SCHEMA = 1
"""Version of the schema."""

Size = tuple[int, int]
Row = tuple[float, float, float]


@dataclass(frozen=True)
class ColourContract:
    """What the 8-bit pixels of a network are.

    Attributes:
        channels: in their order, such as R, G, B, or Y alone.
        lowest: of the levels, that of black.
        highest: that of white.
        matrix: Y, Cb and Cr from R, G and B of 0 to 1, before `offset` is added; none where
            channels are those of the photograph.
        offset: of Y, Cb and Cr.
        standard: that the matrix is of; empty where there is none.
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
        name: that an app calls it by.
        shape: in the file's layout; None for a length that is open.
        layout: the order of the axes.
        type: "uint8", "float32", …
        scale: real value of one integer step; None where the type is not quantized.
        zero_point: integer that stands for 0; None likewise.
        at_0: the value, as it is stored, that stands for the pixel 0.
        at_255: that for 255.
        clipped: whether values beyond these two never occur; else the app clips them.
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
    """A way to call a file.

    Attributes:
        name: that an app asks for; empty where there is none to ask for.
        image: what it takes.
        result: what it returns.
        extra_inputs: further inputs, which the app must fill.
    """

    name: str
    image: TensorContract
    result: TensorContract
    extra_inputs: tuple[TensorContract, ...] = ()


@dataclass(frozen=True)
class TilingContract:
    """How an app cuts a photograph so that no seam shows, as `vectors/tiles.json` does.

    Attributes:
        tiles: heights and widths of tiles; of several, the one that computes the fewest pixels.
            None for a file that takes any size: the largest that memory allows.
        halo: input pixels around a place that its output needs.
        overlap: input pixels that neighbouring tiles share at least.
        multiple: tiles start at multiples of it.
    """

    tiles: tuple[Size, ...]
    halo: int
    overlap: int
    multiple: int


@dataclass(frozen=True)
class ReceptiveFieldContract:
    """How far an output pixel looks.

    Attributes:
        radius: input pixels on each side.
        diameter: side of the square.
        period: input pixels after which the network computes the same again.
    """

    radius: int
    diameter: int
    period: int


@dataclass(frozen=True)
class DriftContract:
    """What a file loses, in dB to one decimal, on the images that it was measured on.

    Attributes:
        vs_float: mean PSNR against the float model.
        vs_float_worst: that of the worst image.
        lost: mean PSNR against the truth that it lost; why not, where there is no truth.
        runtime: what ran it.
    """

    vs_float: float
    vs_float_worst: float
    lost: float | Skipped
    runtime: str


@dataclass(frozen=True)
class FileContract:
    """One file of a bundle.

    Attributes:
        target: what it was made by.
        file: its path in the bundle.
        format: what people call it.
        bytes: size of the file, or of all files of a package.
        sha256: digest of the file; of a package or several files, over names and contents.
        resizable: whether an app may give it images of other sizes.
        multiple: sides are multiples of it.
        signatures: the ways to call it.
        tiling: how larger photographs are cut; why they are not.
        memory: bytes of its activations at the first signature's size; why that is not known.
        drift: expected; why none was measured.
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
        """Height and width of the image that it was written for; None where it takes any."""
        image = self.signatures[0].image
        axes = {"NCHW": (2, 3), "NHWC": (1, 2), "CHW": (1, 2), "image": (0, 1)}[image.layout]
        height, width = (image.shape[axis] for axis in axes)
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None


@dataclass(frozen=True)
class AppContract:
    """A bundle.

    Attributes:
        schema: version of this form.
        model: name of the network.
        edge_imgq: version that wrote the files.
        task: what the network does to an image.
        scale: output height over input height.
        colour: what its pixels are.
        receptive_field: how far an output pixel looks; why that is the whole image.
        reference_sha256: digest of the float model, which is in the bundle.
        measured_on: the images that drift was measured on, in words.
        measured_on_sha256: digest of their names and contents.
        calibration: the images that int8 scales came from, in words; empty without int8 files.
        calibration_sha256: digest of their names and contents.
        author: as the person who bundled states it; empty where nobody did.
        licence: likewise.
        model_version: likewise.
        warnings: sentences on the network itself: that it was worse than none against the truth, or
            that its pixels may have another range.
        files: of the bundle, in order of their targets.
        port_choices: inputs of the model that became constants and the output that was chosen, in
            words: "bound: sigma = 0.0588", "output: full".
    """

    schema: int
    model: str
    edge_imgq: str
    task: str
    scale: int
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
