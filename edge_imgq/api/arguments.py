"""Convert the argument types that the public functions accept to one internal type each."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from edge_imgq.contract import PixelRange
from edge_imgq.errors import UsageError
from edge_imgq.pipeline.progress import ProgressStep
from edge_imgq.ports import SYNTAX, PortRequest, PortRequests, read_bound, read_port, read_state

AnyPath: TypeAlias = "str | os.PathLike[str]"

Size: TypeAlias = "tuple[int, int]"
"""(height, width) in pixels."""

Sizes: TypeAlias = "Size | Sequence[Size]"

Range: TypeAlias = "float | tuple[float, float] | PixelRange"
"""Float value of pixel 255 (pixel 0 is then 0.0), or the values of pixels 0 and 255."""

Bound: TypeAlias = "Mapping[str, float | str | Sequence[float]]"
"""Input's name → its constant: a number, several, or text such as "15/255"."""

NOTHING_BOUND: Bound = MappingProxyType({})

Inputs: TypeAlias = "Mapping[str, str] | Sequence[str]"
"""Input's name → kind and range, {"sigma": "plane:0..50/255"}; or the command line's strings."""

Settings: TypeAlias = "Mapping[str, float | AnyPath | Sequence[float]]"
"""Input's name → its value: a number, several, text such as "25/255", or the path of an image."""

NOTHING_SET: Settings = MappingProxyType({})

Progress: TypeAlias = "Callable[[ProgressStep], None]"


def unwatched(step: ProgressStep) -> None:
    """Ignore a progress step: the default where no progress function is given."""


def as_sizes(sizes: Sizes) -> tuple[Size, ...]:
    """Return one (height, width) in pixels, or a sequence of them, as a tuple of sizes.

    The order is kept. An empty sequence gives ().

    Raises:
        UsageError: a size is not a pair of positive whole numbers.
    """
    is_one = len(sizes) > 0 and isinstance(sizes[0], int)
    return tuple(as_size(size) for size in ([sizes] if is_one else sizes))


def as_size(size: object) -> Size:
    """Return a (height, width) pair, in pixels, as a tuple after checking it.

    Raises:
        UsageError: `size` is not a pair of positive whole numbers.
    """
    sides = tuple(size) if isinstance(size, Sequence) else ()
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise UsageError(f"{size!r} is not a size; give (height, width), such as (180, 320).")
    height, width = sides
    return height, width


def as_range(pixels: Range | None) -> PixelRange | None:
    """Return the float values of pixels 0 and 255; None for None.

    A single number is the value of pixel 255; pixel 0 is then 0.

    Raises:
        UsageError: a value is not finite, or the first is not below the second.
    """
    if pixels is None or isinstance(pixels, PixelRange):
        return pixels
    low, high = pixels if isinstance(pixels, tuple) else (0.0, pixels)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(
            f"{pixels!r} is not a range of pixels; give 1, 255, or both ends, such as (-1, 1)."
        )
    return PixelRange(float(low), float(high))


def as_settings(settings: Settings) -> dict[str, str]:
    """Return the settings of inputs in the text form of the command line: "3" or "0.5,1".

    Numbers are joined by commas and written so that parsing them gives the same floats; paths
    become their text.

    Raises:
        UsageError: a setting has no number, or one that is not finite.
    """
    return {name: _setting(name, value) for name, value in settings.items()}


def _setting(name: str, value: float | AnyPath | Sequence[float]) -> str:
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    return ",".join(map(repr, _numbers(name, value)))


def as_ports(
    output_name: str | Sequence[str],
    inputs: Inputs,
    bind: Bound,
    states: Sequence[str] = (),
) -> PortRequests:
    """Parse what a caller states of a model's inputs and outputs; no model is opened.

    Args:
        output_name: NAME, NAME=KIND or NAME=KIND:LOW..HIGH, or several of these; "" for no request.
        inputs: NAME=KIND or NAME=KIND:LOW..HIGH, one or several; or KIND or KIND:LOW..HIGH by name.
        bind: constants of inputs, by the input's name: a number, several, or text as "15/255".
        states: OUTPUT=INPUT for each output that feeds an input of the next frame.

    Raises:
        UsageError: an argument has another form, or two requests concern one input.
    """
    bound = tuple((name, _numbers(name, given)) for name, given in bind.items())
    wanted = [output_name] * bool(output_name) if isinstance(output_name, str) else output_name
    outputs = tuple(map(read_port, wanted))
    further = _said_once([read_port(text) for text in _words(inputs)])
    return PortRequests(outputs, bound, further, tuple(map(read_state, states)))


def _words(inputs: Inputs) -> list[str]:
    if isinstance(inputs, Mapping):
        return [f"{name}={kind}" for name, kind in inputs.items()]
    return [inputs] if isinstance(inputs, str) else list(inputs)


def _said_once(inputs: Sequence[PortRequest]) -> tuple[PortRequest, ...]:
    """Return the requests for inputs, after checking them.

    Raises:
        UsageError: a request states no kind, or two concern one input.
    """
    for index, port in enumerate(inputs):
        if port.kind is None:
            raise UsageError(f"'{port.name}' states nothing about that input; write {SYNTAX}.")
        if any(port.name == other.name for other in inputs[:index]):
            raise UsageError(f"The input '{port.name}' is described twice; describe it once.")
    return tuple(inputs)


def _numbers(name: str, given: float | str | Sequence[float]) -> tuple[float, ...]:
    if isinstance(given, str):
        return read_bound(f"{name}={given}")[1]
    try:
        numbers = tuple(float(n) for n in (given if isinstance(given, Sequence) else [given]))
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(map(math.isfinite, numbers)):
        raise UsageError(
            f"{given!r} is not a number for '{name}'; give one, several, or text such as '15/255'."
        )
    return numbers


def as_paths(paths: AnyPath | Iterable[AnyPath]) -> tuple[Path, ...]:
    """Return one path or an iterable of paths as a tuple, in order; existence is not checked.

    Raises:
        UsageError: the iterable is empty.
    """
    if isinstance(paths, (str, os.PathLike)):
        return (Path(paths),)
    several = tuple(Path(path) for path in paths)
    if not several:
        raise UsageError("The list of paths is empty; give at least one.")
    return several


def as_path(path: AnyPath | None) -> Path | None:
    """Return a path as `Path`; None for None."""
    return None if path is None else Path(path)
