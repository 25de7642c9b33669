"""Read the contract of one file from the file itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_imgq.artifact import sha256_of, size_of
from edge_imgq.bundle.contract import (
    ColourContract,
    DriftContract,
    FileContract,
    Row,
    SignatureContract,
    TensorContract,
    TilingContract,
)
from edge_imgq.bundle.port_contract import PortedSignature, is_ported
from edge_imgq.errors import ModelError
from edge_imgq.formats import Format, Layout, format_of, unknown
from edge_imgq.images.colour import LUMA_OFFSET, RGB_TO_YCBCR
from edge_imgq.images.tile_plan import up
from edge_imgq.images.tiles import fixed_tiling
from edge_imgq.report.description import SignatureRow, TensorRow
from edge_imgq.skipped import Skipped

if TYPE_CHECKING:
    from edge_imgq.contract import FileNote, ImageContract
    from edge_imgq.graph.receptive_field.receptive_field import ReceptiveField


def colour_contract(contract: ImageContract) -> ColourContract:
    """Return the channels, range and colour matrix of a network's 8-bit pixels.

    RGB is 0 … 255 without a matrix; luma is BT.601 in limited range, 16 … 235, with the matrix that
    turns RGB in 0 … 1 into levels of Y, Cb and Cr, and its offset.
    """
    if contract.colour == "rgb":
        return ColourContract(("R", "G", "B"), 0, 255)
    rows: tuple[Row, ...] = tuple((r[0], r[1], r[2]) for r in RGB_TO_YCBCR.tolist())
    offset = tuple(LUMA_OFFSET.tolist())
    return ColourContract(("Y",), 16, 235, rows, offset, "BT.601, limited range")


def file_contract(
    path: Path, path_in_bundle: str, field: ReceptiveField, drift: DriftContract | Skipped
) -> FileContract:
    """Read the contract of a file from the file itself: tensors, sizes, tiling, digest and memory.

    Args:
        path: file written by edge-imgq.
        path_in_bundle: path of the file in the bundle.
        field: receptive field of the network, which decides the tiling.
        drift: measured drift, which is passed on; or why it was not measured.

    Raises:
        ModelError: the file is damaged, was not written by edge-imgq, or is compiled for an NPU,
            which the code of a bundle does not run.
    """
    file_format = format_of(path)
    if file_format is None:
        raise ModelError(f"{path} {unknown(path)}.")
    note: FileNote = file_format.functions.read_note(path)
    described = file_format.functions.describe(path, None)
    if described.compiled_for:
        raise ModelError(
            f"{path} is compiled for the NPU of {described.compiled_for}, and the code of a bundle "
            "calls LiteRT's interpreter, which does not run it. Bundle other files (--target names "
            "them), and deliver this one with `edge-imgq export --ai-pack`."
        )
    read = file_format.functions.signatures
    rows: tuple[SignatureRow, ...] = read(path) if read else ()
    rows = rows or (SignatureRow("", described.inputs, described.outputs),)
    images = [_image(row, note.contract) for row in rows]
    sizes = [size for image in images if (size := _size(image, file_format)) is not None]
    return FileContract(
        target=note.target,
        file=path_in_bundle,
        format=file_format.name,
        bytes=size_of(path),
        sha256=sha256_of(path),
        resizable=note.resizable or not sizes,
        multiple=note.contract.multiple,
        signatures=tuple(_signature(row, file_format, note.contract) for row in rows),
        tiling=_tiling(sizes, note.contract.multiple, field),
        memory=getattr(described.memory, "bytes", described.memory) if sizes else _OPEN,
        drift=drift,
    )


_OPEN = Skipped("the file takes images of any size, and memory grows with them")


def _signature(
    row: SignatureRow, file_format: Format, contract: ImageContract
) -> SignatureContract:
    peak, further = contract.peak, [port.name for port in contract.further]
    ordered = sorted(row.inputs, key=lambda tensor: _index(tensor.name, further))
    image, *extra = (_tensor(tensor, file_format, peak, is_input=True) for tensor in ordered)
    others = [port.name for port in contract.others]
    outputs = sorted(row.outputs, key=lambda tensor: _index(tensor.name, others))
    result, *beside = (_tensor(tensor, file_format, peak, is_input=False) for tensor in outputs)
    if is_ported(contract):
        return PortedSignature(row.name, image, result, tuple(extra), tuple(beside))
    return SignatureContract(row.name, image, result, tuple(extra))


def _image(row: SignatureRow, contract: ImageContract) -> TensorRow:
    """Return the input that takes the photograph."""
    further = [port.name for port in contract.further]
    return min(row.inputs, key=lambda tensor: _index(tensor.name, further))


def _index(name: str, further: Sequence[str]) -> int:
    """Return the index of a tensor: 0 for the image, then the others in the contract's order."""
    return 1 + further.index(name) if name in further else 0


def _tensor(row: TensorRow, file_format: Format, peak: float, *, is_input: bool) -> TensorContract:
    quantized = row.scale is not None
    return TensorContract(
        name=row.name,
        shape=tuple(side if isinstance(side, int) else None for side in row.shape),
        layout=_layout(row, file_format),
        type=row.dtype,
        scale=row.scale,
        zero_point=row.zero_point,
        at_0=0.0,
        at_255=255.0 if quantized else peak,
        clipped=quantized or is_input,
    )


def _size(row: TensorRow, file_format: Format) -> tuple[int, int] | None:
    """Return (height, width) of an image; None if they are dynamic."""
    axes = {"NCHW": (2, 3), "NHWC": (1, 2), "CHW": (1, 2), "image": (0, 1)}[
        _layout(row, file_format)
    ]
    height, width = (row.shape[axis] for axis in axes)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _layout(row: TensorRow, file_format: Format) -> Layout:
    """Return the order of the axes; a Core ML tensor of rank 4 is an array, not an image."""
    return "NCHW" if file_format.layout == "image" and len(row.shape) == 4 else file_format.layout


def _tiling(
    sizes: Sequence[tuple[int, int]], multiple: int, field: ReceptiveField
) -> TilingContract | Skipped:
    """Return the tiling of photographs for a file, or why they are not tiled.

    Args:
        sizes: sizes that the file takes; empty for any.
        multiple: multiple that the file requires.
        field: receptive field of the network.
    """
    if field.radius is None:
        return Skipped(f"{field.reason}: the file takes photographs of its own size alone")
    if not field.steady:
        return Skipped("pixels are placed between the corners of the image, whatever its size")
    if not sizes:
        common = math.lcm(multiple, field.period)
        return TilingContract((), field.radius, 2 * field.radius, common)
    tilings = [
        fixed_tiling(tile, field.radius, multiple, field.period, exact=True) for tile in sizes
    ]
    seamless = [tiling for tiling in tilings if not tiling.blend]
    if not seamless:
        side = up(4 * field.radius + multiple, tilings[0].multiple)
        return Skipped(
            f"a tile of the file is hardly larger than the {2 * field.radius + 1} pixels that the "
            f"network looks at; export it with --size {side}x{side} or larger to cut photographs"
        )
    halo, multiple = seamless[0].halo, seamless[0].multiple
    return TilingContract(tuple(tiling.tile for tiling in seamless), halo, 2 * halo, multiple)
