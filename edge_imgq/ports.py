"""Define ports: inputs of a network other than its image, and outputs other than an image.

A file encodes the numbers of every port like pixels: from 0 to the contract's peak, or 0 to 255 in
bytes. A port's `low` and `high` are the network's own numbers at these two ends; the mapping
between them is linear.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from edge_imgq.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["image", "plane", "mask", "vector", "raw", "rgba", "frames", "state"]

KINDS: tuple[str, ...] = get_args(Kind)

LAYOUTS: tuple[Kind, ...] = ("image", "raw", "rgba", "frames")
"""Kinds of input that a photograph can be converted to."""

NOISE_WORDS = ("sigma", "noise")
"""Substrings in the name of an input that holds the noise level, in the unit of pixels."""

SYNTAX = "NAME=KIND:LOW..HIGH, such as sigma=plane:0..75/255 or scores=vector:0..1"


def says_noise(name: str) -> bool:
    """Return True if an input's name contains "sigma" or "noise" (NOISE_WORDS), in any case.

    Such an input is taken to hold the noise level of the image.
    """
    return any(word in name.lower() for word in NOISE_WORDS)


@dataclass(frozen=True)
class Port:
    """One tensor that a network takes or returns.

    Attributes:
        name: name of the tensor in the model.
        kind: "image", (1, C, H, W) of colours; "plane", (1, C, H, W) of other numbers; "mask", a
            plane with only the values `low` and `high`; "vector", N numbers per image; "state", a
            plane that an output of one frame passes to an input of the next.
        channels: C or N.
        low: the network's number at code 0, one per channel or one for all.
        high: the network's number at the peak, one per channel or one for all.
        downscale: height and width of the image divided by those of the port: 2 for a plane of half
            the height and width. For an output, the image is the returned one.
        fed_by: for a state input, the output of the previous frame that feeds it.
    """

    name: str
    kind: Kind
    channels: int
    low: tuple[float, ...] = (0.0,)
    high: tuple[float, ...] = (1.0,)
    downscale: int = 1
    fed_by: str = ""

    def __str__(self) -> str:
        """Return a description for messages: "vector 'scores' of 3 numbers"."""
        of = "number" if self.kind == "vector" else "channel"
        sides = f" at 1/{self.downscale} of the sides" if self.downscale > 1 else ""
        count = f"{self.channels} {of}{'s' * (self.channels != 1)}"
        return f"{self.kind} '{self.name}' of {count}{sides}"

    def numbers(self, levels: NDArray[Any]) -> NDArray[np.float64]:
        """Convert levels (..., channels) to the network's numbers, float64 of the same shape.

        Levels 0 and 255 become each channel's `low` and `high`, others linearly; nothing is
        rounded or clipped.
        """
        import numpy as np

        low, high = np.array(self.low, np.float64), np.array(self.high, np.float64)
        numbers: NDArray[np.float64] = low + levels / 255.0 * (high - low)
        return numbers

    def to_dict(self) -> dict[str, Any]:
        """Return the port's attributes as a dict for JSON; `from_dict` reads it exactly.

        `downscale` and `fed_by` are left out at their defaults.
        """
        values = asdict(self)
        for key, usual in (("downscale", 1), ("fed_by", "")):
            if values[key] == usual:
                del values[key]
        return values

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Port:
        """Parse a port from the dict that `to_dict` returns, also after JSON made lists of tuples.

        Raises:
            KeyError: a field is missing.
            ValueError: a number cannot be parsed, or there is no such kind.
        """
        low, high = (tuple(float(number) for number in values[end]) for end in ("low", "high"))
        name, channels = str(values["name"]), int(values["channels"])
        kind, downscale = as_kind(str(values["kind"])), int(values.get("downscale", 1))
        return Port(name, kind, channels, low, high, downscale, str(values.get("fed_by", "")))


@dataclass(frozen=True)
class PortRequest:
    """The kind and range that the user states for a port.

    Attributes:
        name: name of the tensor in the model.
        kind: kind of port; None if not stated.
        low: number at code 0, per channel; empty if not stated.
        high: number at the peak, per channel; empty if not stated.
    """

    name: str
    kind: Kind | None = None
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class PortRequests:
    """The user's choices for the ports of a model.

    Attributes:
        outputs: outputs to keep, the main one first; empty to keep all.
        bound: inputs that become constants, each with its numbers.
        inputs: kinds and ranges of other inputs.
        states: outputs that feed an input of the next frame, each with that input.
    """

    outputs: tuple[PortRequest, ...] = ()
    bound: tuple[tuple[str, tuple[float, ...]], ...] = ()
    inputs: tuple[PortRequest, ...] = ()
    states: tuple[tuple[str, str], ...] = ()

    def of_input(self, name: str) -> PortRequest:
        """Return the request for the input of a name; one without kind and range if not stated."""
        return next((port for port in self.inputs if port.name == name), PortRequest(name))

    def of_output(self, name: str) -> PortRequest:
        """Return the request for the output of a name; one without kind and range if not stated."""
        return next((port for port in self.outputs if port.name == name), PortRequest(name))

    @property
    def is_choice(self) -> bool:
        """True if the exported model drops outputs or binds inputs of the user's file."""
        return bool(self.outputs or self.bound)

    @property
    def words(self) -> tuple[str, ...]:
        """Command-line options that make the same requests, options and values in turn.

        Numbers are written so that parsing gives the same floats.
        """
        options = []
        for port in self.outputs:
            options += ["--output-name", _said(port)]
        for port in self.inputs:
            options += ["--input", _said(port)]
        for name, numbers in self.bound:
            options += ["--bind", f"{name}={','.join(map(_exactly, numbers))}"]
        for fed_by, state in self.states:
            options += ["--state", f"{fed_by}={state}"]
        return tuple(options)


