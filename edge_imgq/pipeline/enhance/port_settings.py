"""Convert the user's values for further inputs, numbers or pictures, to levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_imgq.errors import ImageError, UsageError
from edge_imgq.images.colour import codes_per_level
from edge_imgq.images.files import read_image
from edge_imgq.images.port_samples import with_ports, zeros_of
from edge_imgq.images.resize import resize
from edge_imgq.ports import number_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from edge_imgq.contract import ImageContract
    from edge_imgq.ports import Port

    Pixels: TypeAlias = NDArray[np.uint8]
    Levels: TypeAlias = NDArray[np.uint8 | np.float64]

Settings = Mapping[str, str]
"""Input's name → comma-separated numbers, or path of a picture."""

WHITE = 255

SHOWN = 0.01
"""Largest relative change by rounding that is not reported."""


def levels_of(
    contract: ImageContract, settings: Settings, name: str, *, exported: bool = True
) -> dict[str, Levels]:
    """Return each set input's levels: float64 (1, 1, C) of numbers, uint8 (H, W, C) of pictures.

    Levels run from 0 at the low end of an input's range to 255 at the high end; those of numbers
    are not rounded.

    Args:
        contract: contract of the network.
        settings: the user's values by input name: numbers in the model's own unit, joined by
            commas, or the path of a picture.
        name: name of the network for messages.
        exported: True for a file with fixed ranges, False for a model whose ranges can be stated.

    Raises:
        UsageError: an input has no value, one outside its range, or does not exist.
        ImageError: a picture cannot be read.
    """
    levels = set_levels(contract, settings, name, exported=exported)
    own = ("image", "state")  # the photograph, and what the network itself returned
    missing = [p for p in contract.further if p.name not in settings and p.kind not in own]
    if missing:
        asked = " and ".join(map(_example, missing))
        raise UsageError(
            f"{name} takes more than the photograph: {asked}. Give it with --set (`settings` in "
            "Python), or make it a constant with --bind."
        )
    return levels


def set_levels(
    contract: ImageContract, settings: Settings, name: str, *, exported: bool = True
) -> dict[str, Levels]:
    """Return the levels of the inputs that are set, by name; other inputs may have no value.

    They are as in `levels_of`, 0 to 255 over an input's range: float64 (1, 1, C), not rounded, of
    numbers, uint8 (H, W, C) of pictures.

    Args:
        contract: contract of the network.
        settings: the user's values.
        name: name of the network for messages.
        exported: True for a file with fixed ranges, False for a model whose ranges can be stated.

    Raises:
        UsageError: an input has a value outside its range, or does not exist.
        ImageError: a picture cannot be read.
    """
    ports = {port.name: port for port in contract.further}
    for setting in settings:
        if setting not in ports:
            takes = " and ".join(f"'{port}'" for port in ports) or "the image alone"
            raise UsageError(f"{name} has no input '{setting}' to set; it takes {takes}.")
    return {port: _levels(ports[port], text, exported) for port, text in settings.items()}


def set_numbers(contract: ImageContract, settings: Settings, name: str) -> dict[str, Pixels]:
    """Return the levels of the inputs of a model that are set to numbers, rounded, uint8 (1, 1, C).

    By the input's name, 0 to 255 over its range; inputs that are not set are left out. `name` is
    the model's, for messages.

    Raises:
        UsageError: a value is a picture or outside the input's range, or the input does not exist.
    """
    levels = set_levels(contract, settings, name, exported=False)
    for port, level in levels.items():
        if level.dtype == np.uint8:
            raise UsageError(
                f"--set {port} names a picture, and only numbers can be set here. Leave it out: "
                "masks and images are drawn as for calibration."
            )
    return {port: np.rint(level).astype(np.uint8) for port, level in levels.items()}


