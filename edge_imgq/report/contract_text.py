"""Text form of the contract by which `export` takes a user's model: what goes in and comes out."""

from __future__ import annotations

from edge_imgq.contract import ImageContract, PixelRange
from edge_imgq.ports import Port
from edge_imgq.report.drawing import wrapped


def contract_lines(contract: ImageContract, pixels: PixelRange) -> list[str]:
    """Return the contract of a model as lines of text, with the options that change it.

    Each is wrapped at 80 columns: task, scale and pixel range; further inputs; outputs other than
    an image; and chosen ports.

    Args:
        contract: the contract by which `export` takes the model.
        pixels: the model's numbers for pixel 0 and pixel 255.
    """
    what = "luma or gray" if contract.colour == "y" else "RGB"
    if contract.layout != "image":
        what = contract.layout if contract.layout == "frames" else contract.layout.upper()
    scale = "" if contract.scale == 1 else f" ×{contract.scale}"
    lines = [
        f"as export takes it: {contract.task}{scale} of {what}, pixels from {pixels.low:g} to "
        f"{pixels.high:g} (others: --range 255, --range=-1,1)"
    ]
    lines += [_input(port) for port in contract.further]
    returned = [*([contract.result] if contract.result else []), *contract.others]
    lines += [f"{port}{_ends(port)}{_else('--output-name', port)}" for port in returned]
    if contract.port_choices:
        lines.append(f"chosen: {', '.join(contract.port_choices)}")
    return [wrapped(line, "  ") for line in lines]


def _input(port: Port) -> str:
    if port.fed_by:
        return f"{port}{_ends(port)}, which '{port.fed_by}' of the frame before feeds"
    return f"{port}{_ends(port)}{_else('--input', port)}"


def _else(option: str, port: Port) -> str:
    return f" (another: {option} {port.name}={port.kind}:LOW..HIGH)"


def _ends(port: Port) -> str:
    return f", range {_numbers(port.low)} to {_numbers(port.high)}"


def _numbers(ends: tuple[float, ...]) -> str:
    """Return one end of a range, or those of all channels."""
    return ", ".join(f"{end:.6g}" for end in dict.fromkeys(ends))