NO_PORT_REQUESTS = PortRequests()


def read_port(text: str) -> PortRequest:
    """Parse a port stated as NAME, NAME=KIND or NAME=KIND:LOW..HIGH.

    KIND is one of KINDS; ends are numbers or fractions such as 75/255. Several ranges, separated by
    commas, are those of the channels in order. What is not stated is None or empty.

    Raises:
        UsageError: the text has another form, or a range does not begin with its lower end.
    """
    name, _, rest = text.partition("=")
    kind, _, ranges = rest.partition(":")
    if not name or ("=" in text and kind not in KINDS):
        raise UsageError(f"'{text}' is not a port; write {SYNTAX}.")
    ends = [_ends(limits, text) for limits in ranges.split(",")] if ranges else []
    low, high = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    return PortRequest(name, as_kind(kind) if kind else None, low, high)


def read_bound(text: str) -> tuple[str, tuple[float, ...]]:
    """Parse NAME=NUMBER or NAME=NUMBER,NUMBER,… into the input's name and its numbers.

    The numbers are in the network's own unit; fractions such as 15/255 count.

    Raises:
        UsageError: the text has another form.
    """
    name, _, rest = text.partition("=")
    numbers = tuple(_number(word, text) for word in rest.split(",")) if rest else ()
    if not name or not numbers:
        raise UsageError(f"'{text}' binds nothing; write NAME=NUMBER, such as sigma=15/255.")
    return name, numbers


def read_state(text: str) -> tuple[str, str]:
    """Parse OUTPUT=INPUT into the names of the output and of the state input that it feeds.

    Raises:
        UsageError: the text has another form.
    """
    fed_by, _, state = text.partition("=")
    if not fed_by or not state:
        raise UsageError(f"'{text}' is not a state; write OUTPUT=INPUT, such as h_out=h_in.")
    return fed_by, state


def choices_of(options: Sequence[str]) -> tuple[str, ...]:
    """Describe bound inputs and chosen outputs, one phrase each, such as "bound: sigma = 0.0588".

    Numbers have three significant digits; other options are ignored.

    Args:
        options: options and their values in turn, as in `PortRequests.words`.

    Raises:
        ValueError: an option lacks its value.
        UsageError: the value of --bind cannot be parsed.
    """
    phrases = []
    for option, value in zip(options[::2], options[1::2], strict=True):
        if option == "--output-name":
            phrases.append(f"output: {value.partition('=')[0]}")
        if option == "--bind":
            name, numbers = read_bound(value)
            phrases.append(f"bound: {name} = {', '.join(f'{number:.3g}' for number in numbers)}")
    return tuple(phrases)


def _exactly(number: float) -> str:
    """Return a number as text that parses to the same float."""
    return repr(number).removesuffix(".0")


def _said(port: PortRequest) -> str:
    kind = f"={port.kind}" if port.kind else ""
    pairs = zip(port.low, port.high, strict=True)
    ranges = ",".join(f"{_exactly(low)}..{_exactly(high)}" for low, high in pairs)
    return f"{port.name}{kind}{':' if ranges else ''}{ranges}"


def _ends(limits: str, text: str) -> tuple[float, float]:
    low, dots, high = limits.partition("..")
    if not dots:
        raise UsageError(f"'{limits}' of '{text}' is not a range; write both ends, such as 0..75.")
    ends = _number(low, text), _number(high, text)
    if ends[0] >= ends[1]:
        raise UsageError(
            f"'{limits}' of '{text}' is not a range: its first end must be the lower one."
        )
    return ends


def number_of(text: str) -> float | None:
    """Parse a number, or a fraction such as 15/255; return None if it is neither or not finite."""
    over, slash, under = text.strip().partition("/")
    try:
        number = float(over) / (float(under) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None


def _number(word: str, text: str) -> float:
    number = number_of(word)
    if number is None:
        raise UsageError(f"'{word}' of '{text}' is not a number.")
    return number


def as_kind(text: str) -> Kind:
    """Return text as a port kind, after checking that it is one of KINDS.

    Raises:
        ValueError: there is no such kind.
    """
    if text not in KINDS:
        raise ValueError(f"there is no kind '{text}' of port")
    return cast("Kind", text)
