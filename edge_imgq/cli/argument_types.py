"""Argument types other than paths: sizes, ranges, numbers and pairs, parsed before any work.

Functions that take text are for argparse's `type`. They raise ArgumentTypeError for text that is
malformed.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar

from edge_imgq.contract import PixelRange
from edge_imgq.errors import UsageError
from edge_imgq.ports import read_bound, read_port, read_state

T = TypeVar("T")


class OncePerName(argparse.Action):
    """Collects NAME=VALUE pairs in a dict, and refuses a repeated name."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add one pair.

        Raises:
            ArgumentError: the name already has a value.
        """
        del parser, option_string
        name, value = values
        values_by_name: dict[str, Any] = getattr(namespace, self.dest)
        if name in values_by_name:
            raise argparse.ArgumentError(self, f"'{name}' has two values; give one")
        setattr(namespace, self.dest, {**values_by_name, name: value})


class RefuseTarget(argparse.Action):
    """Refuses `--target` for commands that take files, and says which file to name."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Raise.

        Raises:
            UsageError: always.
        """
        del namespace, option_string
        command = parser.prog.split()[-1]
        raise UsageError(
            f"`{command}` takes files, not targets: name the file itself, such as "
            f"artifacts/fsrcnn-x2/tflite-int8.tflite. `edge-imgq export MODEL --target "
            f"{values or 'tflite-int8'}` writes it."
        )


def state(text: str) -> str:
    """Check a recurrent state, OUTPUT=INPUT such as "h_out=h_in"; return the text unchanged.

    Raises:
        ArgumentTypeError: it is malformed; see `edge_imgq.ports.read_state`.
    """
    _explained(read_state, text)
    return text


def port(text: str) -> str:
    """Check an input or output, NAME or NAME=KIND:LOW..HIGH; return the text unchanged.

    Raises:
        ArgumentTypeError: it is malformed; see `edge_imgq.ports.read_port`.
    """
    _explained(read_port, text)
    return text


def bound(text: str) -> tuple[str, tuple[float, ...]]:
    """Parse NAME=NUMBER or NAME=NUMBER,NUMBER,… into a name and numbers; 15/255 is a number too.

    See `edge_imgq.ports.read_bound`.

    Raises:
        ArgumentTypeError: it is malformed.
    """
    return _explained(read_bound, text)


def setting(text: str) -> tuple[str, str]:
    """Split NAME=VALUE at the first "=" into a name and a value, neither of them empty.

    Raises:
        ArgumentTypeError: name, "=" or value is missing.
    """
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"'{text}' sets nothing; write NAME=VALUE")
    return name, value


def _explained(read: Callable[[str], T], text: str) -> T:
    """Parse a text; raise UsageError's message as argparse expects it."""
    try:
        return read(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error


def positive(text: str) -> int:
    """Parse a whole number above zero, in decimal digits alone.

    Raises:
        ArgumentTypeError: the text is no such number.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


def byte_size(text: str) -> int:
    """Parse an amount of memory such as "700M" or "1.5G", and return it in bytes, rounded.

    A unit is required: K, M or G, in either case, with or without B, for powers of 1000.

    Raises:
        ArgumentTypeError: it is malformed or zero.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg])b?", text.strip().lower())
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is not an amount of memory; write 700M or 1.5G")
    return round(float(match[1]) * {"k": 10**3, "m": 10**6, "g": 10**9}[match[2]])


def size(text: str) -> tuple[int, int]:
    """Parse "HxW", such as 180x320, and return (height, width) in pixels.

    Raises:
        ArgumentTypeError: it is malformed or zero.
    """
    match = re.fullmatch(r"([1-9]\d*)[x×]([1-9]\d*)", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a size; write height x width, e.g. 180x320"
        )
    return int(match[1]), int(match[2])


def pixel_range(text: str) -> PixelRange:
    """Parse the float values of pixels 0 and 255: "1" means 0 and 1, "255" 0 and 255, "-1,1" both.

    Raises:
        ArgumentTypeError: there are not one or two finite numbers in ascending order.
    """
    try:
        ends = [float(word) for word in text.split(",")]
    except ValueError:
        ends = []
    low, high = [0.0, *ends] if len(ends) == 1 else ends if len(ends) == 2 else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a range of pixels; write 1, 255, or both ends as in --range=-1,1"
        )
    return PixelRange(low, high)


def sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Parse sizes such as "180x320,360x640", and return (height, width) pairs in pixels, in order.

    Raises:
        ArgumentTypeError: one is malformed or zero.
    """
    return tuple(size(word) for word in text.split(","))