def packed(picture: Pixels, contract: ImageContract, levels: Mapping[str, Levels]) -> Pixels:
    """Return all inputs of a network for a picture (H, W, C), concatenated, in the picture's dtype.

    The result is (H / unit, W / unit, C'), with `contract.photo_unit` as unit; sides are cut to its
    multiples. Frames and unset further images are copies of the picture; a Bayer mosaic is sampled
    from it; unset states are zero. Numbers are rounded to the picture's type.

    Args:
        picture: uint8 or uint16.
        contract: contract of the network.
        levels: result of `levels_of`, by input name.

    Raises:
        ImageError: a picture of another size was set.
    """
    unit = contract.photo_unit
    height, width = (side // unit for side in picture.shape[:2])
    downscale = {port.name: port.downscale for port in contract.further}
    for name, level in levels.items():
        own = (-(-height // downscale[name]), -(-width // downscale[name]))
        if level.shape[:2] not in ((1, 1), (height, width), own):
            part = (
                "" if downscale[name] == 1 else f"; it may have 1/{downscale[name]} of these sides"
            )
            raise ImageError(
                f"the picture for '{name}' is {level.shape[0]}x{level.shape[1]} (height x width), "
                f"and the photograph {height}x{width}{part}."
            )
    cut = picture[: height * unit, : width * unit]
    same = {port.name: _same(picture, port) for port in contract.further if port.kind == "image"}
    zeros = {port.name: zeros_of(port) for port in contract.states}
    given = {name: _in_type_of(picture, level) for name, level in {**zeros, **levels}.items()}
    return with_ports(cut, contract, None, {**same, **given})


def _same(picture: Pixels, port: Port) -> Pixels:
    """Return the photograph as a further image, shrunk to the sides that the input has."""
    if port.downscale == 1 or picture.dtype != np.uint8:
        return picture
    return resize(
        picture, (-(-picture.shape[0] // port.downscale), -(-picture.shape[1] // port.downscale))
    )


def _in_type_of(picture: Pixels, level: Levels) -> Pixels:
    if level.dtype == np.uint8:  # stays bytes: floats take 8 times as much
        return level.astype(picture.dtype) * picture.dtype.type(codes_per_level(picture))
    rounded: Pixels = np.rint(level * codes_per_level(picture)).astype(picture.dtype)
    return rounded


def has_fractions(levels: Mapping[str, Levels]) -> bool:
    """Return True if an input that is set to numbers has one that is not one of the 256 levels."""
    return any((level != np.rint(level)).any() for level in _numbers(levels).values())


def with_exact_numbers(
    packed_levels: NDArray[np.float64], contract: ImageContract, levels: Mapping[str, Levels]
) -> NDArray[np.float64]:
    """Return a copy of a packed picture with the numbers that `packed` rounded to 8 bits.

    Args:
        packed_levels: result of `packed` as float64 levels of 0 to 255, (H, W, C).
        contract: contract of the network.
        levels: result of `levels_of`, by input name: (1, 1, C) for numbers, (H, W, C) for pictures,
            which stay as they are.
    """
    exact, start = packed_levels.copy(), contract.image_channels
    numbers = _numbers(levels)
    for port in contract.further:
        if port.name in numbers:
            exact[..., start : start + port.channels] = numbers[port.name]
        start += port.channels
    return exact


def rounded_numbers(
    contract: ImageContract, levels: Mapping[str, Levels], name: str
) -> Iterator[str]:
    """Yield a sentence for each input whose number changes by more than 1 % by rounding to 8 bits.

    Args:
        contract: contract of the network.
        levels: result of `levels_of`; pictures are left out.
        name: name of the network for the sentences.
    """
    numbers = _numbers(levels)
    for port in contract.further:
        if port.name not in numbers:
            continue
        low, scale = np.array(port.low), (np.array(port.high) - port.low) / WHITE
        said = low + numbers[port.name].ravel() * scale
        taken = low + np.rint(numbers[port.name]).ravel() * scale
        if (abs(taken - said) > SHOWN * abs(said)).any():
            became = ", ".join(
                f"{a:.4g} becomes {b:.4g}" for a, b in zip(said, taken, strict=True) if a != b
            )
            yield (
                f"{name} takes '{port.name}' in 255 steps of {_range(port)}: {became}. "
                "onnx-float and tflite-float files take it as it is."
            )


def _numbers(levels: Mapping[str, Levels]) -> dict[str, NDArray[np.float64]]:
    """Return the levels of inputs that were set to numbers."""
    return {n: level.astype(np.float64) for n, level in levels.items() if level.dtype != np.uint8}


def _levels(port: Port, text: str, exported: bool) -> Levels:
    numbers = [number_of(part) for part in text.split(",")]
    if all(number is not None for number in numbers):
        return _of_numbers(port, [number for number in numbers if number is not None], exported)
    if port.kind == "vector":
        raise UsageError(
            f"'{text}' is not a number for '{port.name}'; write --set {_example(port)}."
        )
    if not Path(text).exists():
        raise UsageError(
            f"--set {port.name}={text}: '{text}' is neither a number nor a picture that exists."
        )
    return read_image(Path(text), "rgb" if port.channels == len("rgb") else "y")


def _of_numbers(port: Port, numbers: list[float], exported: bool) -> NDArray[np.float64]:
    if len(numbers) not in (1, port.channels):
        raise UsageError(f"'{port.name}' takes {port.channels} numbers, not {len(numbers)}.")
    shares = _shares(port, numbers)
    if not _all_within(shares):
        raise UsageError(_beyond(port, numbers, exported))
    return np.broadcast_to((shares * WHITE).reshape(1, 1, -1), (1, 1, port.channels))


def _shares(port: Port, numbers: list[float]) -> NDArray[np.float64]:
    """Return numbers relative to a port's range: 0 at its low end, 1 at its high end."""
    low, high = np.array(port.low), np.array(port.high)
    shares: NDArray[np.float64] = (np.array(numbers) - low) / (high - low)
    return shares


def _all_within(shares: NDArray[np.float64]) -> bool:
    return bool((shares >= 0).all() and (shares <= 1).all())


def _beyond(port: Port, numbers: list[float], exported: bool) -> str:
    """Return a sentence that numbers are outside a port's range, and how to correct them."""
    given = ",".join(f"{number:g}" for number in numbers)
    if exported:
        told = f"was exported for {_range(port)}; export the model with another range"
        ends = "LOW..HIGH"
    else:
        told = f"is taken to go from {_range(port)}; say another range"
        ends = f"{min(0.0, *numbers):g}..{max(1.0, *numbers):g}"
    said = f"'{port.name}' {told} (--input {port.name}={port.kind}:{ends}) for {given}."
    if max(numbers) <= 1 or not _all_within(_shares(port, [n / WHITE for n in numbers])):
        return said
    levels = ",".join(f"{number:g}/{WHITE}" for number in numbers)
    return f"{said} If these are levels of {WHITE}, say --set {port.name}={levels}."


def _example(port: Port) -> str:
    if port.kind == "mask":
        return f"{port.name}=PICTURE (white where it holds)"
    if port.channels > 1:
        return f"{port.name}=NUMBER,… ({port.channels} numbers, {_range(port)}, or one for all)"
    return f"{port.name}=NUMBER ({_range(port)})"


def _range(port: Port) -> str:
    pairs = zip(port.low, port.high, strict=True)
    return ", ".join(f"{low:.4g} to {high:.4g}" for low, high in pairs)
